"""One scheduler that looks at all renders in flight, within one budget of requests."""

import asyncio
import heapq
import itertools
import random
import statistics
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from batchsync.api.retry import Patience, poll_pause
from batchsync.errors import RemoteError, Throttled

K = TypeVar("K")

# Requests a second for all status calls together, and how few it may become after 429s.
_RATE = 100.0
_LEAST_RATE = 2.0
# What each quiet answer gives back of the rate that 429s have taken.
_RECOVERY = 0.5
# Seconds in which several 429s count as one: they answer calls that were in the air together.
_BURST = 1.0
# Status calls under way at a time.
_WIDTH = 32
# Renders seen to end before their times are trusted, and how many are remembered.
_ENOUGH = 3
_MEMORY = 200
# A resumed batch is looked at over this many seconds, not in one burst.
_RESUME_SPREAD = 2.0


class History:
    """How long renders have taken, in seconds."""

    def __init__(self, seconds: Iterable[float] = ()) -> None:
        self._seconds: deque[float] = deque(seconds, maxlen=_MEMORY)

    def add(self, seconds: float) -> None:
        """A render has ended."""
        self._seconds.append(seconds)

    @property
    def early(self) -> float | None:
        """When the first fifth of renders has ended; None until enough have been seen."""
        if len(self._seconds) < _ENOUGH:
            return None
        return statistics.quantiles(self._seconds, n=5)[0]

    @property
    def typical(self) -> float | None:
        """When half of them have ended; None until enough have been seen."""
        return statistics.median(self._seconds) if len(self._seconds) >= _ENOUGH else None


@dataclass(order=True, slots=True)
class _Watch(Generic[K]):
    due: float
    order: int
    item: K = field(compare=False)
    since: float = field(compare=False, default=0.0)
    looks: int = field(compare=False, default=0)
    failures: int = field(compare=False, default=0)


class Poller(Generic[K]):
    """Calls `look` for each item when its time has come, until it says True.

    Args:
        look: makes one status call; True when the item need not be looked at again. A retryable
            `RemoteError` from it means "later".
        expired: called when an item has been watched for `timeout` seconds.
        history: of render times, which places the first look.
        shortest, longest: seconds between looks.
    """

    def __init__(
        self,
        look: Callable[[K], Awaitable[bool]],
        expired: Callable[[K], Awaitable[None]],
        history: History,
        *,
        shortest: float,
        longest: float,
        timeout: float,
        patience: Patience,
    ) -> None:
        self._look = look
        self._expired = expired
        self._history = history
        self._shortest, self._longest, self._timeout = shortest, longest, timeout
        self._patience = patience
        self._heap: list[_Watch[K]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._watched = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._rate = _RATE
        self._next_call = 0.0
        self._burst_until = 0.0
        self._width = asyncio.Semaphore(_WIDTH)

    def watch(self, item: K, age: float = 0.0) -> None:
        """Look at a render from now on; `age` is how long ago it was submitted, in seconds."""
        now = asyncio.get_running_loop().time()
        early = self._history.early
        wait = self._shortest if early is None else max(self._shortest, early - age)
        if age > 0:
            wait = max(early - age, 0.0) if early is not None else 0.0
            wait += random.uniform(0, _RESUME_SPREAD)  # noqa: S311
        self._watched += 1
        self._idle.clear()
        self._push(_Watch(now + wait, next(self._order), item, since=now))

    async def drained(self) -> None:
        """Wait until nothing is watched."""
        await self._idle.wait()

    async def run(self) -> None:
        """Look, for ever; to be canceled."""
        async with asyncio.TaskGroup() as group:
            while True:
                watch = await self._next_due()
                await self._width.acquire()
                group.create_task(self._visit(watch))

    def _push(self, watch: _Watch[K]) -> None:
        heapq.heappush(self._heap, watch)
        if self._heap[0] is watch:
            self._wake.set()

    async def _next_due(self) -> _Watch[K]:
        loop = asyncio.get_running_loop()
        while True:
            self._wake.clear()
            now = loop.time()
            if self._heap:
                wait = max(self._heap[0].due, self._next_call) - now
                if wait <= 0:
                    self._next_call = max(now, self._next_call) + 1 / self._rate
                    return heapq.heappop(self._heap)
            else:
                wait = None
            try:
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _visit(self, watch: _Watch[K]) -> None:
        try:
            ended = await self._once(watch)
        finally:
            self._width.release()
        if ended:
            self._watched -= 1
            if self._watched == 0:
                self._idle.set()

    async def _once(self, watch: _Watch[K]) -> bool:
        now = asyncio.get_running_loop().time
        watch.looks += 1
        try:
            if await self._look(watch.item):
                return True
            watch.failures = 0
            self._rate = min(_RATE, self._rate + _RECOVERY)
            pause = poll_pause(watch.looks, self._shortest, self._longest)
        except RemoteError as error:
            if not error.retryable:
                raise
            watch.failures += 1
            pause = self._patience.pause(watch.failures, error.retry_after)
            if isinstance(error, Throttled):
                self._slow_down(error.retry_after)
        if now() - watch.since >= self._timeout:
            await self._expired(watch.item)
            return True
        # The last look is at the deadline, not after it.
        watch.due = min(now() + pause, max(now(), watch.since + self._timeout))
        self._push(watch)
        return False

    def _slow_down(self, retry_after: float | None) -> None:
        now = asyncio.get_running_loop().time()
        if now >= self._burst_until:
            self._burst_until = now + _BURST
            self._rate = max(_LEAST_RATE, self._rate / 2)
        if retry_after is not None:
            self._next_call = max(self._next_call, now + self._patience.pause(1, retry_after))
