"""The only way by which the engine changes the ledger: one method an arrow.

Each returns once the record is on disk, and then says so to the observers.
"""

import time
from collections.abc import Callable
from typing import Any

from batchsync.engine.case import Case
from batchsync.errors import LedgerError
from batchsync.events import Event, JobMoved, JobStalled, Note
from batchsync.ledger.protocol import Draft, Ledger, Transition
from batchsync.model import Failure, JobState, Stage
from batchsync.stages.download import Delivered
from batchsync.stages.poll import Finished


class Recorder:
    """Writes transitions and announces them."""

    def __init__(
        self,
        ledger: Ledger,
        announce: Callable[[Event], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._announce = announce
        self._now = now

    async def reopened(self, case: Case, detail: str) -> Case:
        """An ended job is to be bought again, as a new attempt."""
        return await self._move(case, JobState.PENDING, detail=detail, project_id=None)

    async def to_be_fetched(self, case: Case, detail: str) -> Case:
        """A finished render is to be downloaded again."""
        return await self._move(case, JobState.RENDERED, detail=detail)

    async def uploaded(self, case: Case) -> Case:
        """Both files are with the service."""
        return await self._move(case, JobState.UPLOADED)

    async def submitting(self, case: Case, draft: Draft) -> Case:
        """The write-ahead record: on disk before the create call leaves."""
        return await self._move(
            case,
            JobState.SUBMITTING,
            attempt=draft.number,
            draft=draft,
            detail=case.reopen,
            estimate=draft.credits_estimated,
            base_url=draft.base_url,
        )

    async def not_made(self, case: Case, origin: Case, failure: Failure) -> Case:
        """It is certain that the create call made no job: the job is where it was before."""
        ended = origin.reopen is not None
        return await self._move(
            case,
            origin.state,
            attempt=origin.attempt,
            drop_attempt=True,
            failure=origin.ended_by if ended else failure,
        )

    async def submitted(self, case: Case, project_id: str, credits: int | None) -> Case:
        """The project id is known.

        Raises:
            LedgerError: it could not be written; the message carries it to a person.
        """
        estimate = case.estimate if credits is None else credits
        now = self._now()
        try:
            return await self._move(
                case,
                JobState.SUBMITTED,
                changes={
                    "project_id": project_id,
                    "credits_estimated": estimate,
                    "submitted_at": now,
                },
                project_id=project_id,
                estimate=estimate,
                submitted_at=now,
            )
        except LedgerError as error:
            message = (
                f"job {case.id} was bought as project {project_id}, but this could not be "
                f"recorded ({error}); once the ledger can be written again, tell it with: "
                f"batchsync resolve MANIFEST {case.id} --adopt {project_id}"
            )
            # Said here too: where several records fail, one error alone ends the run.
            self._announce(Note("error", message))
            raise LedgerError(message) from error

    async def unconfirmed(self, case: Case, failure: Failure) -> Case:
        """Whether a job was made is not known."""
        return await self._move(case, JobState.UNCONFIRMED, failure=failure)

    async def rendered(self, case: Case, finished: Finished) -> Case:
        """The render has ended well, and the service has settled its charge."""
        project = finished.project
        charged = case.estimate if project.credits_charged is None else project.credits_charged
        return await self._move(
            case,
            JobState.RENDERED,
            changes={
                "credits_charged": charged,
                "credits_refunded": max(0, case.estimate - charged),
                "rendered_at": self._now(),
                "fps": project.fps,
                "width": project.width,
                "height": project.height,
            },
            credits=charged,
            url=project.output_url,
        )

    async def broke(self, case: Case, failure: Failure) -> Case:
        """The service gave up on the render, and refunds it (CONTRACT: "Money")."""
        return await self._end(case, JobState.FAILED, failure, charged=0)

    async def canceled(self, case: Case, credits: int | None) -> Case:
        """Somebody canceled the render; the service says what it charges all the same.

        Where it does not say, the estimate counts: the cap must not be fooled.
        """
        failure = Failure(Stage.POLL, "canceled", "canceled in the vendor's library")
        charged = case.estimate if credits is None else credits
        return await self._end(case, JobState.CANCELED, failure, charged=charged)

    async def failed(self, case: Case, failure: Failure) -> Case:
        """Trying the same again would give the same."""
        if case.state is JobState.SUBMITTING:
            # Refused: the service made no job and charged nothing.
            return await self._move(
                case,
                JobState.FAILED,
                failure=failure,
                changes={"credits_estimated": 0, "credits_charged": 0},
            )
        return await self._move(case, JobState.FAILED, failure=failure)

    async def done(self, case: Case, delivered: Delivered) -> Case:
        """The output lies under its final name."""
        return await self._move(
            case,
            JobState.DONE,
            changes={
                "output": str(delivered.path),
                "output_bytes": delivered.size,
                "output_sha256": delivered.sha256,
                "downloaded_at": self._now(),
            },
        )

    async def stalled(self, case: Case, failure: Failure) -> None:
        """The job comes no further in this run, and stays where it is for the next."""
        await self._ledger.remember_error(case.id, failure)
        self._announce(JobStalled(case.id, case.state, failure))

    async def _end(self, case: Case, state: JobState, failure: Failure, charged: int) -> Case:
        changes = {
            "credits_charged": charged,
            "credits_refunded": max(0, case.estimate - charged),
            "rendered_at": self._now(),
        }
        return await self._move(case, state, failure=failure, changes=changes, credits=charged)

    async def _move(
        self,
        case: Case,
        target: JobState,
        *,
        attempt: int | None = None,
        draft: Draft | None = None,
        drop_attempt: bool = False,
        changes: dict[str, Any] | None = None,
        failure: Failure | None = None,
        detail: str | None = None,
        credits: int | None = None,
        **known: Any,
    ) -> Case:
        number = case.attempt if attempt is None else attempt
        await self._ledger.move(
            Transition(
                case.id,
                case.state,
                target,
                number,
                draft=draft,
                drop_attempt=drop_attempt,
                changes=changes or {},
                failure=failure,
                detail=detail,
            )
        )
        moved = case.moved(target, attempt=number, **known)
        self._announce(
            JobMoved(
                case.id,
                case.state,
                target,
                self._now(),
                number,
                project_id=moved.project_id,
                credits_estimated=moved.estimate,
                credits_charged=credits,
                failure=failure,
            )
        )
        return moved
