"""A person's word on single jobs: buy again, adopt, fetch again. Each under the batch's lock."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from batchsync import overrides
from batchsync.api.protocol import Api
from batchsync.api.retry import Patience, repeat
from batchsync.engine.case import Case, from_record
from batchsync.engine.recorder import Recorder
from batchsync.engine.recovery import unconfirm_crashed
from batchsync.errors import NotFound, UsageError
from batchsync.events import Announcer
from batchsync.ledger import JobRecord, Ledger, SqliteLedger
from batchsync.ledger.file import is_ledger
from batchsync.ledger.reviews import Review, Verdict, reviews_in, word_on
from batchsync.lock import held
from batchsync.manifest import Manifest
from batchsync.model import Failure, Job, JobState, Stage
from batchsync.places import Places
from batchsync.stages.claim import Claim

# A person waits for the answer: a moment's outage is sat out, a longer one is said.
_PATIENCE = Patience(tries=8, total=30.0)


@dataclass(frozen=True, slots=True)
class Desk:
    """A batch laid open for mending."""

    manifest: Manifest
    ledger: Ledger
    recorder: Recorder
    records: Mapping[str, JobRecord]
    reviews: Mapping[str, Review] = field(default_factory=dict)

    def job(self, job_id: str) -> Job:
        """A job of the manifest.

        Raises:
            UsageError: the manifest has no such job.
        """
        for job in self.manifest.jobs:
            if job.id == job_id:
                return job
        raise UsageError(f"the manifest has no job {job_id!r}")

    def case(self, job_id: str) -> Case:
        """Where a job stands."""
        return from_record(self.job(job_id), self.records.get(job_id), 0)

    def is_rejected(self, job_id: str) -> bool:
        """Whether the output that stands now was watched, and rejected."""
        word = word_on(self.reviews, self.records.get(job_id))
        return word is not None and word.verdict is Verdict.REJECTED


@asynccontextmanager
async def desk(
    manifest: Manifest, places: Places, lock_wait: float, run_id: str
) -> AsyncIterator[Desk]:
    """Hold the lock and open the ledger.

    Raises:
        UsageError: the batch has not been run yet.
        LockHeld: a run is at work on it.
    """
    if not await asyncio.to_thread(is_ledger, places.state):
        raise UsageError(f"{manifest.name} has not been run yet: there is nothing to mend")
    async with held(places.lock, places.state, lock_wait):
        # Before the ledger is opened: closing a file drops the locks that this process has on it.
        reviews = await asyncio.to_thread(reviews_in, places.state)
        ledger = await asyncio.to_thread(SqliteLedger.open, places.state, run_id)
        try:
            recorder = Recorder(ledger, Announcer())
            await unconfirm_crashed(manifest.jobs, ledger, recorder)
            yield Desk(manifest, ledger, recorder, await ledger.records(), reviews)
        finally:
            await ledger.close()


@dataclass(frozen=True, slots=True)
class Choice:
    """Which jobs `retry` is to bring back.

    Attributes:
        patterns: ids or globs; a job named by its full id may also be done.
        failed: all that failed.
        canceled: all that were canceled.
        rejected: all that are done and whose output was rejected in review.
    """

    patterns: tuple[str, ...] = ()
    failed: bool = False
    canceled: bool = False
    rejected: bool = False


@dataclass(slots=True)
class Retried:
    """What `retry` did, or would do: ids of jobs."""

    to_buy: list[str] = field(default_factory=list)
    to_fetch: list[str] = field(default_factory=list)
    left_alone: dict[str, str] = field(default_factory=dict)


async def retry(
    open_desk: Desk, choice: Choice, values: Mapping[str, Any], dry_run: bool
) -> Retried:
    """Bring jobs back to pending; a finished render whose download failed is only fetched again.

    Raises:
        UsageError: a pattern fits no job.
    """
    done = Retried()
    for job_id in _chosen(open_desk, choice):
        record = open_desk.records.get(job_id)
        case = open_desk.case(job_id)
        if record is not None and _only_download_failed(record) and not values:
            done.to_fetch.append(job_id)
            if not dry_run:
                await open_desk.recorder.to_be_fetched(case, "retry")
            continue
        named = job_id in choice.patterns or (choice.rejected and open_desk.is_rejected(job_id))
        if why := _not_to_be_retried(record, named):
            done.left_alone[job_id] = why
            continue
        if values and not dry_run:
            # First of all: a crash after it buys nothing, and one after reopening would buy the
            # old parameters.
            before = record.overrides if record else {}
            kept = {**before, **overrides.record(case.job, values)}
            await open_desk.ledger.override(job_id, kept)
        if case.state in (JobState.PENDING, JobState.UPLOADED):
            done.left_alone[job_id] = "pending already"
            continue
        done.to_buy.append(job_id)
        if not dry_run:
            await _reopen(open_desk, case)
    return done


def _chosen(open_desk: Desk, choice: Choice) -> list[str]:
    ids = [job.id for job in open_desk.manifest.jobs]
    chosen: dict[str, None] = {}
    for pattern in choice.patterns:
        fitting = [job_id for job_id in ids if job_id == pattern or fnmatchcase(job_id, pattern)]
        if not fitting:
            raise UsageError(f"no job of the manifest fits {pattern!r}")
        chosen.update(dict.fromkeys(fitting))
    wanted = {JobState.FAILED} if choice.failed else set()
    wanted |= {JobState.CANCELED} if choice.canceled else set()
    for job_id in ids:
        record = open_desk.records.get(job_id)
        if record is not None and record.state in wanted:
            chosen[job_id] = None
        if choice.rejected and open_desk.is_rejected(job_id):
            chosen[job_id] = None
    return [job_id for job_id in ids if job_id in chosen]


def _only_download_failed(record: JobRecord) -> bool:
    return (
        record.state is JobState.FAILED
        and record.failure is not None
        and record.failure.stage is Stage.DOWNLOAD
    )


def _not_to_be_retried(record: JobRecord | None, named: bool) -> str | None:
    if record is None:
        return None
    if record.state is JobState.DONE and not named:
        # A glob is easily too wide, and a finished render bought again is money gone.
        return "done: name it by its full id to buy it again"
    if record.state is JobState.UNCONFIRMED:
        return "unconfirmed: use resolve"
    if record.state is JobState.RENDERED:
        return "rendered: the next run downloads it, free"
    if record.state is JobState.SUBMITTED and not (named and _is_lost(record)):
        return "submitted: the next run collects it"
    return None


def _is_lost(record: JobRecord) -> bool:
    """Whether the service has said that it does not know the project (any more)."""
    return record.failure is not None and record.failure.code == NotFound.code


async def _reopen(open_desk: Desk, case: Case) -> None:
    if case.state is JobState.SUBMITTED:
        failure = Failure(Stage.POLL, NotFound.code, "given up by retry")
        case = await open_desk.recorder.failed(case, failure)
    await open_desk.recorder.reopened(case, "retry")


async def resubmit(open_desk: Desk, job_ids: Sequence[str]) -> None:
    """A person's word that unconfirmed jobs may be bought again.

    Raises:
        UsageError: one of them is not unconfirmed.
    """
    cases = [_unconfirmed(open_desk, job_id) for job_id in job_ids]
    for case in cases:
        await open_desk.recorder.reopened(case, "resolve --resubmit")


async def adopt(open_desk: Desk, api: Api, base_url: str, job_id: str, project_id: str) -> str:
    """Tie an unconfirmed job to the project that its lost create call made; returns its status.

    Raises:
        UsageError: the job is not unconfirmed, or the project is not its own.
        RemoteError: the service can't be asked.
    """
    case = _unconfirmed(open_desk, job_id)
    if owner := await open_desk.ledger.owner_of(base_url, project_id):
        raise UsageError(f"project {project_id} belongs to job {owner[0]}, attempt {owner[1]}")
    try:
        project = await repeat(lambda: api.project(project_id), _PATIENCE)
    except NotFound:
        raise UsageError(f"the service knows no project {project_id} with this key") from None
    attempt = open_desk.records[job_id].attempt
    if attempt is None:
        raise UsageError(f"job {job_id} has no attempt to adopt a project for")
    claim = Claim.of(case.job, attempt.tag, attempt.parameters)
    if why := claim.mismatch(project):
        raise UsageError(f"project {project_id} is not job {job_id}: {why}")
    # What it costs is for the status answers to say, as with any other render.
    await open_desk.recorder.submitted(case, project_id, None)
    return project.status


def _unconfirmed(open_desk: Desk, job_id: str) -> Case:
    case = open_desk.case(job_id)
    if case.state is not JobState.UNCONFIRMED:
        raise UsageError(f"job {job_id} is {case.state}, not unconfirmed: nothing to resolve")
    return case


def unconfirmed_ids(open_desk: Desk) -> list[str]:
    """All jobs that wait for a person's word."""
    return [
        job.id
        for job in open_desk.manifest.jobs
        if (record := open_desk.records.get(job.id)) and record.state is JobState.UNCONFIRMED
    ]
