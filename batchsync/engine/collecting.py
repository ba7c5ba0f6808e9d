"""Third stage: renders in flight are looked at until they end."""

from collections.abc import Callable

from batchsync.engine.case import Case
from batchsync.engine.history import Clue, History
from batchsync.engine.poller import Poller
from batchsync.engine.tools import Tools, failure_of
from batchsync.engine.watching import Sight
from batchsync.errors import (
    Forbidden,
    NotFound,
    PaymentRequired,
    RemoteError,
    Throttled,
    Unauthorized,
    Unavailable,
)
from batchsync.events import CallRetried, StageEntered
from batchsync.model import Failure, Stage
from batchsync.request import range_seconds
from batchsync.stages.poll import Broke, Canceled, Finished, Rendering, read

# A new project may not be known to every server of the service at once.
_MISSES_ALLOWED = 4


class Collecting:
    """Watches submitted cases, hands rendered ones to `rendered`."""

    def __init__(
        self,
        tools: Tools,
        history: History,
        rendered: Callable[[Case], None],
        ended: Callable[[], None],
    ) -> None:
        settings = tools.settings
        self._tools = tools
        self._rendered = rendered
        self._ended = ended
        self._misses: dict[str, int] = {}
        self.poller: Poller[Case] = Poller(
            self._look,
            self._expired,
            history,
            shortest=settings.poll_min,
            longest=settings.poll_max,
            timeout=settings.poll_timeout,
            patience=tools.patience,
            key=lambda case: case.id,
        )

    def watch(self, case: Case, resumed: bool = False) -> None:
        """Wait for a render from now on."""
        self._tools.announce(StageEntered(case.id, Stage.POLL))
        age = max(0.0, self._tools.now() - (case.submitted_at or 0)) if resumed else None
        job = case.job
        clue = Clue.of(job.generation_mode, range_seconds(job), job.max_fps_limit)
        self.poller.watch(case, age, clue)

    async def _look(self, case: Case) -> Sight:
        tools = self._tools
        try:
            look = read(await tools.api.project(case.project))
        except RemoteError as error:
            return await self._failed_look(case, error)
        self._misses.pop(case.id, None)
        match look:
            case Rendering():
                return Sight.OPEN
            # The slot first: the next job need not wait until the end of this one is on disk.
            case Finished():
                self._settle(case, look.project.credits_charged)
                self._rendered(await tools.recorder.rendered(case, look))
            case Broke(code, message):
                self._settle(case, 0)
                await tools.recorder.broke(case, Failure(Stage.POLL, code, message))
            case Canceled(credits):
                self._settle(case, credits)
                await tools.recorder.canceled(case, credits)
        self._ended()
        return Sight.RENDERED if isinstance(look, Finished) else Sight.GONE

    async def _failed_look(self, case: Case, error: RemoteError) -> Sight:
        """Nothing that goes wrong with looking loses a render: it stays submitted."""
        if isinstance(error, (Unauthorized, Forbidden, PaymentRequired)):
            self._tools.breaker.barred(error)
        elif isinstance(error, NotFound):
            misses = self._misses[case.id] = self._misses.get(case.id, 0) + 1
            if misses <= _MISSES_ALLOWED:
                raise Unavailable(str(error), status=error.status) from error
        elif error.retryable:
            if isinstance(error, Throttled):
                self._tools.slots.strained()
            self._tools.announce(CallRetried("status", str(error), 0, case.id))
            raise error
        await self._stall(case, self._explained(case, error))
        return Sight.GIVEN_UP

    def _explained(self, case: Case, error: RemoteError) -> Failure:
        failure = failure_of(Stage.POLL, error)
        if isinstance(error, NotFound) and case.base_url != self._tools.settings.base_url:
            message = f"{error}; it was submitted at {case.base_url}: go on with --base-url"
            return Failure(failure.stage, failure.code, message)
        return failure

    async def _expired(self, case: Case) -> None:
        seconds = self._tools.settings.poll_timeout
        message = f"still rendering after {seconds:g} s of waiting; the next run goes on waiting"
        await self._stall(case, Failure(Stage.POLL, "poll_timeout", message))

    async def _stall(self, case: Case, failure: Failure) -> None:
        await self._tools.recorder.stalled(case, failure)
        # Nobody waits for it any more in this run: what it may cost counts as spent.
        self._tools.budget.settle(case.id, case.estimate)
        self._tools.slots.release()

    def _settle(self, case: Case, charged: int | None) -> None:
        self._tools.budget.settle(case.id, case.estimate if charged is None else charged)
        self._tools.slots.release()
