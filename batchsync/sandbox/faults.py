"""Everything that can be made to go wrong: one table, and the draws from it.

A rule is `[ENDPOINT:]NAME=HOW_OFTEN`, where HOW_OFTEN is a probability (`0.3`, `30%`), `always`,
`once` or a count (`2x`: the first two times).
"""

import difflib
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from batchsync.sandbox.rules import JOB_ERRORS

API_ENDPOINTS: Final = ("upload-urls", "create", "status", "delete", "account")
STORAGE_ENDPOINTS: Final = ("upload", "download")
ENDPOINTS: Final = (*API_ENDPOINTS, *STORAGE_ENDPOINTS)
# No endpoint of ours: what is sent to the webhook's URL.
EVENT: Final = "event"


class Phase(Enum):
    """When a fault is drawn."""

    BEFORE = "before the request is handled"
    AFTER = "after the request was handled well"
    ISSUE = "when URLs are signed"
    JOB = "when a job is made"
    VIEW = "when a job's status is shown"
    EVENT = "when an event is sent"


class Mishap(Enum):
    """What becomes of a request or of its answer on the wire."""

    RESET = "the connection is reset"
    HOLD = "no answer comes"
    EMPTY = "200 with an empty body"
    TRICKLE = "the body trickles"
    TRUNCATE = "the connection closes midway"
    SHORTEN = "a body that is clean and too short"


@dataclass(frozen=True, slots=True)
class Outage:
    """An answer that stands in for the real one."""

    status: int
    message: str
    retry_after: int | None = None
    html: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """How a job ends, decided when it is made."""

    end: str
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """One row of the table.

    Attributes:
        name: What a rule calls it.
        phase: When it is drawn.
        summary: What it does, for `--list-faults`.
        usual: The endpoints it applies to when the rule names none.
        others: More endpoints that a rule may name.
        effect: What it does, for the code that acts on it.
    """

    name: str
    phase: Phase
    summary: str
    usual: tuple[str, ...]
    others: tuple[str, ...] = ()
    effect: Outage | Mishap | Fate | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        """All endpoints that a rule may name."""
        return self.usual + self.others


def _outage(name: str, summary: str, effect: Outage) -> Fault:
    return Fault(name, Phase.BEFORE, summary, API_ENDPOINTS, STORAGE_ENDPOINTS, effect)


def _lost(name: str, phase: Phase, summary: str, effect: Mishap) -> Fault:
    others = tuple(name for name in ENDPOINTS if name != "create")
    return Fault(name, phase, summary, ("create",), others, effect)


def _job(name: str, summary: str, effect: Fate) -> Fault:
    return Fault(name, Phase.JOB, summary, ("create",), (), effect)


def _table() -> Iterator[Fault]:
    yield _outage("rate-limit", "429 without Retry-After", Outage(429, "Too many requests"))
    yield _outage("rate-limit-after", "429, Retry-After: 1", Outage(429, "Too many requests", 1))
    yield _outage("error-500", "500", Outage(500, "Internal server error"))
    yield _outage("error-502", "502", Outage(502, "Bad gateway"))
    yield _outage("error-503", "503", Outage(503, "Service unavailable"))
    yield _outage("html", "502 with a proxy's HTML page", Outage(502, "", html=True))
    yield _outage("forbidden", "403", Outage(403, "Forbidden"))
    yield _lost("reset-before", Phase.BEFORE, "connection reset, nothing was done", Mishap.RESET)
    yield _lost(
        "reset-after", Phase.AFTER, "done (the job is made and charged), then reset", Mishap.RESET
    )
    yield _lost("lost-answer", Phase.AFTER, "done, but the answer never comes", Mishap.HOLD)
    yield _lost("empty-200", Phase.AFTER, "done, answered 200 with an empty body", Mishap.EMPTY)
    yield Fault(
        "slow-body",
        Phase.AFTER,
        "the answer's body trickles",
        API_ENDPOINTS,
        ("download",),
        Mishap.TRICKLE,
    )
    yield Fault(
        "truncated-download",
        Phase.AFTER,
        "right Content-Length, connection closed midway",
        ("download",),
        effect=Mishap.TRUNCATE,
    )
    yield Fault(
        "short-length",
        Phase.AFTER,
        "a whole answer with half the bytes",
        ("download",),
        effect=Mishap.SHORTEN,
    )
    yield Fault(
        "expired-url", Phase.ISSUE, "issued URLs have expired already", ("upload-urls", "status")
    )
    yield Fault(
        "complete-without-downloads",
        Phase.VIEW,
        "a job's first `complete` comes with empty downloads",
        ("status",),
    )
    yield Fault(
        "unknown-status", Phase.VIEW, "a status that is not documented, once a job", ("status",)
    )
    yield from (
        Fault(name, Phase.EVENT, summary, (EVENT,))
        for name, summary in (
            ("event-lost", "an event is not sent"),
            ("event-twice", "an event is sent twice"),
            ("event-late", "an event is sent seconds after the fact"),
            ("event-disorder", "an event is sent after the next one"),
            ("event-forged", "an event is signed with another secret"),
        )
    )
    yield _job("stuck", "the render never ends", Fate("stuck"))
    yield _job("cancel", "the job ends canceled, refunded", Fate("cancel"))
    yield _job("job-error", "the job fails with any documented code, refunded", Fate("error"))
    for code in JOB_ERRORS:
        yield _job(f"job-error-{code}", f"the job fails with {code}, refunded", Fate("error", code))


FAULTS: Final = {fault.name: fault for fault in _table()}


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One fault at some endpoints, and how often."""

    fault: Fault
    endpoints: tuple[str, ...]
    probability: float
    times: int | None
    text: str


_RULE = re.compile(r"(?:(?P<endpoint>[^:=]*):)?(?P<name>[^:=]*)=(?P<often>.*)")
_COUNT = re.compile(r"([1-9]\d*)x")
_PROBABILITY = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(%?)")


def parse_rule(text: str) -> FaultRule:
    """Read one rule.

    Raises:
        ValueError: It names no known fault or endpoint, or no probability or count.
    """
    match = _RULE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"fault {text!r}: expected [ENDPOINT:]NAME=PROBABILITY, once or 2x")
    fault = FAULTS.get(match["name"]) or _unknown("fault", match["name"], FAULTS)
    endpoints = fault.usual
    if match["endpoint"] is not None:
        if match["endpoint"] not in fault.endpoints:
            _unknown(f"endpoint for {fault.name}", match["endpoint"], fault.endpoints)
        endpoints = (match["endpoint"],)
    probability, times = _how_often(match["often"], text)
    return FaultRule(fault, endpoints, probability, times, text)


def _unknown(what: str, name: str, known: Iterable[str]) -> Fault:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {what}: {name!r}.{hint} Known: {', '.join(known)}")


def _how_often(often: str, text: str) -> tuple[float, int | None]:
    if often == "always":
        return 1.0, None
    if often == "once":
        return 1.0, 1
    if count := _COUNT.fullmatch(often):
        return 1.0, int(count[1])
    if number := _PROBABILITY.fullmatch(often):
        probability = float(number[1]) / (100 if number[2] else 1)
        if probability <= 1:
            return probability, None
    raise ValueError(f"fault {text!r}: expected a probability (0.3, 30%), always, once or 2x")


class FaultPlan:
    """Draws faults by their rules and counts those that struck."""

    def __init__(self, rules: Iterable[str], seed: int = 0) -> None:
        self.fired: Counter[str] = Counter()
        self._rules = [parse_rule(text) for text in rules]
        self._left = [rule.times for rule in self._rules]
        self._codes = random.Random(f"{seed}:codes")  # noqa: S311
        # A generator a rule: adding one rule leaves the draws of the others as they were.
        # Python's own generator is right here: nothing secret hangs on it.
        self._dice = [random.Random(f"{seed}:{rule.text}") for rule in self._rules]  # noqa: S311

    def draw(self, phase: Phase, endpoint: str, *, only: str | None = None) -> Fault | None:
        """The fault that strikes now, if any; the first rule given wins."""
        for index, rule in enumerate(self._rules):
            fault = rule.fault
            if fault.phase is not phase or endpoint not in rule.endpoints:
                continue
            if (only is None or fault.name == only) and self._strikes(index):
                self.fired[fault.name] += 1
                return fault
        return None

    def draw_fate(self) -> Fate | None:
        """How a new job is to end, if not well."""
        fault = self.draw(Phase.JOB, "create")
        if fault is None or not isinstance(fault.effect, Fate):
            return None
        if fault.effect == Fate("error"):
            return Fate("error", self._codes.choice(list(JOB_ERRORS)))
        return fault.effect

    def _strikes(self, index: int) -> bool:
        left = self._left[index]
        if left == 0:
            return False
        struck = self._dice[index].random() < self._rules[index].probability
        if struck and left is not None:
            self._left[index] = left - 1
        return struck
