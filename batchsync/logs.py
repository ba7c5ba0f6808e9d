"""The log: structlog, to stderr and to a file.

Every line carries batch and run, and job where it is about one. The key is taken out of every
line, whatever brought it in.
"""

import contextlib
import json
import logging
import sys
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog

from batchsync.errors import UsageError
from batchsync.events import (
    CallRetried,
    Event,
    JobMoved,
    JobStalled,
    LimitChanged,
    Note,
    Stopping,
)
from batchsync.model import JobState

LogFormat = Literal["console", "json"]
_Entry = MutableMapping[str, Any]

# The sandbox takes any word for a key; taking such words out of every line would garble them.
_SHORTEST_SECRET = 8


@dataclass(frozen=True, slots=True)
class _Sink:
    """Somewhere that finished lines go, from a level upwards."""

    write: Callable[[str], object]
    least: int


class _Tee:
    """Structlog's inner logger: one line, to every sink that wants its level."""

    def __init__(self, sinks: Sequence[_Sink]) -> None:
        self._sinks = sinks

    def _say(self, level: int, line: str) -> None:
        for sink in self._sinks:
            if level >= sink.least:
                # A terminal that has gone away or a full disk must not stop what is paid for.
                with contextlib.suppress(OSError, ValueError):
                    sink.write(line)

    def debug(self, line: str) -> None:
        self._say(logging.DEBUG, line)

    def info(self, line: str) -> None:
        self._say(logging.INFO, line)

    def warning(self, line: str) -> None:
        self._say(logging.WARNING, line)

    def error(self, line: str) -> None:
        self._say(logging.ERROR, line)


def configure(
    *,
    log_format: LogFormat = "console",
    level: int = logging.INFO,
    log_file: Path | None = None,
    secret: str | None = None,
    write: Callable[[str], None] | None = None,
) -> None:
    """Set the log up; what was set up before is closed.

    Args:
        log_format: of the lines, on stderr and in the file alike.
        level: least that is shown on stderr; the file gets everything.
        log_file: lines are added to it.
        secret: never to appear.
        write: shows a line; default is to print it on stderr.

    Raises:
        UsageError: the log file can't be written.
    """
    close()
    sinks = [_Sink(write or _on_stderr, level)]
    if log_file is not None:
        sinks.append(_Sink(_adding_to(log_file), logging.DEBUG))
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _json_line if log_format == "json" else _console_line,
            _without(secret),
        ],
        logger_factory=lambda *_: _Tee(sinks),
        wrapper_class=structlog.make_filtering_bound_logger(min(sink.least for sink in sinks)),
        # A logger that was used before the key was known must not go on without hiding it.
        cache_logger_on_first_use=False,
    )


def close() -> None:
    """Close the log file, if there is one."""
    while _files:
        _files.pop().close()


_files: list[TextIO] = []


def _on_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def _adding_to(log_file: Path) -> Callable[[str], object]:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        # Line by line: a kill loses none that was said.
        file = log_file.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise UsageError(f"can't write the log file {log_file}: {error.strerror}") from error
    _files.append(file)
    return lambda line: file.write(line + "\n")


_json_line: Any = structlog.processors.JSONRenderer(ensure_ascii=False)

# Said once in the summary; on every console line they would only hide what matters.
_QUIET_KEYS = ("batch", "run")


def _console_line(_: Any, __: str, entry: _Entry) -> str:
    time = str(entry.pop("timestamp", ""))[11:19]
    level = str(entry.pop("level", "info"))
    event = entry.pop("event", "")
    job = entry.pop("job", None)
    rest = " ".join(
        f"{key}={value}"
        for key, value in entry.items()
        if key not in _QUIET_KEYS and value is not None
    )
    words = [time, f"{level}:" if level != "info" else "", f"{job}:" if job else "", event, rest]
    return " ".join(str(word) for word in words if word)


def _without(secret: str | None) -> Callable[[Any, str, Any], Any]:
    """Takes the key out of finished lines, wherever in them it came from."""
    if not secret or len(secret) < _SHORTEST_SECRET:
        return lambda _, __, line: line
    # As it is, and as JSON writes it.
    forms = {secret, json.dumps(secret)[1:-1]}

    def redact(_: Any, __: str, line: str) -> str:
        for form in forms:
            line = line.replace(form, "[key]")
        return line

    return redact


class LogObserver:
    """Writes events to the log."""

    def __init__(self) -> None:
        self._log: Any = structlog.get_logger("batchsync")
        self._limit = 0

    def __call__(self, event: Event) -> None:
        """Write one down, if it is worth a line."""
        match event:
            case JobMoved():
                self._moved(event)
            case JobStalled(job, state, failure):
                self._log.warning(
                    f"stays {state}: {failure.message}",
                    job=job,
                    stage=failure.stage.value,
                    code=failure.code,
                )
            case CallRetried(call, reason, pause, job):
                self._log.info(f"{call} again in {pause:.1f} s: {reason}", job=job)
            case LimitChanged():
                self._limit_changed(event)
            case Stopping(reason, leaving):
                what = "leaving" if leaving else "nothing more is submitted"
                self._log.warning(f"{what}: {reason}")
            case Note(level, message):
                getattr(self._log, level)(message)
            case _:
                pass

    def _limit_changed(self, event: LimitChanged) -> None:
        # It grows by one, again and again, and that is no news.
        say = self._log.debug if event.limit > self._limit else self._log.info
        self._limit = event.limit
        say(f"up to {event.limit} renders in flight: {event.reason}")

    def _moved(self, event: JobMoved) -> None:
        details: dict[str, Any] = {"attempt": event.attempt or None}
        if event.project_id:
            details["project"] = event.project_id
        if event.credits_charged is not None:
            details["credits"] = event.credits_charged
        if event.target in (JobState.UPLOADED, JobState.SUBMITTING):
            # The inner steps are for the file; whoever watches wants to see what was bought.
            self._log.debug(event.target.value, job=event.job, **details)
            return
        if event.failure is None:
            self._log.info(event.target.value, job=event.job, **details)
            return
        self._log.warning(
            f"{event.target}: {event.failure.message}",
            job=event.job,
            stage=event.failure.stage.value,
            code=event.failure.code,
            **details,
        )
