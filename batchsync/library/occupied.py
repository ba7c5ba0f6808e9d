"""Batches that this process is at work on.

The lock between processes is not enough within one: SQLite's own locks belong to the process, and
closing a ledger's file drops them all, also those of a run in another thread (SQLite: "How To
Corrupt An SQLite Database File", 2.2). So here a ledger at work is read through SQLite alone.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from batchsync.errors import LockHeld
from batchsync.ledger.sqlite import read_costs, read_files, read_latest_run, read_records
from batchsync.standing import Standing, read_standing

_guard = threading.Lock()
_at_work: set[str] = set()

# Seconds between two looks whether another run of this process has ended.
_RETRY_SECONDS = 0.05


@contextlib.asynccontextmanager
async def occupying(
    state: Path, wait_seconds: float, has_left: Callable[[], bool]
) -> AsyncIterator[None]:
    """Be the only one of this process that works on a ledger.

    Raises:
        LockHeld: another is, for longer than `wait_seconds`, or `has_left` has become true.
    """
    path = await asyncio.to_thread(os.path.realpath, state)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while not await asyncio.to_thread(_take, path):
        if has_left() or asyncio.get_running_loop().time() >= deadline:
            raise LockHeld(
                f"this program runs this batch already (ledger {state}): "
                "wait for that run, or give lock_wait=SECONDS"
            )
        await asyncio.sleep(_RETRY_SECONDS)
    try:
        yield
    finally:
        _at_work.discard(path)


def _take(path: str) -> bool:
    with _guard:
        if path in _at_work:
            return False
        _at_work.add(path)
        return True


def standing_of(state: Path) -> Standing:
    """What a ledger says, also while this process is at work on it; blocking.

    Raises:
        LedgerUnusable: the file is newer, foreign or damaged.
    """
    # Guarded: nobody may begin to work on it between the look and the reading.
    with _guard:
        if os.path.realpath(state) not in _at_work:
            return read_standing(state)
    try:
        return _read_at_work(state)
    except sqlite3.OperationalError:
        return Standing()  # the run has not come as far as making it


def _read_at_work(state: Path) -> Standing:
    connection = sqlite3.connect(
        f"{state.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=10
    )
    connection.row_factory = sqlite3.Row
    with contextlib.closing(connection):
        connection.execute("BEGIN")
        return Standing(
            read_records(connection),
            read_costs(connection),
            read_files(connection),
            read_latest_run(connection),
        )
