"""One run: the stages side by side, each with its own width, until all is done or told to stop.

    pending ──uploading──▶ ready ──submitting──▶ in flight ──collecting──▶ to fetch ──▶ done
              N workers   (bounded)   slots        one scheduler            M workers

A job enters at the stage that the ledger says it had reached: resuming has no path of its own.
"""

import asyncio
from collections.abc import Coroutine, Iterable, Sequence
from pathlib import Path
from typing import Any

from batchsync.api.wire import Project
from batchsync.engine.adoption import Adoption
from batchsync.engine.case import Case
from batchsync.engine.collecting import Collecting
from batchsync.engine.delivering import Delivering
from batchsync.engine.hearing import Hearing
from batchsync.engine.history import History
from batchsync.engine.submitting import Submitting
from batchsync.engine.tools import Tools
from batchsync.engine.uploading import Uploading
from batchsync.errors import ExitCode
from batchsync.events import Event, JobMoved, Note
from batchsync.model import JobState
from batchsync.settings import Halt
from batchsync.stages.claim import Claim

# Uploaded jobs that may wait for a slot. Enough that a slot never waits for an upload, few enough
# that files are not sent days before they are used.
_LEAD = 64
# Jobs whose uploads may be prepared at a time, for each that may send: a worker that waits for
# another's upload of the same file must not keep the line idle.
_LOOKAHEAD = 4
# Seconds that a create call in the air is given to return once the run is told to leave.
_LANDING_SECONDS = 3.0
# What events may still prove is waited for at the end: so many seconds at least, and so many times
# the typical render, since the event of its start may have been lost.
_PROOF_SECONDS, _PROOF_RENDERS = 60.0, 3.0


class Engine:
    """Carries cases through the stages.

    Args:
        tools: shared by the stages.
        uploading: first stage.
        history: of render times.
        output_dir: where outputs go.
        total: jobs in the batch, for `--halt soon,fail=10%`.
        wait: False submits and leaves (`--no-wait`).
        fetch: False stops at rendered (`--no-download`).
        hears: the service's events come in, by `heard`.
    """

    def __init__(
        self,
        tools: Tools,
        uploading: Uploading,
        history: History,
        output_dir: Path,
        *,
        total: int,
        wait: bool = True,
        fetch: bool = True,
        hears: bool = False,
    ) -> None:
        self._tools = tools
        self._uploading = uploading
        self._history = history
        self._wait, self._fetch = wait, fetch
        self._total = total
        self._failed = 0
        self._halt = Halt.parse(tools.settings.halt) if tools.settings.halt else None
        self._submitting = Submitting(tools, self._submitted, self._doubted)
        self._collecting = Collecting(tools, history, self._rendered, self._submitting.progressed)
        self._adoption = Adoption(tools, self._submitted)
        self._hearing = Hearing(self._collecting.poller, self._adoption) if hears else None
        self._delivering = Delivering(tools, output_dir)
        self._ready: asyncio.Queue[Case | None] = asyncio.Queue(_LEAD)
        self._to_fetch: asyncio.Queue[Case] = asyncio.Queue()

    async def run(self, cases: Sequence[Case]) -> None:
        """Work until every case has come as far as it can in this run.

        Raises:
            LedgerError: a record could not be written; nothing more was submitted.
        """
        stop = self._tools.stop
        pipeline = asyncio.create_task(self._pipeline(cases))
        leaving = asyncio.create_task(stop.left.wait())
        try:
            await asyncio.wait({pipeline, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            leaving.cancel()
            # Whatever ends the run, nothing more is bought, and a call in the air is waited for,
            # and its answer recorded.
            stop.closed.set()
            try:
                await self._submitting.landed(_LANDING_SECONDS)
            finally:
                pipeline.cancel()
        await _ended(pipeline)
        await self._submitting.landed(_LANDING_SECONDS)
        await self._adoption.recorded()

    async def _pipeline(self, cases: Sequence[Case]) -> None:
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._collecting.poller.run())
            fetching = [
                group.create_task(self._fetch_each()) for _ in range(self._tools.settings.downloads)
            ]
            timing = [group.create_task(clock) for clock in self._clocks()]
            self._resume(cases)
            await self._feed([case for case in cases if case.is_to_be_bought])
            if self._wait:
                await self._collected()
            await self._to_fetch.join()
            for task in (looking, *fetching, *timing):
                task.cancel()

    def _resume(self, cases: Iterable[Case]) -> None:
        for case in cases:
            if case.state is JobState.SUBMITTED and self._wait:
                self._tools.slots.adopt()
                self._tools.budget.carry(case.id, case.estimate)
                self._watch(case, resumed=True)
            elif case.state is JobState.RENDERED and self._fetch:
                self._to_fetch.put_nowait(case)

    async def _feed(self, cases: Sequence[Case]) -> None:
        """Upload and submit, until all are submitted or the door closes."""
        stop = self._tools.stop
        if not cases or stop.closed.is_set():
            return
        feeding = asyncio.create_task(self._upload_and_submit(cases))
        closed = asyncio.create_task(stop.closed.wait())
        try:
            await asyncio.wait({feeding, closed}, return_when=asyncio.FIRST_COMPLETED)
            if stop.closed.is_set():
                await self._submitting.landed()
                feeding.cancel()
            await _ended(feeding)
        finally:
            closed.cancel()
            feeding.cancel()
        self._submitting.close()

    async def _upload_and_submit(self, cases: Sequence[Case]) -> None:
        source = iter(cases)
        async with asyncio.TaskGroup() as submitting:
            handing_on = submitting.create_task(self._submit_each(submitting))
            async with asyncio.TaskGroup() as uploading:
                for _ in range(self._tools.settings.uploads * _LOOKAHEAD):
                    uploading.create_task(self._upload_each(source))
            await self._ready.put(None)
            await handing_on

    async def _upload_each(self, source: Iterable[Case]) -> None:
        for case in source:
            uploaded = await self._uploading.handle(case)
            if uploaded is not None:
                await self._ready.put(uploaded)

    async def _submit_each(self, group: asyncio.TaskGroup) -> None:
        while (case := await self._ready.get()) is not None:
            await self._tools.slots.take()
            self._uploading.handed_on(case)
            group.create_task(self._submitting.handle(case))

    async def _fetch_each(self) -> None:
        while True:
            case = await self._to_fetch.get()
            try:
                await self._delivering.handle(case)
            finally:
                self._to_fetch.task_done()

    async def _collected(self) -> None:
        """Wait until every render that is known has ended, and every event that may prove one."""
        await self._drained()
        if self._hearing is not None and self._adoption.waiting:
            seconds = max(_PROOF_SECONDS, _PROOF_RENDERS * (self._history.typical or 0.0))
            seconds = min(seconds, self._tools.settings.poll_timeout)
            words = (
                f"{self._adoption.waiting} unconfirmed: waiting up to {seconds:.0f} s for events"
            )
            self._tools.announce(Note("info", words))
            await self._adoption.settled(seconds)
            await self._drained()

    async def _drained(self) -> None:
        """Wait until no render is under way; one whose proof is being written down is."""
        await self._collecting.poller.drained()
        while self._adoption.is_writing:
            await self._adoption.recorded()
            await self._collecting.poller.drained()

    def _submitted(self, case: Case) -> None:
        if self._wait:
            self._watch(case)
        else:
            self._tools.slots.release()

    def _watch(self, case: Case, resumed: bool = False) -> None:
        self._collecting.watch(case, resumed)
        if self._hearing is not None:
            self._hearing.watched(case)

    def _rendered(self, case: Case) -> None:
        if self._hearing is not None:
            self._hearing.rendered(case)
        if self._fetch:
            self._to_fetch.put_nowait(case)

    def _doubted(self, case: Case, claim: Claim) -> None:
        if self._hearing is not None:
            self._adoption.expect(case, claim)

    def doubt(self, doubts: Iterable[tuple[Case, Claim, float]]) -> None:
        """Submissions of earlier runs that are unconfirmed, each with its age in seconds."""
        for case, claim, age in doubts:
            self._adoption.expect(case, claim, age < self._tools.settings.poll_timeout)

    def heard(self, project: Project, ended: bool) -> None:
        """The service has said something of a project by itself; `ended`: its render has."""
        if self._hearing is not None:
            self._hearing.heard(project, ended)

    def heed(self, event: Event) -> None:
        """Count failures, for `--halt`; to be subscribed to the run's events."""
        if not (isinstance(event, JobMoved) and event.target is JobState.FAILED):
            return
        self._failed += 1
        if self._halt is None or not self._halt.reached(self._failed, self._total):
            return
        reason = f"--halt: {self._failed} jobs failed"
        if self._halt.now:
            self._tools.stop.leave(ExitCode.INCOMPLETE, reason)
        else:
            self._tools.stop.close(ExitCode.INCOMPLETE, reason)

    def _clocks(self) -> Iterable[Coroutine[Any, Any, None]]:
        duration = self._tools.settings.max_duration
        if duration is not None:
            yield self._stop_in_time(duration)

    async def _stop_in_time(self, duration: float) -> None:
        """Submit nothing whose render would not end in time, and leave when time is up."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        reason = f"--max-duration: {duration:g} s"
        # The typical time is learnt while the run goes on, so it is looked at again and again.
        while (left := begin + duration - loop.time()) > (self._history.typical or 0.0):  # noqa: ASYNC110
            await asyncio.sleep(min(left, 1.0))
        self._tools.stop.close(ExitCode.INCOMPLETE, reason)
        await asyncio.sleep(max(0.0, begin + duration - loop.time()))
        self._tools.stop.leave(ExitCode.INCOMPLETE, reason)


async def _ended(task: "asyncio.Task[None]") -> None:
    """Wait for a task; being canceled is an end like any other.

    Raises:
        BaseException: what the task raised; of a group of errors, the first.
    """
    # Not `await task`: that would take our own cancellation for the task's.
    await asyncio.wait({task})
    if not task.cancelled() and (error := task.exception()) is not None:
        raise _first(error)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
