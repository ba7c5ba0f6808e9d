"""A coroutine that runs on a thread and an event loop of its own.

So a run is nobody's hostage: whether it is called from a script, a notebook whose loop is running,
a thread or a server, no foreign loop can be blocked, closed, or have its tasks canceled at the
moment when a render is being bought. Whoever sent it listens to what it says, and may call it back.
"""

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

from batchsync.events import BytesMoved, Event
from batchsync.library.ending import Owner, come_back, set_out
from batchsync.library.observing import Guarded, Observer

T = TypeVar("T")

# Seconds between two looks whether the loop that listens is still there.
_OWNER_SECONDS = 0.5
# Windows does not interrupt a wait that has no end.
_WAIT_SECONDS = 0.5


class Errand(Generic[T]):
    """One coroutine under way.

    Args:
        work: given the errand; says what happens by `announce`, and sets `on_leave`.
        listening: whether what it says is to be kept for somebody.
    """

    def __init__(
        self, work: Callable[["Errand[T]"], Coroutine[Any, Any, T]], listening: bool = False
    ) -> None:
        self._work = work
        self._listening = listening
        self._said: deque[Event] = deque()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: Callable[[], None] = lambda: None
        self._owner = Owner(None)
        self._answer: Future[T] = Future()
        self._result: list[T] = []
        self._thread = threading.Thread(target=self._run, name="batchsync")
        # So that a span or a request's id of the caller's is seen in there, too.
        self._context = contextvars.copy_context()
        self.on_leave: Callable[[], object] | None = None
        self.left = False

    def announce(self, event: Event) -> None:
        """Keep an event for whoever listens; to be called from the errand's own loop."""
        if not self._listening:
            return
        with self._lock:
            quiet = not self._said
            last = None if quiet else self._said[-1]
            if (
                isinstance(event, BytesMoved)
                and isinstance(last, BytesMoved)
                and last.direction == event.direction
            ):
                # Nobody is slow enough to be drowned by them.
                self._said[-1] = BytesMoved(event.direction, last.count + event.count)
            else:
                self._said.append(event)
        if quiet:
            self._wake()

    def leave(self) -> None:
        """Call it back, as the first Ctrl-C does; from any thread."""
        with self._lock:
            self.left = True
            loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended, and so has it
                loop.call_soon_threadsafe(self._heed_leave)

    def wait(self, observer: Observer | None) -> T:
        """Listen until it has ended; blocking.

        Raises:
            BaseException: what interrupted the waiting, once the errand is back; what ended it.
        """
        woken = threading.Event()
        self._wake = woken.set
        self._owner = Owner(None)
        hear = Guarded(observer)
        canceled = _cancellation()
        try:
            self._start()
            while not self._answer.done():
                woken.wait(_WAIT_SECONDS)
                woken.clear()
                if not self.left and canceled():
                    self.leave()
                for event in self._take():
                    hear(event)
            for event in self._take():
                hear(event)
        except BaseException:
            self.leave()
            # A second interruption ends this wait, too; what is bought is on disk all the same.
            while self._is_away():
                woken.wait(_WAIT_SECONDS)
                woken.clear()
            raise
        return self._answer.result()

    async def wait_async(self, observer: Observer | None) -> T:
        """Listen until it has ended.

        Raises:
            CancelledError: the waiting was canceled, and the errand is back.
            Exception: what ended it.
        """
        woken = self._lend_ear()
        hear = Guarded(observer)
        try:
            self._start()
            while not self._answer.done():
                await _once(woken)
                for event in self._take():
                    hear(event)
            for event in self._take():
                hear(event)
        except GeneratorExit:
            self.leave()  # the loop was closed: nothing can be waited for
            raise
        except BaseException as error:
            await self._fetch_back(woken, error)
            raise
        return self._answer.result()

    async def events(self) -> AsyncGenerator[Event, None]:
        """What it says, until it has ended; whoever stops listening calls it back."""
        woken = self._lend_ear()
        try:
            self._start()
            while not self._answer.done():
                await _once(woken)
                for event in self._take():
                    yield event
            for event in self._take():
                yield event
        except BaseException as error:
            await self._fetch_back(woken, error)
            raise

    def _lend_ear(self) -> asyncio.Event:
        loop = asyncio.get_running_loop()
        woken = asyncio.Event()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(woken.set)
            except RuntimeError:
                self.leave()  # the loop that listened is closed

        self._wake = wake
        self._owner = Owner(loop)
        return woken

    async def _fetch_back(self, woken: asyncio.Event, error: BaseException) -> None:
        self.leave()
        canceled = isinstance(error, asyncio.CancelledError)
        while self._is_away():
            try:
                await _once(woken)
            except asyncio.CancelledError:
                # As with Ctrl-C: the first calls it back, the second does not wait for that.
                if canceled:
                    return
                canceled = True

    def result(self) -> T:
        """What came of it, once it has ended.

        Raises:
            BaseException: what ended it.
        """
        return self._answer.result()

    def is_awaited(self) -> bool:
        """Whether somebody waits for it for whom the program waits in turn."""
        return self._owner.holds_the_program()

    def join(self) -> None:
        """Wait for its thread."""
        if self._thread.ident is not None:
            self._thread.join()

    def _is_away(self) -> bool:
        return self._thread.ident is not None and not self._answer.done()

    def _take(self) -> list[Event]:
        with self._lock:
            taken = list(self._said)
            self._said.clear()
        return taken

    def _start(self) -> None:
        set_out(self)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._context.run(asyncio.run, self._main())
        except BaseException as error:  # whatever it was, somebody waits for it
            self._settle(error)
        else:
            self._settle(None)
        come_back(self)

    async def _main(self) -> None:
        task = asyncio.current_task()
        with self._lock:
            self._loop = asyncio.get_running_loop()
        self.on_leave = task.cancel if task else None
        minding = asyncio.create_task(self._mind_owner())
        try:
            if self.left:
                raise asyncio.CancelledError
            # Not returned: asyncio may spell a result out on the way, which takes seconds for a
            # large batch.
            self._result.append(await self._work(self))
        except BaseException as error:
            self._settle_if_left(error)
            raise
        finally:
            minding.cancel()
        self._settle_if_left(None)

    def _settle_if_left(self, error: BaseException | None) -> None:
        if self.left:
            # asyncio waits for its threads, which may still be reading a large file; whoever
            # wants to leave has waited enough. The ledger is closed, the results are written.
            self._settle(error)

    async def _mind_owner(self) -> None:
        # Nobody tells that a loop was closed, or that its thread has ended.
        while self._owner.listens():  # noqa: ASYNC110
            await asyncio.sleep(_OWNER_SECONDS)
        self._heed_leave()

    def _heed_leave(self) -> None:
        self.left = True
        if self.on_leave is not None:
            self.on_leave()

    def _settle(self, error: BaseException | None) -> None:
        if self._answer.done():
            return
        if error is not None:
            self._answer.set_exception(error)
        else:
            self._answer.set_result(self._result[0])
        self._wake()


def _cancellation() -> Callable[[], bool]:
    """Tells whether the task that is blocked here has been canceled meanwhile.

    That is what becomes of the first Ctrl-C in a program of `asyncio.run`, and it would go unheard
    for as long as a coroutine blocks.
    """
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None  # no loop is running here
    if task is None:
        return lambda: False
    before = task.cancelling()
    return lambda: task.cancelling() > before


async def _once(woken: asyncio.Event) -> None:
    await woken.wait()
    woken.clear()
