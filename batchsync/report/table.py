"""The results table: one row a job, in manifest order, written whole or not at all."""

import csv
import io
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchsync.errors import OutputUnwritable
from batchsync.ledger.protocol import Attempt, Cost, JobRecord
from batchsync.model import Job, JobState
from batchsync.plan import Step
from batchsync.stages.download import sync_folder

# The fixed order (DESIGN: "Results columns"); a column for each tag follows.
COLUMNS = (
    "job",
    "name",
    "status",
    "attempt",
    "project_id",
    "generation_mode",
    "start_seconds",
    "end_seconds",
    "max_fps_limit",
    "audio",
    "video",
    "output",
    "output_bytes",
    "output_sha256",
    "fps",
    "width",
    "height",
    "credits_estimated",
    "credits_charged",
    "submitted_at",
    "rendered_at",
    "downloaded_at",
    "render_seconds",
    "error_stage",
    "error_code",
    "error_message",
)

# A spreadsheet runs a cell that begins so as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

_NO_COST = Cost(0, 0, 0, 0)

Row = dict[str, Any]


def rows(
    steps: Sequence[Step],
    records: Mapping[str, JobRecord],
    costs: Mapping[str, Cost],
    folder: Path,
) -> list[Row]:
    """The table's rows; numbers as numbers, times as ISO 8601 in UTC, nothing as None.

    Args:
        steps: of the plan, which gives the order and the estimates.
        records: where each job stands.
        costs: over all attempts of each job.
        folder: that the table will lie in; outputs are named relative to it.
    """
    return [
        _row(step, records.get(step.job.id), costs.get(step.job.id, _NO_COST), folder)
        for step in steps
    ]


def status_word(state: JobState) -> str:
    """A state in the words of the table: an upload costs nothing, so the job is still pending."""
    return JobState.PENDING.value if state is JobState.UPLOADED else state.value


def _row(step: Step, record: JobRecord | None, cost: Cost, folder: Path) -> Row:
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
    return ordered | {_tag_column(tag): value for tag, value in job.tags.items()}


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


def _tag_column(tag: str) -> str:
    # A tag named like a fixed column gets its own, so that no figure is hidden by it.
    named = f"tags.{tag}" if tag in COLUMNS or tag.startswith("tags.") else tag
    return str(_cell(named))


def iso(moment: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if moment is None:
        return None
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def columns(table: Sequence[Row]) -> list[str]:
    """The fixed columns, then one for each tag in the order of appearance."""
    return list(dict.fromkeys([*COLUMNS, *(name for row in table for name in row)]))


def to_csv(table: Sequence[Row]) -> str:
    """RFC 4180: CRLF, quotes where needed."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns(table), restval="", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({name: _cell(value) for name, value in row.items()} for row in table)
    return out.getvalue()


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value


def write_whole(path: Path, content: bytes) -> None:
    """Write beside the target, sync, rename: a reader sees the old file or the new; blocking.

    Raises:
        OutputUnwritable: the disk did not take it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # One name for all, so that what a killed process left is overwritten by the next.
        temporary = path.with_name(f".batchsync-{path.name}.part")
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except OSError as error:
        raise OutputUnwritable(f"can't write {path}: {error.strerror}") from error


def write_csv(path: Path, table: Iterable[Row]) -> None:
    """Write the results table; blocking.

    Raises:
        OutputUnwritable: the disk did not take it.
    """
    write_whole(path, to_csv(list(table)).encode())
