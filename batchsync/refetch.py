"""Which finished renders to download again; buying nothing."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from batchsync.errors import SourceUnfit, UsageError
from batchsync.ledger.protocol import Attempt, JobRecord
from batchsync.model import Job, JobState, Stage
from batchsync.plan import Action, Plan, Step
from batchsync.survey import hash_file


def plan(jobs: Iterable[Job], records: Mapping[str, JobRecord], wanted: tuple[str, ...]) -> Plan:
    """Jobs that were named, or else those whose output is missing or damaged; blocking.

    Raises:
        UsageError: a name fits no job.
    """
    all_jobs = list(jobs)
    for pattern in wanted:
        if not any(_fits(job.id, pattern) for job in all_jobs):
            raise UsageError(f"no job of the manifest fits {pattern!r}")
    return Plan(tuple(_step(job, records.get(job.id), wanted) for job in all_jobs))


def _fits(job_id: str, pattern: str) -> bool:
    return job_id == pattern or fnmatchcase(job_id, pattern)


def _step(job: Job, record: JobRecord | None, wanted: tuple[str, ...]) -> Step:
    named = any(_fits(job.id, pattern) for pattern in wanted)
    if record is None or record.attempt is None or (wanted and not named):
        return Step(job, record, _left(record))
    if _is_fetchable(record) and (named or _is_missing(record, record.attempt)):
        return Step(job, record, Action.DOWNLOAD)
    return Step(job, record, _left(record))


def _left(record: JobRecord | None) -> Action:
    return Action.SKIP if record and record.state is JobState.DONE else Action.STAY


def _is_fetchable(record: JobRecord) -> bool:
    """Whether the service has a finished render for it."""
    if record.state in (JobState.DONE, JobState.RENDERED):
        return True
    failure = record.failure
    return (
        record.state is JobState.FAILED and failure is not None and failure.stage is Stage.DOWNLOAD
    )


def _is_missing(record: JobRecord, attempt: Attempt) -> bool:
    """Whether the output is not there, or not what was downloaded."""
    if record.state is not JobState.DONE or attempt.output is None:
        return True
    try:
        if Path(attempt.output).stat().st_size != attempt.output_bytes:
            return True
        return hash_file(Path(attempt.output)) != attempt.output_sha256
    except (OSError, SourceUnfit):
        return True
