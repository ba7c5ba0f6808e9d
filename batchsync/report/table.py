"""The results table: one row a job, in manifest order, written whole or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from batchsync.errors import OutputUnwritable
from batchsync.ledger.protocol import Attempt, Cost, JobRecord
from batchsync.ledger.reviews import Review, word_on
from batchsync.model import Job, JobState
from batchsync.plan import Step
from batchsync.stages.download import sync_folder

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # Windows, which lets nobody rename a file that another writes
    fcntl = None


class Kind(Enum):
    """What the cells of a column are."""

    TEXT = "text"
    WHOLE = "whole number"
    NUMBER = "number"
    TIME = "moment in UTC, as ISO 8601"


# The fixed order (DESIGN: "Results columns"); a column for each tag follows.
KINDS: Mapping[str, Kind] = {
    "job": Kind.TEXT,
    "name": Kind.TEXT,
    "status": Kind.TEXT,
    "attempt": Kind.WHOLE,
    "project_id": Kind.TEXT,
    "generation_mode": Kind.TEXT,
    "start_seconds": Kind.NUMBER,
    "end_seconds": Kind.NUMBER,
    "max_fps_limit": Kind.NUMBER,
    "audio": Kind.TEXT,
    "video": Kind.TEXT,
    "output": Kind.TEXT,
    "output_bytes": Kind.WHOLE,
    "output_sha256": Kind.TEXT,
    "fps": Kind.NUMBER,
    "width": Kind.WHOLE,
    "height": Kind.WHOLE,
    "credits_estimated": Kind.WHOLE,
    "credits_charged": Kind.WHOLE,
    "submitted_at": Kind.TIME,
    "rendered_at": Kind.TIME,
    "downloaded_at": Kind.TIME,
    "render_seconds": Kind.NUMBER,
    "error_stage": Kind.TEXT,
    "error_code": Kind.TEXT,
    "error_message": Kind.TEXT,
}
COLUMNS = tuple(KINDS)

# What a person said of the output: both follow the fixed columns once any row has one of them.
REVIEW_COLUMNS = ("verdict", "note")

# A spreadsheet runs a cell that begins so as a formula.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_NO_COST = Cost(0, 0, 0, 0)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows, and what their columns are, in order; what a row lacks is empty there."""

    kinds: Mapping[str, Kind]
    rows: Sequence[Row]


def rows(
    steps: Sequence[Step],
    records: Mapping[str, JobRecord],
    costs: Mapping[str, Cost],
    folder: Path,
    reviews: Mapping[str, Review] | None = None,
) -> list[Row]:
    """The table's rows; numbers as numbers, times as ISO 8601 in UTC, nothing as None.

    Args:
        steps: of the plan, which gives the order and the estimates.
        records: where each job stands.
        costs: over all attempts of each job.
        folder: that the table will lie in; outputs are named relative to it.
        reviews: the latest word on each job.
    """
    return [
        _row(
            step,
            records.get(step.job.id),
            costs.get(step.job.id, _NO_COST),
            folder,
            word_on(reviews or {}, records.get(step.job.id)),
        )
        for step in steps
    ]


def status_word(state: JobState) -> str:
    """A state in the words of the table: an upload costs nothing, so the job is still pending."""
    return JobState.PENDING.value if state is JobState.UPLOADED else state.value


def _row(
    step: Step, record: JobRecord | None, cost: Cost, folder: Path, word: Review | None
) -> Row:
    job = step.job
    state = record.state if record else JobState.PENDING
    attempt = record.attempt if record else None
    failure = record.failure if record else None
    row: Row = {
        "job": job.id,
        "name": job.name,
        "status": status_word(state),
        "attempt": record.attempt_number if record else 0,
        **_parameters(job, attempt),
        "audio": job.audio.text,
        "video": job.video.text,
        **_attempt_columns(attempt, state is JobState.DONE, folder),
        "credits_estimated": attempt.credits_estimated if attempt else step.credits_estimated,
        "credits_charged": cost.charged,
        "error_stage": failure.stage.value if failure else None,
        "error_code": failure.code if failure else None,
        "error_message": failure.message if failure else None,
    }
    ordered = {column: row[column] for column in COLUMNS}
    if word is not None:
        said = (word.verdict.value if word.verdict else None, word.note or None)
        ordered |= dict(zip(REVIEW_COLUMNS, said, strict=True))
    return ordered | {tag_column(tag): value for tag, value in job.tags.items()}


def _parameters(job: Job, attempt: Attempt | None) -> Row:
    """What was sent, where something was; else what the manifest says."""
    said: Row = {
        "generation_mode": job.generation_mode.value,
        "start_seconds": job.start_seconds,
        "end_seconds": job.end_seconds,
        "max_fps_limit": job.max_fps_limit,
    }
    sent = attempt.parameters if attempt else {}
    return {name: sent.get(name, value) for name, value in said.items()}


def _attempt_columns(attempt: Attempt | None, done: bool, folder: Path) -> Row:
    output = attempt.output if attempt and done else None
    taken = None
    if attempt and attempt.rendered_at and attempt.submitted_at:
        taken = round(max(0.0, attempt.rendered_at - attempt.submitted_at), 3)
    return {
        "project_id": attempt.project_id if attempt else None,
        "output": Path(os.path.relpath(output, folder)).as_posix() if output else None,
        "output_bytes": attempt.output_bytes if attempt and done else None,
        "output_sha256": attempt.output_sha256 if attempt and done else None,
        "fps": attempt.fps if attempt else None,
        "width": attempt.width if attempt else None,
        "height": attempt.height if attempt else None,
        "submitted_at": iso(attempt.submitted_at) if attempt else None,
        "rendered_at": iso(attempt.rendered_at) if attempt else None,
        "downloaded_at": iso(attempt.downloaded_at) if attempt and done else None,
        "render_seconds": taken,
    }


def tag_column(tag: str) -> str:
    """The column of a tag; one that is named like another column hides no figure."""
    taken = tag in KINDS or tag in REVIEW_COLUMNS or tag.startswith("tags.")
    return f"tags.{tag}" if taken else tag


def iso(moment: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def table_of(table: Sequence[Row]) -> Table:
    """The fixed columns, those of the review if there was one, then each tag as it appears."""
    used = dict.fromkeys(name for row in table for name in row if name not in REVIEW_COLUMNS)
    reviewed = any(row.get(name) is not None for row in table for name in REVIEW_COLUMNS)
    names = [*COLUMNS, *(REVIEW_COLUMNS if reviewed else ()), *used]
    return Table(kinds_of(dict.fromkeys(names)), table)


def kinds_of(names: Iterable[str]) -> dict[str, Kind]:
    """What the cells of these columns are; tags and reviews are texts."""
    return {name: KINDS.get(name, Kind.TEXT) for name in names}


def to_csv(table: Table) -> str:
    """RFC 4180: CRLF, quotes where needed; a header without rows, too."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(_cell, table.kinds))
    writer.writerows([_cell(row.get(name)) for name in table.kinds] for row in table.rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, sync, rename: a reader sees the old file or the new; blocking.

    Raises:
        OutputUnwritable: the disk did not take it, or what is there is no file.
    """
    try:
        if path.exists() and not path.is_file():
            raise OutputUnwritable(f"can't write {path}: it is no file")
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name for all, so that what a killed process left is overwritten by the next.
        temporary = path.with_name(f".batchsync-{path.name}.part")
        with _owned(temporary) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                if fcntl is None:
                    file.close()  # Windows renames no open file
                temporary.replace(path)
            except BaseException:
                temporary.unlink(missing_ok=True)
                raise
        sync_folder(path.parent)
    except OSError as error:
        raise OutputUnwritable(f"can't write {path}: {error.strerror}") from error


@contextmanager
def _owned(path: Path) -> Iterator[BinaryIO]:
    """An empty file at `path` for this writer alone: a run's end may meet `results`."""
    while True:
        with path.open("ab") as file:
            if fcntl is not None:
                with suppress(OSError):  # some file systems have no locks
                    fcntl.flock(file, fcntl.LOCK_EX)
            if _is_still_at(path, file):
                file.truncate(0)
                yield file
                return


def _is_still_at(path: Path, file: BinaryIO) -> bool:
    # Whoever held it before may have renamed it: what we opened is then the finished table.
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def write_csv(path: Path, table: Iterable[Row]) -> None:
    """Write the results table; blocking.

    Raises:
        OutputUnwritable: the disk did not take it.
    """
    write_whole(path, to_csv(table_of(list(table))).encode())
