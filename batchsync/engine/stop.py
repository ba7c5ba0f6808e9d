"""Why, and how far, a run is stopping."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from batchsync.errors import ExitCode
from batchsync.events import Stopping

# Most severe first (DESIGN: "Exit codes"): a signal, then 1 > 4 > 5 > 7 > 6 > 3.
SEVERITY = (
    ExitCode.TERMINATED,
    ExitCode.INTERRUPTED,
    ExitCode.INTERNAL,
    ExitCode.DENIED,
    ExitCode.OUT_OF_CREDITS,
    ExitCode.UNCONFIRMED,
    ExitCode.INCOMPLETE,
    ExitCode.SOME_FAILED,
    ExitCode.OK,
)


def most_severe(codes: set[ExitCode]) -> ExitCode:
    """The exit code that wins."""
    return next(code for code in SEVERITY if code in codes or code is ExitCode.OK)


T = TypeVar("T")


class LeftError(Exception):
    """The run was told to leave while it waited for something."""


class Stop:
    """Two doors that only close: first for submissions, then for the whole run.

    `closed` means that nothing more is submitted, while what renders is still collected.
    `left` means that nothing new is started at all; what renders goes on remotely.
    """

    def __init__(self, announce: Callable[[Stopping], None]) -> None:
        self._announce = announce
        self.closed = asyncio.Event()
        self.left = asyncio.Event()
        self.codes: set[ExitCode] = set()
        self.reasons: list[str] = []

    def close(self, code: ExitCode, reason: str) -> None:
        """Submit nothing more."""
        self.codes.add(code)
        if not self.closed.is_set():
            self.reasons.append(reason)
            self.closed.set()
            self._announce(Stopping(reason, leaving=False))

    async def unless_left(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something that a person who wants to leave need not wait for.

        Raises:
            LeftError: the run was told to leave first; the work was canceled.
        """
        task = asyncio.create_task(work)
        leaving = asyncio.create_task(self.left.wait())
        try:
            await asyncio.wait({task, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise LeftError
            return task.result()
        finally:
            leaving.cancel()
            task.cancel()

    def leave(self, code: ExitCode, reason: str) -> None:
        """Start nothing more, and go."""
        self.codes.add(code)
        if not self.left.is_set():
            self.reasons.append(reason)
            self.closed.set()
            self.left.set()
            self._announce(Stopping(reason, leaving=True))
