"""What programs get to see: plans, and what came of runs; frozen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from batchsync.errors import ExitCode, Problem
from batchsync.ledger.protocol import Cost, JobRecord
from batchsync.model import Failure, JobState
from batchsync.plan import Action, Plan, Step
from batchsync.report.summary import Bytes, Credits, FailureGroup, JobCounts, Summary
from batchsync.report.table import status_word
from batchsync.standing import Standing

_NO_COST = Cost(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """What a run would do with one job.

    Attributes:
        id: of the job.
        action: submit, again, collect, download, skip, stay, confirm or unfit.
        credits_estimated: what the create call will charge, at 30 frames a second; 0 unless it
            will be made.
        credits_expected: what that should settle at; None where the frame rate is unknown.
        start_seconds: where in the video the output begins.
        end_seconds: where it ends, "auto" settled; None where that needs a file that is unfit.
        changed: fields that differ from the last attempt.
        problems: why it can't be sent.
        warnings: what is worth a word.
    """

    id: str
    action: Action
    credits_estimated: int
    credits_expected: int | None
    start_seconds: float
    end_seconds: float | None
    changed: tuple[str, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """What a run would do and cost; nothing was sent or written to make it.

    Attributes:
        batch: its name.
        jobs: in manifest order.
        credits_estimated: what all create calls together will charge at first.
        credits_expected: what they should settle at; None where a frame rate is unknown.
        credits_spent: on the batch so far, over all its runs.
        max_credits: the cap over all runs; None without one.
    """

    batch: str
    jobs: tuple[PlannedJob, ...]
    credits_estimated: int
    credits_expected: int | None
    credits_spent: int
    max_credits: int | None

    @property
    def to_buy(self) -> tuple[PlannedJob, ...]:
        """Jobs for which a create call will be made."""
        return tuple(job for job in self.jobs if job.action in (Action.SUBMIT, Action.AGAIN))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that keeps a job from being sent."""
        return tuple(problem for job in self.jobs for problem in job.problems)

    def count(self, action: Action | str) -> int:
        """How many jobs have an action."""
        return sum(job.action == action for job in self.jobs)


@dataclass(frozen=True, slots=True)
class JobResult:
    """Where one job stands. Credits are whole, sizes bytes.

    Attributes:
        id: of the job.
        status: pending, submitting, submitted, rendered, done, failed, canceled or unconfirmed.
        attempt: number of the latest attempt; 0 before the first.
        project_id: of the render at the service.
        output: the rendered video; None unless the job is done.
        credits_estimated: of the latest attempt when it was submitted; before, ours.
        credits_charged: what all its attempts have cost, refunds taken off.
        error: stage, code and message of what stopped it.
        tags: the user's own labels.
    """

    id: str
    status: str
    attempt: int
    project_id: str | None
    output: Path | None
    output_bytes: int | None
    output_sha256: str | None
    credits_estimated: int
    credits_charged: int
    fps: float | None
    width: int | None
    height: int | None
    submitted_at: datetime | None
    rendered_at: datetime | None
    downloaded_at: datetime | None
    error: Failure | None
    tags: Mapping[str, str]

    @property
    def ok(self) -> bool:
        """Whether the rendered video is there."""
        return self.status == JobState.DONE


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run came to.

    Attributes:
        batch: its name.
        run_id: of this run.
        exit: what the command would end with.
        exit_name: the same as a word: ok, some_failed, denied, out_of_credits, incomplete, …
        jobs: one result a job, in manifest order, whatever `only` left out.
        counts: jobs by where they stand; `skipped` were done before this run, `done` by it.
        credits: estimated, charged and refunded over all runs; `balance` of the account.
        bytes: moved by this run; `upload_saved` had not to be sent again.
        requests: made by this run: create, status, upload, download.
        elapsed_seconds: of this run.
        results_path: the results table.
        failures: what stopped which jobs, the most frequent first.
        reasons: why the run stopped before its end, if it did.
        next: the exact command to go on with; None if there is nothing to do, or no manifest.
        nothing_to_do: whether everything had been done before.
    """

    batch: str
    run_id: str
    exit: ExitCode
    exit_name: str
    jobs: tuple[JobResult, ...]
    counts: JobCounts
    credits: Credits
    bytes: Bytes
    requests: Mapping[str, int]
    elapsed_seconds: float
    results_path: Path
    failures: tuple[FailureGroup, ...]
    reasons: tuple[str, ...]
    next: str | None
    nothing_to_do: bool

    @property
    def ok(self) -> bool:
        """Whether every job is done."""
        return self.exit is ExitCode.OK

    def job(self, job_id: str) -> JobResult:
        """The result of one job.

        Raises:
            KeyError: the batch has no such job.
        """
        for job in self.jobs:
            if job.id == job_id:
                return job
        raise KeyError(job_id)


def batch_plan(batch: str, plan: Plan, standing: Standing, max_credits: int | None) -> BatchPlan:
    """A plan, as programs see it."""
    return BatchPlan(
        batch,
        tuple(_planned(step) for step in plan.steps),
        plan.credits_estimated,
        plan.credits_expected,
        sum(cost.held for cost in standing.costs.values()),
        max_credits,
    )


def _planned(step: Step) -> PlannedJob:
    return PlannedJob(
        step.job.id,
        step.action,
        step.credits_estimated,
        step.credits_expected,
        step.job.start_seconds,
        step.job.end_seconds,
        step.changed,
        step.problems,
        step.warnings,
    )


def job_results(steps: list[Step], standing: Standing) -> tuple[JobResult, ...]:
    """Where each job stands."""
    return tuple(
        _job_result(
            step, standing.records.get(step.job.id), standing.costs.get(step.job.id, _NO_COST)
        )
        for step in steps
    )


def _job_result(step: Step, record: JobRecord | None, cost: Cost) -> JobResult:
    attempt = record.attempt if record else None
    done = record is not None and record.state is JobState.DONE
    home = attempt if done else None
    return JobResult(
        id=step.job.id,
        status=status_word(record.state) if record else JobState.PENDING.value,
        attempt=record.attempt_number if record else 0,
        project_id=attempt.project_id if attempt else None,
        output=Path(home.output) if home and home.output else None,
        output_bytes=home.output_bytes if home else None,
        output_sha256=home.output_sha256 if home else None,
        credits_estimated=attempt.credits_estimated if attempt else step.credits_estimated,
        credits_charged=cost.charged,
        fps=attempt.fps if attempt else None,
        width=attempt.width if attempt else None,
        height=attempt.height if attempt else None,
        submitted_at=_moment(attempt.submitted_at) if attempt else None,
        rendered_at=_moment(attempt.rendered_at) if attempt else None,
        downloaded_at=_moment(home.downloaded_at) if home else None,
        error=record.failure if record else None,
        tags=step.job.tags,
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def run_result(summary: Summary, jobs: tuple[JobResult, ...], has_manifest: bool) -> RunResult:
    """What a run came to, as programs see it."""
    said: dict[str, Any] = summary.to_json()
    return RunResult(
        batch=summary.batch,
        run_id=summary.run_id,
        exit=summary.exit,
        exit_name=said["exit"]["name"],
        jobs=jobs,
        counts=summary.jobs,
        credits=summary.credits,
        bytes=summary.bytes,
        requests=summary.requests,
        elapsed_seconds=summary.elapsed_seconds,
        results_path=Path(summary.results),
        failures=summary.failures,
        reasons=summary.reasons,
        next=summary.next if has_manifest else None,
        nothing_to_do=summary.nothing_to_do,
    )
