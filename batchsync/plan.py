"""From the manifest and the ledger to what a run will do, and what it will cost; pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from batchsync.errors import Problem
from batchsync.ledger.protocol import FileFacts, JobRecord
from batchsync.model import Job, JobState, Stage
from batchsync.preflight import check, settle_auto
from batchsync.request import changed_fields, estimated_credits, fingerprint, settled_credits
from batchsync.survey import Survey


class Action(StrEnum):
    """What a run does with a job."""

    SUBMIT = "submit"  # upload what is missing, and buy a render
    AGAIN = "again"  # the same, as inputs or parameters changed since the last attempt
    COLLECT = "collect"  # the render is under way: wait for it
    DOWNLOAD = "download"  # the render is finished: fetch it, free
    SKIP = "skip"  # done
    STAY = "stay"  # failed or canceled: `retry` brings it back
    CONFIRM = "confirm"  # a person must say whether it was submitted
    UNFIT = "unfit"  # a file or the range is wrong


BUYS = frozenset({Action.SUBMIT, Action.AGAIN})
_WORKS = BUYS | {Action.COLLECT, Action.DOWNLOAD}


@dataclass(frozen=True, slots=True)
class Step:
    """What will happen to one job.

    Attributes:
        job: with its end settled where files were looked at.
        record: where it stands, None if the ledger does not know it yet.
        changed: fields that differ from the last attempt.
        credits_estimated: what the create call will charge; 0 unless it will be made.
        credits_expected: what that should settle at; None where the frame rate is unknown.
    """

    job: Job
    record: JobRecord | None
    action: Action
    changed: tuple[str, ...] = ()
    credits_estimated: int = 0
    credits_expected: int | None = 0
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()

    @property
    def works(self) -> bool:
        """Whether a run has anything to do for this job."""
        return self.action in _WORKS

    @property
    def buys(self) -> bool:
        """Whether a run will make a create call for this job."""
        return self.action in BUYS


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen to every job of the batch, in manifest order."""

    steps: tuple[Step, ...]

    @property
    def problems(self) -> list[Problem]:
        """Everything that keeps a job from being sent."""
        return [problem for step in self.steps for problem in step.problems]

    @property
    def warnings(self) -> list[Problem]:
        """Everything worth a word."""
        return [warning for step in self.steps for warning in step.warnings]

    @property
    def credits_estimated(self) -> int:
        """What all create calls together will charge at first."""
        return sum(step.credits_estimated for step in self.steps)

    @property
    def credits_expected(self) -> int | None:
        """What they should settle at; None where a frame rate is unknown."""
        expected = [step.credits_expected for step in self.steps]
        known = [credits for credits in expected if credits is not None]
        return sum(known) if len(known) == len(expected) else None

    def of(self, *actions: Action) -> list[Step]:
        """The steps with one of these actions."""
        return [step for step in self.steps if step.action in actions]


@dataclass(frozen=True, slots=True)
class Needs:
    """Local files, by what must be known of them before a plan can be made."""

    to_probe: frozenset[str]
    to_hash: frozenset[str]


def needs(jobs: Iterable[Job], records: Mapping[str, JobRecord]) -> Needs:
    """Which files to look at: those of jobs to be bought, and of ended ones that may have changed.

    A job whose render is under way needs no file.
    """
    to_probe: set[str] = set()
    to_hash: set[str] = set()
    for job in jobs:
        record = records.get(job.id)
        local = [source.value for _, source in job.sources if source.is_local]
        if _is_new(record):
            to_probe.update(local)
        elif record is not None and _may_have_changed(record):
            to_hash.update(local)
            to_probe.update(local if job.end_seconds is None else ())
    return Needs(frozenset(to_probe), frozenset(to_hash))


def make(
    jobs: Sequence[Job],
    records: Mapping[str, JobRecord],
    survey: Survey,
    output_dir: Path,
    keep_changed: bool = False,
) -> Plan:
    """Decide for each job.

    Args:
        jobs: of the manifest.
        records: of the ledger, by id.
        survey: facts of the files that `needs` named.
        output_dir: where outputs go.
        keep_changed: leave finished jobs alone even if their inputs changed.
    """
    return Plan(
        tuple(_step(job, records.get(job.id), survey, output_dir, keep_changed) for job in jobs)
    )


def _is_new(record: JobRecord | None) -> bool:
    """Whether nothing has been bought yet, and nothing stands in the way of buying."""
    if record is None or record.state in (JobState.PENDING, JobState.UPLOADED):
        return True
    # It failed before anything was ever sent; the file may have come since.
    return (
        record.state is JobState.FAILED
        and record.attempt is None
        and record.failure is not None
        and record.failure.stage in (Stage.PREFLIGHT, Stage.UPLOAD)
    )


def _may_have_changed(record: JobRecord) -> bool:
    return record.attempt is not None and record.state in (
        JobState.DONE,
        JobState.FAILED,
        JobState.CANCELED,
    )


def _step(
    job: Job, record: JobRecord | None, survey: Survey, output_dir: Path, keep_changed: bool
) -> Step:
    if record is None or _is_new(record):
        return _buy(Action.SUBMIT, job, record, survey, output_dir)
    if record.state in _FIXED:
        return Step(job, record, _FIXED[record.state])
    changed = () if keep_changed else _drift(job, record, survey.facts)
    if changed:
        return _buy(Action.AGAIN, job, record, survey, output_dir, changed)
    if record.state is JobState.DONE:
        if _has_moved(job, record, output_dir) and not keep_changed:
            return Step(job, record, Action.DOWNLOAD, ("output",))
        return Step(job, record, Action.SKIP)
    return Step(job, record, Action.STAY)


def _has_moved(job: Job, record: JobRecord, output_dir: Path) -> bool:
    if record.attempt is None:
        return False
    output = record.attempt.output
    # A Path for each of 100,000 jobs would take as long as all the rest.
    return output != f"{output_dir}/{job.output}" and output != str(output_dir / job.output)


# States in which the manifest has no say: what was bought is collected first.
_FIXED: Mapping[JobState, Action] = {
    JobState.SUBMITTING: Action.CONFIRM,
    JobState.UNCONFIRMED: Action.CONFIRM,
    JobState.SUBMITTED: Action.COLLECT,
    JobState.RENDERED: Action.DOWNLOAD,
}


def _drift(job: Job, record: JobRecord, facts: Mapping[str, FileFacts]) -> tuple[str, ...]:
    if record.attempt is None:
        return ()
    local = [source.value for _, source in job.sources if source.is_local]
    hashes = {path: fact.sha256 for path in local if (fact := facts.get(path)) and fact.sha256}
    if len(hashes) < len(set(local)):
        # The sources have been cleared away since: no reason to make the render anew.
        return ()
    return changed_fields(record.attempt.parameters, fingerprint(settle_auto(job, facts), hashes))


def _buy(
    action: Action,
    job: Job,
    record: JobRecord | None,
    survey: Survey,
    output_dir: Path,
    changed: tuple[str, ...] = (),
) -> Step:
    verdict = check(job, survey, output_dir)
    if verdict.problems:
        return Step(verdict.job, record, Action.UNFIT, changed, problems=verdict.problems)
    fact = survey.facts.get(job.video.value)
    return Step(
        verdict.job,
        record,
        action,
        changed,
        estimated_credits(verdict.job),
        settled_credits(verdict.job, fact.media if fact else None),
        warnings=verdict.warnings,
    )


def only(steps: Iterable[Step], wanted: Callable[[str], bool]) -> Plan:
    """The plan with the jobs that `wanted` refuses left out."""
    return Plan(tuple(step for step in steps if wanted(step.job.id)))
