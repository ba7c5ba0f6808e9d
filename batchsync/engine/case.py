"""A job on its way through the stages: a frozen record that each stage hands on."""

from dataclasses import dataclass, field, replace
from typing import Any

from batchsync.ledger.protocol import JobRecord
from batchsync.model import Failure, Job, JobState, Role


@dataclass(frozen=True, slots=True)
class Case:
    """Where a job stands in this run.

    Attributes:
        job: with its end settled, if it is still to be bought.
        attempt: number of the latest attempt.
        estimate: credits that the render is expected to cost until the service settles.
        submitted_at: unix seconds, None before.
        base_url: of the API that the project lives at.
        url: a download URL that was fresh when the render was seen to have ended.
        sources: what the API calls the two files, once they are there.
        parameters: what the render is made from, once the contents are known.
        reopen: why an ended job is to be bought again; None for one that has not ended. It stays
            ended in the ledger until the very moment of the create call, and is ended again if
            that call makes no job: an edit that is taken back in time buys nothing.
        ended_by: why it had ended, to be put back then.
    """

    job: Job
    state: JobState
    attempt: int = 0
    estimate: int = 0
    project_id: str | None = None
    submitted_at: float | None = None
    base_url: str = ""
    url: str | None = None
    sources: dict[Role, str] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    reopen: str | None = None
    ended_by: Failure | None = None

    @property
    def id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def project(self) -> str:
        """The project id of a case that has one."""
        if self.project_id is None:
            raise ValueError(f"job {self.id} has no project yet")
        return self.project_id

    @property
    def is_to_be_bought(self) -> bool:
        """Whether a create call is still to come."""
        return self.reopen is not None or self.state in (JobState.PENDING, JobState.UPLOADED)

    def moved(self, state: JobState, **changes: Any) -> "Case":
        """The same job after a transition."""
        return replace(self, state=state, **changes)


def from_record(
    job: Job, record: JobRecord | None, estimate: int = 0, reopen: str | None = None
) -> Case:
    """The case of a job as the ledger has it; `estimate` in credits, 0 takes the attempt's."""
    if record is None:
        return Case(job, JobState.PENDING, estimate=estimate)
    attempt = record.attempt
    return Case(
        job,
        record.state,
        attempt=record.attempt_number,
        estimate=estimate or (attempt.credits_estimated if attempt else 0),
        project_id=attempt.project_id if attempt else None,
        submitted_at=attempt.submitted_at if attempt else None,
        base_url=attempt.base_url if attempt else "",
        reopen=reopen,
        ended_by=record.failure,
    )
