"""What the page is told of the ledger, and the one word that it may add to it.

One thread does it all, each time with a connection of its own: closing a file drops the locks
that the process holds on it, so that no two connections of this process may overlap.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from batchsync.collector import collector_resting
from batchsync.errors import LedgerUnusable
from batchsync.ledger import Cost, JobRecord, RunRecord
from batchsync.ledger.file import is_ledger, open_for_reading
from batchsync.ledger.reviews import Review, read_reviews, record_review, tidy
from batchsync.ledger.sqlite import read_costs, read_latest_run, read_records

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page:
    """The ledger at one moment, as far as the page shows it."""

    records: Mapping[str, JobRecord] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    reviews: Mapping[str, Review] = field(default_factory=dict)
    latest_run: RunRecord | None = None
    running: bool = False


class Books:
    """A ledger that others write."""

    def __init__(self, state: Path) -> None:
        """`state` is the ledger; it need not be there yet."""
        self._state = state
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="books")

    async def read(self) -> Page:
        """Everything, at one moment.

        Raises:
            LedgerUnusable: it is newer, foreign or damaged, or can't be read just now.
        """
        return await self._do(self._read)

    async def stamp(self) -> object:
        """Differs once somebody has written; may fail to, so look anyway from time to time."""
        return await self._do(self._stamp)

    async def judge(self, review: Review) -> None:
        """Add a word; it is on disk when this returns.

        Raises:
            StaleTransition: the job has no finished attempt of that number.
            LedgerUnusable: the ledger is newer, foreign or damaged.
            LedgerError: the disk did not take it.
        """
        await self._do(lambda: record_review(self._state, review))

    async def ask(self, work: Callable[[], T]) -> T:
        """Do other blocking work in the same thread."""
        return await self._do(work)

    async def close(self) -> None:
        """Leave the ledger as one plain file, unless a run is at work."""
        with contextlib.suppress(LedgerUnusable, sqlite3.Error, OSError):
            await self._do(lambda: tidy(self._state))
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _stamp(self) -> object:
        found: list[tuple[int, int, int] | None] = []
        for path in (self._state, self._state.with_name(f"{self._state.name}-wal")):
            try:
                stat = path.stat()
                found.append((stat.st_ino, stat.st_size, stat.st_mtime_ns))
            except OSError:
                found.append(None)
        return found

    def _read(self) -> Page:
        if not is_ledger(self._state):
            return Page()
        try:
            with contextlib.closing(open_for_reading(self._state)) as connection:
                return _read_page(connection)
        except sqlite3.Error as error:
            raise LedgerUnusable(f"the ledger {self._state} can't be read: {error}") from error


def _read_page(connection: sqlite3.Connection) -> Page:
    connection.execute("BEGIN")
    with collector_resting():
        run = read_latest_run(connection)
        return Page(
            read_records(connection),
            read_costs(connection),
            read_reviews(connection),
            run,
            run is not None and run.is_at_work,
        )
