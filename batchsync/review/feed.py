"""The batch as it changes: looked at while somebody watches, told as differences."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from batchsync.errors import BatchsyncError
from batchsync.ledger.reviews import Review
from batchsync.model import Job
from batchsync.review import view
from batchsync.review.books import Books, Page
from batchsync.review.films import size_of
from batchsync.review.steps import Commands, Row

# Seconds between two looks at the ledger's files, and the longest time without reading it, as
# outputs may go, and runs may die, without a word in it.
_LOOK = 0.4
_LOOK_ANYWAY = 5.0
# Reading may take this share of one core: 10,000 jobs take a third of a second to read.
_SHARE = 0.2


class Feed:
    """The latest rows, each with the version in which it changed last."""

    def __init__(
        self, jobs: Sequence[Job], books: Books, cap: int | None, commands: Commands
    ) -> None:
        """Begin with nothing known.

        Args:
            jobs: of the manifest.
            books: the ledger.
            cap: the most credits that the batch may spend.
            commands: to go on with.
        """
        self._jobs, self._books, self._cap, self._commands = jobs, books, cap, commands
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._changed_in: dict[str, int] = {}
        self._headline: Row = {}
        self._trouble: str | None = None
        self._page = Page()
        self._reading = asyncio.Lock()
        self._news = asyncio.Condition()
        self._watchers = 0
        self._watched = asyncio.Event()
        self._closed = False
        self.judged = 0

    @property
    def page(self) -> Page:
        """The ledger as it was read last."""
        return self._page

    def row(self, job: str) -> Row | None:
        """The latest row of a job."""
        return self._rows.get(job)

    def since(self, version: int) -> dict[str, Any]:
        """What has changed after a version; all of it after 0."""
        return {
            "version": self._version,
            "rows": [row for job, row in self._rows.items() if self._changed_in[job] > version],
            "headline": self._headline,
            "trouble": self._trouble,
        }

    async def judge(self, review: Review) -> Row:
        """Record a word, and tell everybody; the job's row after it."""
        await self._books.judge(review)
        self.judged += 1
        async with self._reading:
            # One row, and not the whole ledger: whoever judges thousands does not want to wait.
            page = replace(self._page, reviews={**self._page.reviews, review.job: review})
            job = next(job for job in self._jobs if job.id == review.job)
            [row] = await self._books.ask(partial(self._table, [job], page))
            if self._take(page, list({**self._rows, row["id"]: row}.values())):
                await self._tell()
        return row

    async def refresh(self) -> None:
        """Read the ledger, and tell what changed."""
        async with self._reading:
            try:
                page = await self._books.read()
                table = await self._books.ask(partial(self._table, self._jobs, page))
            except BatchsyncError as error:
                changed = self._trouble != str(error)
                self._trouble = str(error)
            else:
                changed = self._take(page, table)
            if changed:
                await self._tell()

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def _table(self, jobs: Sequence[Job], page: Page) -> list[Row]:
        return view.rows(jobs, page, self._commands, size_of)

    def _take(self, page: Page, table: list[Row]) -> bool:
        headline = view.headline(table, page, self._cap, self._commands)
        changed = [row for row in table if self._rows.get(row["id"]) != row]
        news = bool(changed) or headline != self._headline or self._trouble is not None
        if news:
            self._version += 1
        for row in changed:
            self._rows[row["id"]] = row
            self._changed_in[row["id"]] = self._version
        self._page, self._headline, self._trouble = page, headline, None
        return news

    async def watch(self) -> None:
        """Look at the ledger for as long as anybody listens; ends when cancelled."""
        loop = asyncio.get_running_loop()
        stamp, took, read_at = None, 0.0, 0.0
        while True:
            await self._watched.wait()
            now = await self._books.stamp()
            if now != stamp or loop.time() - read_at > _LOOK_ANYWAY:
                begin = loop.time()
                await self.refresh()
                stamp, read_at = now, loop.time()
                took = read_at - begin
            await asyncio.sleep(max(_LOOK, took / _SHARE))

    async def listen(
        self, version: int, quiet: float
    ) -> AsyncGenerator[dict[str, Any] | None, None]:
        """What changes after a version, as it does; None after `quiet` seconds without news."""
        self._watchers += 1
        self._watched.set()
        trouble: str | None = None

        def is_news() -> bool:
            return self._closed or self._version > version or self._trouble != trouble

        try:
            while not self._closed:
                if not await self._comes_true(is_news, quiet):
                    yield None
                elif not self._closed:
                    news = self.since(version)
                    version, trouble = news["version"], news["trouble"]
                    yield news
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._watched.clear()

    async def _comes_true(self, condition: Callable[[], bool], seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._news:
                await self._news.wait_for(condition)
                return True
        return False

    async def close(self) -> None:
        """End all listening at once."""
        self._closed = True
        await self._tell()
