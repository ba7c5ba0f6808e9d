"""Flags, environment and the manifest's `run:` become one validated `Settings`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from yarl import URL

from batchsync.errors import UsageError

OFFICIAL_BASE_URL = "https://api.magichour.ai"

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", re.I)
# An address, and no name that only begins like one.
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}")
_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:([KMGT])(?:iB)?|B)?", re.I)
_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
# Bytes per second; less is a slip of the unit, and no transfer would end.
_LEAST_RATE, _MOST_RATE = 1 << 10, 1 << 50
_HALT = re.compile(r"(now|soon),fail=(\d+)(%?)")


def parse_duration(value: object) -> object:
    """`2h`, `1h30m`, `45m`, `90s` or plain seconds -> seconds; anything else is left as it is."""
    if isinstance(value, str) and value.strip() and (match := _DURATION.fullmatch(value.strip())):
        hours, minutes, seconds = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds
    return value


def parse_rate(value: object) -> object:
    """`20M`, `500K`, `1.5G` or plain bytes -> bytes per second, K being 1024; `off` -> 0.

    Raises:
        ValueError: it is a text of another form.
    """
    if not isinstance(value, str):
        return value
    if value.strip().lower() == "off":
        return 0
    match = _RATE.fullmatch(value.strip())
    if not match:
        raise ValueError("expected bytes per second such as 500K, 20M or 1G, or off")
    return int(float(match[1]) * 1024 ** _POWERS.get((match[2] or "").upper(), 0))


def _check_rate(value: int) -> int:
    if 0 < value < _LEAST_RATE or value > _MOST_RATE:
        raise ValueError("expected at least 1K: bytes per second such as 500K, 20M or 1G")
    return value


def _check_base_url(value: str) -> str:
    try:
        url = URL(value)
    except ValueError:
        raise ValueError("expected an http(s) URL such as https://api.magichour.ai") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("expected an http(s) URL such as https://api.magichour.ai")
    if url.scheme == "http" and not is_loopback(url):
        raise ValueError("plain http would show the key to the network; use https")
    return value.rstrip("/")


def is_loopback(url: URL) -> bool:
    """Whether a URL points at this machine."""
    host = url.host or ""
    named = host in ("localhost", "::1") or host.endswith(".localhost")
    return named or bool(_LOOPBACK.fullmatch(host))


def _check_halt(value: str) -> str:
    if not _HALT.fullmatch(value):
        raise ValueError("expected now,fail=N or soon,fail=N or soon,fail=N%")
    return value


Seconds = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, allow_inf_nan=False)]
Rate = Annotated[int, BeforeValidator(parse_rate), Field(ge=0), AfterValidator(_check_rate)]
Width = Annotated[int, Field(ge=1, le=1000)]
BaseUrl = Annotated[str, AfterValidator(_check_base_url)]
HaltRule = Annotated[str, AfterValidator(_check_halt)]


@dataclass(frozen=True, slots=True)
class Halt:
    """When failures stop the run: `now` cuts off, `soon` lets what renders end."""

    now: bool
    count: int
    percent: bool

    @classmethod
    def parse(cls, text: str) -> "Halt":
        """Read `now,fail=3` or `soon,fail=10%`.

        Raises:
            ValueError: the text has neither form.
        """
        match = _HALT.fullmatch(text)
        if not match:
            raise ValueError(text)
        return cls(match[1] == "now", int(match[2]), bool(match[3]))

    def reached(self, failed: int, total: int) -> bool:
        """Whether `failed` jobs out of `total` are too many."""
        if self.percent:
            return failed > 0 and failed * 100 >= self.count * total
        return failed >= self.count


class RunSettings(BaseModel):
    """What `run` can be told; the manifest's `run:` block has the same names.

    Times are seconds (or `90s`, `45m`, `2h`), `max_credits` is credits, limits are bytes per
    second (or `500K`, `20M`, `1G`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)

    base_url: BaseUrl = OFFICIAL_BASE_URL
    max_in_flight: Width | Literal["auto"] = "auto"
    # Where nothing keeps a batch from being bought whole, the longest renders go first.
    order: Literal["longest", "manifest"] = "longest"
    uploads: Width = 4
    downloads: Width = 4
    # Bytes per second of all uploads, and of all downloads, together; 0 is no limit.
    limit_upload: Rate = 0
    limit_download: Rate = 0
    # The vendor advises 3 s up to 30 s, and a hard timeout of 30 min in its example.
    poll_min: Seconds = 3.0
    poll_max: Seconds = 30.0
    poll_timeout: Seconds = 1800.0
    max_credits: Annotated[int, Field(ge=0)] | None = None
    max_duration: Seconds | None = None
    halt: HaltRule | None = None
    keep_going: bool = False
    state: str | None = None
    output_dir: str | None = None
    results: str | None = None
    metrics_file: str | None = None
    lock_wait: Seconds = 0.0
    name_tag: bool = True
    webhook: str | None = None
    webhook_path: str = "/"
    notify: tuple[str, ...] = ()
    notify_on: Literal["failure", "success", "always"] = "failure"


def settle(manifest_run: Mapping[str, Any], overrides: Mapping[str, Any]) -> RunSettings:
    """Merge the manifest's `run:` with what flags and environment say (these win).

    Raises:
        UsageError: a value is out of range, or the manifest names a foreign host.
    """
    given = {key: value for key, value in overrides.items() if value is not None}
    _refuse_foreign_host(manifest_run, given)
    try:
        settings = RunSettings.model_validate({**manifest_run, **given})
    except ValidationError as error:
        raise UsageError("\n".join(_sentence(item) for item in error.errors())) from None
    if settings.poll_max < settings.poll_min:
        raise UsageError(
            f"poll_max ({settings.poll_max:g} s) is below poll_min ({settings.poll_min:g} s)"
        )
    return settings


def _refuse_foreign_host(manifest_run: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    # A manifest may come from somebody else: it must not be able to send the key elsewhere.
    named = manifest_run.get("base_url")
    if not isinstance(named, str) or "base_url" in given:
        return
    try:
        url = URL(named)
    except ValueError:
        return  # not a URL at all: said with the rest
    if url.host != URL(OFFICIAL_BASE_URL).host and not is_loopback(url):
        raise UsageError(
            f"the manifest sends the key to {url.host}: only {OFFICIAL_BASE_URL} or this machine "
            "may stand there; for another host use --base-url or MAGIC_HOUR_BASE_URL"
        )


def _sentence(item: Any) -> str:
    name = ".".join(str(part) for part in item["loc"] if part not in ("constrained-int",))
    flag = "--" + str(item["loc"][0]).replace("_", "-")
    return f"{flag} (run.{name}): found {item['input']!r}; {_expected(item)}"


# pydantic's sentences speak to programmers.
_EXPECTED = {
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "bool_parsing": "expected yes or no",
    # All fractions among the settings are times.
    "float_parsing": "expected seconds, or a time such as 90s, 45m or 2h",
}


def _expected(item: Any) -> str:
    message: str = _EXPECTED.get(item["type"]) or item["msg"]
    return message.removeprefix("Value error, ").replace("Input should be", "expected")
