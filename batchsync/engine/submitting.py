"""Second stage: a render is bought. Read together with `stages.submit` and `recorder`.

The order is what protects the money: slot, budget, write-ahead record on disk, create call,
record of the outcome on disk. A call is made again only after an outcome that says for certain
that no job was made.
"""

import asyncio
import secrets
from collections.abc import Callable

from batchsync.engine.case import Case
from batchsync.engine.tools import Tools, failure_of
from batchsync.errors import ExitCode, Forbidden, RemoteError, Throttled
from batchsync.events import CallRetried, StageEntered
from batchsync.ledger.protocol import Draft
from batchsync.model import Failure, JobState, Stage
from batchsync.request import TAG_PREFIX, create_body
from batchsync.stages.claim import Claim
from batchsync.stages.submit import Barred, Made, NotMade, Outcome, Refused, Unknown, submit

# A create call takes a moment, a render minutes: calls go one after the other, so that a crash
# leaves one job unconfirmed and not a burst of them. One that takes longer than this (seconds)
# does not hold up the next.
_PROMPT_SECONDS = 0.25


class Submitting:
    """Takes uploaded cases, hands submitted ones to `made` and unconfirmed ones to `doubted`."""

    def __init__(
        self,
        tools: Tools,
        made: Callable[[Case], None],
        doubted: Callable[[Case, Claim], None] = lambda *_: None,
    ) -> None:
        self._tools = tools
        self._made = made
        self._doubted = doubted
        self._in_air: set[asyncio.Task[Outcome]] = set()
        self._one_at_a_time = asyncio.Lock()
        self._forbidden: list[tuple[Case, Failure]] = []
        self._last_progress = asyncio.get_running_loop().time()

    async def handle(self, case: Case) -> None:
        """Submit a job for which a slot has been taken; the slot goes with it.

        Raises:
            LedgerError: a record could not be written.
        """
        self._tools.announce(StageEntered(case.id, Stage.SUBMIT))
        tries = 0
        while not self._tools.stop.closed.is_set():
            if not await self._afford(case):
                return
            outcome = await self._shielded_post(case)
            if outcome is None:
                # The door closed while this job waited for credits, or for its turn.
                self._tools.budget.settle(case.id, 0)
                break
            if not isinstance(outcome, NotMade):
                return
            throttled = isinstance(outcome.error, Throttled)
            tries += not throttled
            if tries >= self._tools.patience.tries or self._waited_in_vain():
                await self._give_up(case, outcome.error)
                return
            if not throttled:
                await self._pause(case, outcome.error, tries)
            await self._tools.slots.take()
        self._tools.slots.give_back()

    async def landed(self, seconds: float | None = None) -> None:
        """Wait for the calls in the air; those that take longer are recorded as unconfirmed.

        Raises:
            LedgerError: the outcome of one could not be written.
        """
        while self._in_air:
            landed, late = await asyncio.wait(set(self._in_air), timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
            for task in landed:
                # Whoever waited for it may be gone: a failed record must not go unnoticed.
                task.result()

    def progressed(self) -> None:
        """A render has ended: the service is alive, even if it takes no more at present."""
        self._last_progress = asyncio.get_running_loop().time()

    def close(self) -> None:
        """The last job has been handled: if all there was were 403s, the account is to blame."""
        if self._forbidden and not self._tools.breaker.knows_account_is_good:
            failure = self._forbidden[0][1]
            self._tools.stop.close(
                ExitCode.DENIED, f"the service forbids every job ({failure.message})"
            )

    async def _afford(self, case: Case) -> bool:
        tools = self._tools
        if await tools.budget.reserve(case.id, case.estimate):
            return True
        tools.slots.give_back()
        tools.stop.codes.add(ExitCode.OUT_OF_CREDITS)
        message = (
            f"needs {case.estimate} credits, but {tools.budget.spent} of the "
            f"{tools.budget.cap} allowed by max_credits are spent"
        )
        await tools.recorder.stalled(case, Failure(Stage.SUBMIT, "max_credits", message))
        return False

    async def _shielded_post(self, case: Case) -> Outcome | None:
        # A task of its own: canceling the one that waits must not cut a call off in mid-air.
        async with self._one_at_a_time:
            # No await between this look and the call's being counted as in the air: whoever
            # closes the door waits for those calls, and for no others.
            if self._tools.stop.closed.is_set():
                return None
            task = asyncio.create_task(self._post(case))
            self._in_air.add(task)
            task.add_done_callback(self._in_air.discard)
            await asyncio.wait({task}, timeout=_PROMPT_SECONDS)
        return await asyncio.shield(task)

    async def _post(self, case: Case) -> Outcome:
        tools = self._tools
        tag = TAG_PREFIX + secrets.token_hex(3)
        body = create_body(
            case.job,
            case.sources["video"],
            case.sources["audio"],
            tag if tools.settings.name_tag else None,
        )
        draft = Draft(
            case.attempt + 1, tag, tools.settings.base_url, case.parameters, case.estimate
        )
        origin = case
        case = await tools.recorder.submitting(case, draft)
        try:
            outcome = await submit(tools.api, body)
        except asyncio.CancelledError:
            failure = Failure(Stage.SUBMIT, "interrupted", "interrupted before the answer came")
            await tools.recorder.unconfirmed(case, failure)
            raise
        await self._record(case, origin, outcome)
        if isinstance(outcome, Unknown) and tools.settings.name_tag:
            unconfirmed = case.moved(JobState.UNCONFIRMED)
            self._doubted(unconfirmed, Claim.of(case.job, tag, case.parameters))
        return outcome

    async def _record(self, case: Case, origin: Case, outcome: Outcome) -> None:
        tools = self._tools
        match outcome:
            case Made(project_id, credits):
                submitted = await tools.recorder.submitted(case, project_id, credits)
                tools.budget.correct(case.id, submitted.estimate)
                tools.slots.accepted()
                tools.breaker.accepted()
                self.progressed()
                self._made(submitted)
                await self._settle_forbidden()
            case NotMade(error):
                await tools.recorder.not_made(case, origin, failure_of(Stage.SUBMIT, error))
                tools.budget.settle(case.id, 0)
                if isinstance(error, Throttled):
                    tools.announce(
                        CallRetried("create", str(error), error.retry_after or 0, case.id)
                    )
                    tools.slots.throttled(error.retry_after)
                else:
                    tools.slots.give_back()
            case Barred(error):
                await self._record_barred(case, origin, error)
            case Refused(error):
                await self._record_refused(case, origin, failure_of(Stage.SUBMIT, error))
                tools.budget.settle(case.id, 0)
                tools.slots.give_back()
            case Unknown(error):
                await tools.recorder.unconfirmed(case, failure_of(Stage.SUBMIT, error))
                # It may have been charged: the cap has to count it.
                tools.budget.settle(case.id, case.estimate)
                tools.breaker.lost(error)
                tools.slots.give_back()

    async def _record_refused(self, case: Case, origin: Case, failure: Failure) -> None:
        if origin.reopen is None or not origin.attempt:
            await self._tools.recorder.failed(case, failure)
            return
        # What was made before is still known by what it was made from: an edit that is taken back
        # after its refusal must not buy it again.
        back = await self._tools.recorder.not_made(case, origin, failure)
        await self._keep_former(back, failure)

    async def _record_barred(self, case: Case, origin: Case, error: RemoteError) -> None:
        tools = self._tools
        failure = failure_of(Stage.SUBMIT, error)
        if isinstance(error, Forbidden) and tools.breaker.knows_account_is_good:
            await tools.recorder.failed(case, failure)
        else:
            back = await tools.recorder.not_made(case, origin, failure)
            if not isinstance(error, Forbidden):
                tools.breaker.barred(error)
            elif tools.breaker.knows_account_is_good:
                # Another job was accepted while this one was being written down.
                await self._forbid(back, failure)
            else:
                self._forbidden.append((back, failure))
                tools.breaker.barred(error)
        tools.budget.settle(case.id, 0)
        tools.slots.give_back()

    async def _settle_forbidden(self) -> None:
        """Another job was taken, so that it was those jobs, not the account."""
        waiting, self._forbidden = self._forbidden, []
        for case, failure in waiting:
            await self._forbid(case, failure)

    async def _forbid(self, case: Case, failure: Failure) -> None:
        if case.reopen is None:
            await self._tools.recorder.failed(case, failure)
        else:
            await self._keep_former(case, failure)

    async def _keep_former(self, case: Case, failure: Failure) -> None:
        # What was made before is still there: only the new version can't be had.
        self._tools.stop.codes.add(ExitCode.SOME_FAILED)
        await self._tools.recorder.stalled(case, failure)

    async def _pause(self, case: Case, error: RemoteError, tries: int) -> None:
        seconds = self._tools.patience.pause(tries, error.retry_after)
        self._tools.announce(CallRetried("create", str(error), seconds, case.id))
        await self._tools.patience.sleep(seconds)

    def _waited_in_vain(self) -> bool:
        """Whether the service has taken nothing, and ended nothing, for as long as a render may."""
        waited = asyncio.get_running_loop().time() - self._last_progress
        return waited > self._tools.settings.poll_timeout

    async def _give_up(self, case: Case, error: RemoteError) -> None:
        self._tools.breaker.exhausted(error)
        await self._tools.recorder.stalled(case, failure_of(Stage.SUBMIT, error))
