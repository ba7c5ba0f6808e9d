"""The end of the program, seen from what is still under way."""

import asyncio
import threading
from typing import Protocol

from batchsync.errors import UsageError


class Owner:
    """Whoever waits for an errand: a thread, and its loop if it is the loop that waits."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._thread = threading.current_thread()
        self._loop = loop

    def listens(self) -> bool:
        """Whether it can still hear anything."""
        return self._thread.is_alive() and not (self._loop and self._loop.is_closed())

    def holds_the_program(self) -> bool:
        """Whether the program does not end before it does."""
        if self._thread is threading.current_thread():
            return False  # it is here that the program is ending
        return self.listens() and not self._thread.daemon


class Away(Protocol):
    """Something under way that can be called back."""

    def is_awaited(self) -> bool:
        """Whether somebody waits for it for whom the program waits in turn."""
        ...

    def leave(self) -> None:
        """Call it back."""
        ...

    def join(self) -> None:
        """Wait until it is back."""
        ...


# What is not back yet.
_under_way: set[Away] = set()
_ending = threading.Event()


def set_out(away: Away) -> None:
    """Something is under way from now on.

    Raises:
        UsageError: the program is ending.
    """
    if _ending.is_set():
        raise UsageError(
            "the program is ending, and Python starts nothing new then: the main thread has "
            "to wait (join) for a thread that runs a batch"
        )
    _under_way.add(away)


def come_back(away: Away) -> None:
    """It is back."""
    _under_way.discard(away)


def _see_home() -> None:
    """When the program ends, fetch what is under way while the means to record it are there.

    A thread that waits for its run, and that the program waits for, gets its run to the end.
    """
    _ending.set()
    for away in tuple(_under_way):
        if not away.is_awaited():
            away.leave()
        away.join()


def _register() -> None:
    # There is no public hook so early: when `atexit` functions are called, asyncio's threads have
    # been ended, and a create call in the air could neither look its host up nor be written down.
    # The module of executors puts its own end here, too; what is registered later is called
    # earlier.
    import concurrent.futures.thread  # noqa: F401, PLC0415

    threading._register_atexit(_see_home)  # type: ignore[attr-defined]


try:
    _register()
except RuntimeError:
    _ending.set()  # loaded by a thread that has outlived the main one
