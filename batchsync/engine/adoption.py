"""Unconfirmed submissions that the service's own events prove to have been taken.

A create call whose answer was lost may have made a job. The job's name carries the attempt's tag,
and the service's signed event tells that name together with the id that the answer would have
told. That is proof, and no person need be asked.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from batchsync.api.wire import Project
from batchsync.engine.case import Case
from batchsync.engine.tools import Tools
from batchsync.errors import LedgerError
from batchsync.events import Note
from batchsync.request import TAG_PREFIX
from batchsync.stages.claim import Claim

# Events come before answers are known to be lost: so many are kept for that.
_MOST_KEPT = 2_000


class Adoption:
    """Brings unconfirmed cases and events about unknown projects together.

    Args:
        adopted: called with each case that has its project now.
    """

    def __init__(self, tools: Tools, adopted: Callable[[Case], None]) -> None:
        self._tools = tools
        self._adopted = adopted
        self._waiting: dict[str, tuple[Claim, Case]] = {}
        self._hoped_for: set[str] = set()
        self._strangers: OrderedDict[str, Project] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._none = asyncio.Event()
        self._none.set()

    @property
    def waiting(self) -> int:
        """Unconfirmed submissions that an event is likely to prove, if they were taken."""
        return len(self._hoped_for)

    @property
    def is_writing(self) -> bool:
        """Whether a proof has come that is not written down yet."""
        return bool(self._tasks)

    def expect(self, case: Case, claim: Claim, hopeful: bool = True) -> None:
        """A submission is unconfirmed; an event may have told of it already.

        Args:
            case: of the job.
            claim: what its attempt had asked for.
            hopeful: False for one so old that its events have come and gone: not waited for.
        """
        self._waiting[claim.tag] = (claim, case)
        if hopeful:
            self._hoped_for.add(claim.tag)
            self._none.clear()
        for project in self._strangers.values():
            if claim.proves(project):
                self.heard(project)
                break

    def heard(self, project: Project) -> None:
        """An event has come about a project that no job is known to have."""
        for tag, (claim, case) in self._waiting.items():
            if claim.proves(project):
                del self._waiting[tag]
                self._hoped_for.discard(tag)
                self._strangers.pop(project.id, None)
                task = asyncio.create_task(self._adopt(case, project))
                self._tasks.add(task)
                task.add_done_callback(self._written)
                return
        if project.name and TAG_PREFIX in project.name:
            self._strangers[project.id] = project
            if len(self._strangers) > _MOST_KEPT:
                self._strangers.popitem(last=False)

    async def settled(self, seconds: float) -> None:
        """Wait until none that is hoped for is unconfirmed any more, or the time is up."""
        await self.recorded()
        if self._hoped_for:
            try:
                async with asyncio.timeout(seconds):
                    await self._none.wait()
            except TimeoutError:
                pass
        await self.recorded()

    async def recorded(self) -> None:
        """Wait for what is being written down.

        Raises:
            LedgerError: it could not be.
        """
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def _written(self, task: "asyncio.Task[None]") -> None:
        # One that failed stays, for `recorded` to raise: nobody else waits for it.
        if task.cancelled() or task.exception() is None:
            self._tasks.discard(task)

    async def _adopt(self, case: Case, project: Project) -> None:
        tools = self._tools
        try:
            submitted = await tools.recorder.submitted(case, project.id, None)
        except LedgerError as error:
            tools.announce(Note("error", f"the event of job {case.id} proves nothing: {error}"))
            raise
        finally:
            if not self._hoped_for:
                self._none.set()
        tools.announce(
            Note("info", f"job {case.id} was taken after all: an event names its project")
        )
        # Until now it counted as spent, and held no slot.
        tools.slots.adopt()
        tools.budget.carry(case.id, submitted.estimate)
        self._adopted(submitted)
