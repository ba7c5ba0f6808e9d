"""The log: structlog over the standard library's handlers, to stderr and to a file.

Every line carries batch and run, and job where it is about one. The key is taken out of every
line, whatever brought it in.
"""

import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any, Literal

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


class _Printer(logging.Handler):
    """Hands finished lines to whoever owns the terminal just now."""

    def __init__(self, write: Callable[[str], None]) -> None:
        super().__init__()
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        self._write(self.format(record))


def configure(
    *,
    log_format: LogFormat = "console",
    level: int = logging.INFO,
    log_file: Path | None = None,
    secret: str | None = None,
    write: Callable[[str], None] | None = None,
) -> None:
    """Set the log up; once a process.

    Args:
        log_format: of the lines, on stderr and in the file alike.
        level: least that is shown on stderr; the file gets everything.
        log_file: lines are added to it.
        secret: never to appear.
        write: shows a line; default is to print it on stderr.

    Raises:
        UsageError: the log file can't be written.
    """
    least = logging.DEBUG if log_file else level
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger("batchsync")
    root.handlers.clear()
    root.propagate = False
    root.setLevel(least)
    shown: logging.Handler = _Printer(write) if write else logging.StreamHandler(sys.stderr)
    shown.setLevel(level)
    handlers = [shown]
    if log_file is not None:
        handlers.append(_open(log_file))
    for handler in handlers:
        handler.setFormatter(_formatter(log_format, secret))
        root.addHandler(handler)


def _open(log_file: Path) -> logging.Handler:
    try:
        log_file.parent.mkdir(parents=True, exist_ok=True)
        return logging.FileHandler(log_file, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"can't write the log file {log_file}: {error.strerror}") from error


def _formatter(log_format: LogFormat, secret: str | None) -> logging.Formatter:
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if log_format == "json"
        else _console_line
    )
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            renderer,
            _without(secret),
        ]
    )


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
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("batchsync")

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
            case LimitChanged(limit, reason):
                self._log.info(f"up to {limit} renders in flight: {reason}")
            case Stopping(reason, leaving):
                what = "leaving" if leaving else "nothing more is submitted"
                self._log.warning(f"{what}: {reason}")
            case Note(level, message):
                getattr(self._log, level)(message)
            case _:
                pass

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
