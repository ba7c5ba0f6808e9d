"""What a run came to, for Prometheus: a file that node_exporter's textfile collector reads.

Gauges tell how the batch stands and how the last run went; counters go on from what the file said
before, and begin anew where it is lost, as counters may.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from batchsync import __version__
from batchsync.errors import ExitCode
from batchsync.report.summary import Summary

# Ends that somebody who watches a nightly batch need not be woken for.
_SUCCESS = frozenset({ExitCode.OK, ExitCode.NOTHING_TO_DO})

_SAMPLE = re.compile(r"(batchsync_[a-z_]+)(\{.*\})? (\S+)")
_BATCH = re.compile(r'\{batch="((?:[^"\\]|\\.)*)"')
# A file that large is none of ours.
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class _Family:
    kind: Literal["gauge", "counter"]
    help: str


_FAMILIES: Mapping[str, _Family] = {
    "batchsync_build_info": _Family("gauge", "The version that ran; always 1."),
    "batchsync_last_run_timestamp_seconds": _Family("gauge", "When the last run ended."),
    "batchsync_last_success_timestamp_seconds": _Family(
        "gauge", "When the last run ended that had nothing left to do; 0 if none has."
    ),
    "batchsync_last_run_exit_code": _Family("gauge", "What the last run ended with."),
    "batchsync_last_run_duration_seconds": _Family("gauge", "How long the last run took."),
    "batchsync_jobs": _Family("gauge", "Jobs by where they stand."),
    "batchsync_credits_estimated": _Family("gauge", "Credits that the jobs were expected to cost."),
    "batchsync_credits_charged": _Family("gauge", "Credits that the jobs have cost, in all runs."),
    "batchsync_credits_refunded": _Family("gauge", "Credits given back, in all runs."),
    "batchsync_credits_balance": _Family("gauge", "Credits of the account when last asked."),
    "batchsync_runs_total": _Family("counter", "Runs by what they ended with."),
    "batchsync_requests_total": _Family("counter", "Requests sent, by endpoint."),
    "batchsync_transferred_bytes_total": _Family("counter", "Bytes uploaded and downloaded."),
    "batchsync_upload_saved_bytes_total": _Family("counter", "Bytes that need not be sent again."),
}


@dataclass(slots=True)
class _Book:
    """Samples by their name and labels as written; what is new replaces what was there."""

    batch: str
    samples: dict[str, str] = field(default_factory=dict)

    def set(self, name: str, value: float, **labels: str) -> None:
        self.samples[self._key(name, labels)] = _number(value)

    def add(self, name: str, value: float, **labels: str) -> None:
        key = self._key(name, labels)
        self.samples[key] = _number(_read(self.samples.get(key, "0")) + value)

    def _key(self, name: str, labels: Mapping[str, str]) -> str:
        words = {"batch": self.batch, **labels}
        pairs = [f'{label}="{_escaped(text)}"' for label, text in words.items()]
        return f"{name}{{{','.join(pairs)}}}"

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for name, family in _FAMILIES.items():
            samples = [item for item in self.samples.items() if item[0].partition("{")[0] == name]
            if samples:
                yield f"# HELP {name} {family.help}"
                yield f"# TYPE {name} {family.kind}"
                yield from (f"{key} {value}" for key, value in samples)


def record(path: Path, summary: Summary, now: float) -> None:
    """Write what a run came to; blocking.

    Raises:
        OSError: the file can't be written.
    """
    book = _Book(summary.batch, _samples_of(path, summary.batch))
    _note_run(book, summary.exit, now, summary.elapsed_seconds)
    for state, count in _states(summary):
        book.set("batchsync_jobs", count, state=state)
    credits = summary.credits
    book.set("batchsync_credits_estimated", credits.estimated)
    book.set("batchsync_credits_charged", credits.charged)
    book.set("batchsync_credits_refunded", credits.refunded)
    if credits.balance is not None:
        book.set("batchsync_credits_balance", credits.balance)
    for endpoint, count in summary.requests.items():
        book.add("batchsync_requests_total", count, endpoint=endpoint)
    book.add("batchsync_transferred_bytes_total", summary.bytes.uploaded, direction="up")
    book.add("batchsync_transferred_bytes_total", summary.bytes.downloaded, direction="down")
    book.add("batchsync_upload_saved_bytes_total", summary.bytes.upload_saved)
    _replace(path, book.text())


def record_mishap(path: Path, batch: str | None, code: int, now: float, seconds: float) -> None:
    """Write that a run ended by an error; how the batch stands is left as it was. Blocking.

    Args:
        path: of the file.
        batch: its name, None where not even the manifest could be read.
        code: what the process ends with.
        now: unix seconds.
        seconds: that the run took.

    Raises:
        OSError: the file can't be written.
    """
    if batch is None:
        found = _BATCH.search(_content(path))
        batch = _unescaped(found[1]) if found else path.stem
    book = _Book(batch, _samples_of(path, batch))
    _note_run(book, code, now, seconds)
    _replace(path, book.text())


def _note_run(book: _Book, code: int, now: float, seconds: float) -> None:
    for key in [key for key in book.samples if key.startswith("batchsync_build_info{")]:
        del book.samples[key]
    book.set("batchsync_build_info", 1, version=__version__)
    book.set("batchsync_last_run_timestamp_seconds", round(now, 3))
    book.set("batchsync_last_run_exit_code", int(code))
    book.set("batchsync_last_run_duration_seconds", round(seconds, 3))
    book.add("batchsync_runs_total", 1, exit_code=str(int(code)))
    book.add("batchsync_last_success_timestamp_seconds", 0)
    if code in _SUCCESS:
        book.set("batchsync_last_success_timestamp_seconds", round(now, 3))


def _states(summary: Summary) -> Iterator[tuple[str, int]]:
    jobs = summary.jobs
    yield "done", jobs.done + jobs.skipped
    for state in ("failed", "canceled", "unconfirmed", "pending", "in_flight"):
        yield state, getattr(jobs, state)


def _samples_of(path: Path, batch: str) -> dict[str, str]:
    """What the file says of this batch; nothing where it is missing or another's."""
    lines = (_SAMPLE.fullmatch(line) for line in _content(path).split("\n"))
    label = f'{{batch="{_escaped(batch)}"'
    return {
        f"{found[1]}{found[2]}": found[3]
        for found in lines
        if found and found[1] in _FAMILIES and (found[2] or "").startswith(label)
    }


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > _MOST_BYTES:
            return ""
        return path.read_text("utf-8")
    except (OSError, UnicodeError):
        return ""


def _replace(path: Path, text: str) -> None:
    if path.exists() and not path.is_file():
        raise OSError(None, "it is no file")
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not *.prom: the collector would read it half written. Made as any file is, so that the
    # collector, which is somebody else, may read it.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_text(text, "utf-8", newline="\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(float(value))


def _read(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value < float("inf") else 0.0


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
