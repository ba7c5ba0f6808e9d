"""How many renders may be in flight, and who may start the next."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Literal

# Where `auto` starts (DESIGN), and the most that it will try for: a service that takes more
# queues it, and what is queued is charged already.
_AUTO_START = 16
_AUTO_MOST = 200

# Seconds that the door stays shut after a 429 without Retry-After, doubling with each.
_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0

# Successes in a row at the full limit before one more is tried: each at once, until a 429 has shown
# that there is a limit; from then on few, as every try above it is a request in vain.
_UNLIMITED, _LIMITED = 1, 8


class Slots:
    """A first-come-first-served gate that learns the service's limit from its 429s.

    A slot is `taken` to make a create call, `held` while the service has the job, and given back
    when the render ends. `limit` is fixed, or adapts: it halves on 429, though never below what
    the service has shown to accept, and grows by one after quiet successes.
    """

    def __init__(
        self, limit: int | Literal["auto"], changed: Callable[[int, str], None] = lambda *_: None
    ) -> None:
        self._adapts = limit == "auto"
        self.limit = _AUTO_START if limit == "auto" else limit
        self._changed = changed
        self._used = 0
        self._held = 0
        self._quiet = 0
        self._enough = _UNLIMITED
        self._pause = _FIRST_PAUSE
        self._shut_until = 0.0
        self._obeying = False
        self._timer: asyncio.TimerHandle | None = None
        self._queue: deque[asyncio.Future[None]] = deque()

    @property
    def held(self) -> int:
        """Renders that the service has."""
        return self._held

    async def take(self) -> None:
        """Wait for a slot to make a create call with."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(future)
        self._admit()
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self._used -= 1
            self._admit()
            raise

    def adopt(self) -> None:
        """Count a render that an earlier run has started."""
        self._used += 1
        self._held += 1

    def accepted(self) -> None:
        """The service took the job: the slot is held until `release`."""
        self._held += 1
        self._pause = _FIRST_PAUSE
        self._quiet += 1
        if self._adapts and self._used >= self.limit < _AUTO_MOST and self._quiet >= self._enough:
            self._quiet = 0
            self._set_limit(self.limit + 1, "the service takes more")
        self._admit()

    def give_back(self) -> None:
        """The create call made no job."""
        self._used -= 1
        self._admit()

    def release(self) -> None:
        """A render has ended, or is no longer waited for."""
        self._used -= 1
        self._held -= 1
        if not self._obeying:
            # A place has come free for certain: no need to sit the pause out.
            self._shut_until = 0.0
        self._admit()

    def throttled(self, retry_after: float | None) -> None:
        """A create call was answered 429; its slot is given back."""
        self._used -= 1
        self._quiet, self._enough = 0, _LIMITED
        now = asyncio.get_running_loop().time()
        # Calls that were in the air together are answered together: one pause for all.
        if now >= self._shut_until:
            if self._adapts:
                self._set_limit(max(1, self._held, self.limit // 2), "the service says 429")
            self._obeying = retry_after is not None
            self._shut_until = now + (self._pause if retry_after is None else retry_after)
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._admit()

    def strained(self) -> None:
        """A status call was answered 429: for now, no more is asked of the service than it has.

        What renders can't be taken back, so that the limit does not fall below it; the door stays
        open, as a status call says nothing about whether a job would be taken.
        """
        self._quiet = 0
        if self._adapts:
            self._set_limit(max(1, self._held, self.limit // 2), "the service says 429")

    def _set_limit(self, limit: int, reason: str) -> None:
        if limit != self.limit:
            self.limit = limit
            self._changed(limit, reason)

    def _admit(self) -> None:
        loop = asyncio.get_running_loop()
        wait = self._shut_until - loop.time()
        if wait > 0:
            if self._timer is None:
                self._timer = loop.call_later(wait, self._reopen)
            return
        while self._queue and self._used < self.limit:
            future = self._queue.popleft()
            if not future.done():
                self._used += 1
                future.set_result(None)

    def _reopen(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        if now >= self._shut_until and self._adapts and self._queue and self._used >= self.limit:
            # Nothing has come free by itself: one careful try above what is known to be taken.
            self._set_limit(self._used + 1, "trying one more")
        self._obeying = self._obeying and now < self._shut_until
        self._admit()
