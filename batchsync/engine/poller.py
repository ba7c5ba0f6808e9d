"""One scheduler that looks at all renders in flight, within one budget of requests.

`planner` says when a look is worth its price, `history` how long a render should take, `line`
which renders the service is working on, `pace` how fast calls may follow each other.
"""

import asyncio
import heapq
import itertools
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from batchsync.api.retry import Patience
from batchsync.engine.history import Clue, History
from batchsync.engine.line import Line, Queueing
from batchsync.engine.pace import Pace
from batchsync.engine.planner import Planner
from batchsync.engine.sleep import Sleep
from batchsync.engine.watching import Sight, Watch
from batchsync.errors import RemoteError, Throttled

K = TypeVar("K")

# So many renders, with no more to come, are the last of so many at least.
_LAST, _LAST_OF = 2, 20
# Status calls under way at a time.
_WIDTH = 32
# Of the renders that wait at the service, one is looked at every so many longest pauses.
_WATCHMAN = 2.0


class Poller(Generic[K]):
    """Calls `look` for each item when an end is likely, until it says that there is one.

    Args:
        look: makes one status call. A retryable `RemoteError` from it means "later".
        expired: called when an item has been watched for `timeout` seconds.
        history: of render times; learns from what is seen.
        shortest, longest: seconds between looks, once an end is near.
        key: what an item is known by; no two have the same.
        wall: the time of day in seconds; it goes on while the machine sleeps.
    """

    def __init__(
        self,
        look: Callable[[K], Awaitable[Sight]],
        expired: Callable[[K], Awaitable[None]],
        history: History,
        *,
        shortest: float,
        longest: float,
        timeout: float,
        patience: Patience,
        key: Callable[[K], Hashable],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._look = look
        self._expired = expired
        self._planner = Planner(history, shortest, longest)
        self._timeout = timeout
        self._patience = patience
        self._key = key
        self._sleep = Sleep(wall)
        # An entry holds as long as its time is what the watch says. The watch None is the
        # watchman's round through those that wait at the service.
        self._heap: list[tuple[float, int, Watch[K] | None]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._watches: dict[Hashable, Watch[K]] = {}
        self._draining = False
        self._behind: deque[Watch[K]] = deque()
        self._line = Line()
        self._pace = Pace()
        self._width = asyncio.Semaphore(_WIDTH)
        self._last_end = 0.0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def relaxed(self) -> bool:
        """Whether ends are told by `hint`, so that looks are but a rare fallback."""
        return self._planner.relaxed

    @relaxed.setter
    def relaxed(self, relaxed: bool) -> None:
        self._planner.relaxed = relaxed

    def watch(self, item: K, age: float | None = None, clue: Clue | None = None) -> None:
        """Look at a render from now on.

        Args:
            item: handed to `look`.
            age: seconds since it was submitted, by an earlier run; None if that was just now.
            clue: what is known of it.
        """
        now = asyncio.get_running_loop().time()
        watch = Watch(
            item,
            clue or Clue(),
            self._line.enter(),
            submitted=now - (age or 0.0),
            since=now,
            resumed=age is not None,
        )
        self._watches[self._key(item)] = watch
        self._idle.clear()
        if watch.resumed or self._line.is_at_work(watch.place):
            self._start(watch, watch.submitted, now)
            return
        self._stand_behind(watch, now)

    def hint(self, key: Hashable) -> bool:
        """Look at one now: somebody says that it has ended. False if it is not watched."""
        watch = self._watches.get(key)
        if watch is None:
            return False
        watch.hinted = True
        if not watch.in_air:
            self._set(watch, asyncio.get_running_loop().time())
        return True

    async def drained(self) -> None:
        """Wait until nothing is watched; what is watched now is the last for the time being."""
        self._draining = True
        self._hasten(asyncio.get_running_loop().time())
        await self._idle.wait()
        self._draining = self._planner.last = False

    async def run(self) -> None:
        """Look, for ever; to be canceled."""
        async with asyncio.TaskGroup() as group:
            while True:
                watch = await self._next_due()
                await self._width.acquire()
                group.create_task(self._visit(watch))

    @property
    def _load(self) -> float:
        return len(self._watches) / self._pace.rate

    def _start(self, watch: Watch[K], begun: float, now: float) -> None:
        """The service may be at work on it since `begun`."""
        watch.begun = begun
        # Its time counts from its turn; but not if those before it have only been given up.
        watch.since = max(watch.since, min(begun, self._last_end))
        if not watch.in_air:
            due = self._planner.first(watch, now, self._load)
            if watch.last is not None:
                due = max(due, watch.last + self._planner.shortest)
            self._set(watch, due)

    def _stand_behind(self, watch: Watch[K], now: float) -> None:
        if not self._behind:
            self._push(now + self._planner.longest * _WATCHMAN, None)
        watch.begun = None
        self._behind.append(watch)
        self._set(watch, now + self._timeout)

    def _set(self, watch: Watch[K], due: float) -> None:
        if watch.hinted and not watch.in_air:
            # Whatever else is learnt meanwhile, this look is wanted now.
            due = min(due, watch.due)
        # The last look is at the deadline, not after it.
        watch.due = min(due, max(watch.since + self._timeout, asyncio.get_running_loop().time()))
        self._push(watch.due, watch)

    def _push(self, due: float, watch: Watch[K] | None) -> None:
        heapq.heappush(self._heap, (due, next(self._order), watch))
        if self._heap[0][0] >= due:
            self._wake.set()

    async def _next_due(self) -> Watch[K]:
        """Wait for the next look that is due and allowed."""
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            now = loop.time()
            if slept := self._sleep.since_last(now):
                self._awoken(slept, now)
            wait = None
            if self._heap:
                wait = max(self._heap[0][0], self._pace.opens) - now
                if wait <= 0:
                    watch = self._pop(now)
                    if watch is None:
                        continue
                    self._pace.called(now)
                    return watch
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _pop(self, now: float) -> Watch[K] | None:
        due, _, watch = heapq.heappop(self._heap)
        if watch is None:
            watch = self._waiting(now)
        elif watch.due != due or watch.in_air or watch.ended:
            return None
        if watch is not None:
            watch.in_air = True
        return watch

    def _waiting(self, now: float) -> Watch[K] | None:
        """One of those that wait at the service, as nobody promises that they really do."""
        if not self._behind:
            return None
        self._push(now + self._planner.longest * _WATCHMAN, None)
        watch = random.choice(self._behind)  # noqa: S311
        recent = watch.last is not None and now - watch.last < self._planner.shortest
        return None if watch.in_air or watch.ended or recent else watch

    def _awoken(self, slept: float, now: float) -> None:
        """Renders went on while the machine slept."""
        for watch in self._watches.values():
            watch.submitted -= slept
            if watch.begun is not None:
                watch.begun -= slept
        self._reconsider(now)

    def _reconsider(self, now: float) -> None:
        """What looks were placed by no longer holds."""
        for watch in self._watches.values():
            if watch.begun is not None and not watch.in_air:
                watch.chance = None
                self._set(watch, self._planner.sooner(watch, now))

    def _line_up(self, now: float) -> None:
        """The service turns out to let renders wait for their turn, or not to."""
        self._planner.correct(self._line)
        self._behind.clear()
        for watch in sorted(self._watches.values(), key=lambda each: each.place):
            if self._line.is_at_work(watch.place):
                if watch.begun is None or self._line.queueing is Queueing.YES:
                    self._start(watch, self._line.begun(watch.place, watch.submitted), now)
            else:
                self._stand_behind(watch, now)

    async def _visit(self, watch: Watch[K]) -> None:
        try:
            sight = await self._once(watch)
        finally:
            self._width.release()
            watch.in_air = False
        if sight is not Sight.OPEN:
            self._end(watch, sight)

    async def _once(self, watch: Watch[K]) -> Sight:
        now = asyncio.get_running_loop().time
        pause = 0.0
        hinted, watch.hinted = watch.hinted, False
        watch.looks += 1
        begin = now()
        try:
            sight = await self._look(watch.item)
            watch.failures = 0
            self._pace.answered()
            if sight is not Sight.OPEN:
                watch.hinted = hinted
                return sight
            watch.last = begin
        except RemoteError as error:
            if not error.retryable:
                raise
            watch.failures += 1
            pause = self._patience.pause(watch.failures, error.retry_after)
            if isinstance(error, Throttled):
                named = None if error.retry_after is None else pause
                self._pace.throttled(now(), named)
        if self._is_over(watch, now()):
            await self._expired(watch.item)
            return Sight.GIVEN_UP
        self._set(watch, self._after(watch, now(), pause))
        return Sight.OPEN

    def _is_over(self, watch: Watch[K], now: float) -> bool:
        if watch.begun is None:
            # It waits at a service that is alive.
            watch.since = max(watch.since, self._last_end)
        return now - watch.since >= self._timeout

    def _after(self, watch: Watch[K], now: float, pause: float) -> float:
        if pause:
            return now + pause
        if watch.hinted:
            return now
        if watch.begun is None:
            return now + self._timeout
        return self._planner.next(watch, now, self._load)

    def _end(self, watch: Watch[K], sight: Sight) -> None:
        now = asyncio.get_running_loop().time()
        watch.ended = True
        key = self._key(watch.item)
        if self._watches.get(key) is watch:
            del self._watches[key]
        if sight is not Sight.GIVEN_UP:
            self._last_end = now
        if sight is Sight.RENDERED and self._planner.learn(watch, now):
            self._reconsider(now)
        seen = None if watch.last is None else now - watch.last
        if self._line.leave(watch.place, watch.submitted, now, seen=seen, what=watch.clue):
            self._line_up(now)
        while self._behind and self._line.is_at_work(self._behind[0].place):
            next_one = self._behind.popleft()
            if not next_one.ended:
                begun = self._line.begun(next_one.place, next_one.submitted)
                self._start(next_one, begun, now)
        if not self._watches:
            self._idle.set()
        self._hasten(now)

    def _hasten(self, now: float) -> None:
        """Look more often at the last renders: the whole batch waits for them."""
        last = self._draining and 0 < len(self._watches) <= _LAST
        if last and not self._planner.last and self._line.entered >= _LAST_OF:
            self._planner.last = True
            for watch in self._watches.values():
                if watch.begun is not None and not watch.in_air and watch.looks:
                    self._set(watch, min(watch.due, self._planner.next(watch, now, self._load)))
