"""One thread that owns the connection and commits what has queued up, in one transaction.

Group commit: while one transaction is being synced, the next calls gather; they share the next
sync. That is what makes a synced record for every transition affordable. A call that nobody's money
waits for says so, and rides with others for a moment longer.
"""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchsync.errors import BatchsyncError, LedgerError

# Bounds a transaction, so that the first caller in it does not wait for a crowd.
_MOST_IN_ONE_COMMIT = 512

# Seconds between commits of calls that are not urgent. At rest there is no waiting at all; under
# load it means a hundred syncs a second instead of one for every record.
_REST = 0.01
# How often the ledger is asked to leave WAL mode, a rest apart, while others read it.
_TRIES_AT_REST = 10

Work = Callable[[sqlite3.Connection], Any]


@dataclass(frozen=True, slots=True)
class _Order:
    work: Work
    future: "asyncio.Future[Any]"
    loop: asyncio.AbstractEventLoop
    urgent: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    order: _Order
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs functions on one SQLite connection, in the order given, grouped into transactions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._rested_at = 0.0
        # A daemon: a second signal must be able to leave at once.
        self._thread = threading.Thread(target=self._serve, name="ledger", daemon=True)
        self._thread.start()

    async def do(self, work: Work, *, urgent: bool = True) -> Any:
        """Run `work(connection)` in the thread; returns once its effects are synced.

        One that is not `urgent` may wait some milliseconds for others to share its sync.

        Raises:
            LedgerError: SQLite could not write; nothing of this call is recorded.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._orders.put(_Order(work, future, loop, urgent))
        # Shielded: a canceled caller does not undo what is already on its way to the disk.
        return await asyncio.shield(future)

    async def close(self) -> None:
        """Finish what is queued, then close the connection."""
        self._orders.put(None)
        await asyncio.to_thread(self._thread.join)

    def _serve(self) -> None:
        while (order := self._orders.get()) is not None:
            batch, last = self._gather(order)
            self._deliver(self._commit(batch))
            self._rested_at = time.monotonic() + _REST
            if last:
                break
        self._close()

    def _close(self) -> None:
        # At rest the ledger is one plain file: easy to copy, and readable without making others.
        # Whoever is reading just now keeps it in WAL mode, which is as good.
        for _ in range(_TRIES_AT_REST):
            try:
                self._connection.execute("PRAGMA journal_mode = DELETE")
                break
            except sqlite3.Error:
                time.sleep(_REST)
        self._connection.close()

    def _gather(self, first: _Order) -> tuple[list[_Order], bool]:
        batch, urgent = [first], first.urgent
        while len(batch) < _MOST_IN_ONE_COMMIT:
            pause = 0.0 if urgent else self._rested_at - time.monotonic()
            try:
                order = self._orders.get(pause > 0, max(0.0, pause))
            except queue.Empty:
                break
            if order is None:
                return batch, True
            batch.append(order)
            urgent = urgent or order.urgent
        return batch, False

    def _commit(self, batch: list[_Order]) -> list[_Outcome]:
        try:
            return self._together(batch)
        except Exception as error:
            if len(batch) == 1:
                return [_Outcome(batch[0], error=_refusal(error))]
        # One of them was refused, or the disk was: each by itself, so that nobody suffers for
        # a neighbour. This is rare, and cheaper than a savepoint for every call.
        return [outcome for order in batch for outcome in self._commit([order])]

    def _together(self, batch: list[_Order]) -> list[_Outcome]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            outcomes = [_Outcome(order, result=order.work(self._connection)) for order in batch]
            self._connection.execute("COMMIT")
        except Exception:
            with contextlib.suppress(sqlite3.Error):
                self._connection.rollback()
            raise
        return outcomes

    @staticmethod
    def _deliver(outcomes: list[_Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
        for outcome in outcomes:
            by_loop.setdefault(outcome.order.loop, []).append(outcome)
        for loop, share in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, share)


def _refusal(error: Exception) -> BatchsyncError:
    # Not only SQLite's errors: its binding raises others for odd values, and none of them may end
    # the thread.
    if isinstance(error, BatchsyncError):
        return error
    return LedgerError(f"the ledger can't be written: {error}")


def _settle(outcomes: list[_Outcome]) -> None:
    for outcome in outcomes:
        future = outcome.order.future
        if future.done():
            continue
        if outcome.error is not None:
            future.set_exception(outcome.error)
        else:
            future.set_result(outcome.result)
