"""Settings as keyword arguments: their names, and who wins.

An argument wins over the environment, the environment over the manifest's `run:`, as on the
command line: what the two do with one batch must not differ, least of all which ledger they use.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any, Literal, TypedDict

from batchsync.errors import LockHeld, UsageError
from batchsync.settings import RunSettings, settle

# Where a batch is: fixed when it is opened, so that no run can mistake it for another.
PLACES = ("base_url", "state", "output_dir", "results")
# Settings that the command alone heeds.
COMMANDS_OWN = ("notify", "notify_on", "metrics_file")

Path = str | os.PathLike[str]


class RunKeywords(TypedDict, total=False):
    """What a run can be told; seconds are numbers, or texts such as "90s", "45m" and "2h".

    Attributes:
        max_in_flight: renders in flight at a time; "auto" finds out what the service takes.
        uploads: at a time.
        downloads: at a time.
        poll_min: least seconds between two looks at a render.
        poll_max: most seconds between two looks.
        poll_timeout: seconds to wait for one render; then it is left to the next run.
        max_credits: spend no more than this on the batch, over all its runs.
        max_duration: seconds after which the run leaves.
        halt: stop when so many jobs failed: "now,fail=3", "soon,fail=10%".
        keep_going: jobs with unfit files fail and the rest runs, instead of nothing being sent.
        lock_wait: seconds to wait for another run of this batch to end.
        name_tag: add a short mark to the name shown in the vendor's library.
        order: "longest" renders first where all may be bought, or as in the "manifest".
        limit_upload: bytes per second of all uploads together, or "500K", "20M"; 0 is no limit.
        limit_download: the same of all downloads.
        webhook: take the service's events in at "HOST:PORT"; MAGIC_HOUR_WEBHOOK_SECRET is needed.
        webhook_path: the path that they come to.
    """

    max_in_flight: int | Literal["auto"]
    uploads: int
    downloads: int
    poll_min: float | str
    poll_max: float | str
    poll_timeout: float | str
    max_credits: int | None
    max_duration: float | str | None
    halt: str | None
    keep_going: bool
    lock_wait: float | str
    name_tag: bool
    order: Literal["longest", "manifest"]
    limit_upload: int | str
    limit_download: int | str
    webhook: str | None
    webhook_path: str


class BatchKeywords(RunKeywords, total=False):
    """What a batch can be told: the same, and where things are.

    Attributes:
        base_url: of the API.
        state: the ledger's file; relative to the manifest's folder, as the two below.
        output_dir: where outputs go.
        results: the results table.
    """

    base_url: str
    state: Path
    output_dir: Path
    results: Path


def settled(manifest_run: Mapping[str, Any], *keywords: Mapping[str, Any]) -> RunSettings:
    """Everything merged; later keywords win.

    Args:
        manifest_run: the manifest's `run:`.
        keywords: the environment, and arguments.

    Raises:
        UsageError: a value is out of range.
    """
    given: dict[str, Any] = {}
    for some in keywords:
        given |= {
            name: os.fspath(value) if isinstance(value, os.PathLike) else value
            for name, value in some.items()
            if value is not None
        }
    with in_python_words():
        return settle(manifest_run, given)


def check_names(caller: str, given: Mapping[str, Any], refused: tuple[str, ...] = ()) -> None:
    """See that every keyword is known.

    Raises:
        TypeError: one is not, as with any other function.
    """
    unknown = (*refused, *COMMANDS_OWN)
    known = [name for name in RunSettings.model_fields if name not in unknown]
    for name in given:
        if name in refused:
            raise TypeError(f"{caller}() takes no {name!r}; Batch.load and Batch.from_jobs do")
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"{caller}() got an unexpected keyword argument {name!r}{hint}")


def environment(without: tuple[str, ...] = ()) -> dict[str, str]:
    """What the environment says, but for the settings that it has no say in."""
    said = {}
    for name in RunSettings.model_fields:
        variables = [f"BATCHSYNC_{name.upper()}"]
        if name == "base_url":
            variables.append("MAGIC_HOUR_BASE_URL")
        values = [value for variable in variables if (value := os.environ.get(variable))]
        if values and name not in without:
            said[name] = values[0]
    return said


# A flag in a message, with the placeholder of its value.
_FLAG = re.compile(r"--([a-z][a-z-]+)(?: \(run\.[\w.]+\))?(?: ([A-Z]{2,}))?")


@contextmanager
def in_python_words() -> Iterator[None]:
    """Errors that name flags name keywords instead."""
    try:
        yield
    except (UsageError, LockHeld) as error:
        if type(error) not in (UsageError, LockHeld):
            raise
        raise type(error)(_FLAG.sub(_keyword, str(error))) from None


def _keyword(flag: re.Match[str]) -> str:
    name = flag[1].replace("-", "_")
    return f"{name}={flag[2]}" if flag[2] else name
