"""How far uploads may run ahead of submission, in bytes.

Far enough that no slot waits for one; not so far that files are sent days before they are used,
and expire.
"""

import asyncio
from collections.abc import Iterable, Mapping

# Bytes; minutes of a fast line.
HEADSTART = 4 << 30


class Headstart:
    """Counts bytes that are sent, or being sent, for jobs that are not submitted yet.

    By file: what several jobs share counts once, and until the first of them is submitted.

    Args:
        limit: bytes; a job that needs more goes alone. None is no limit.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._held: dict[str, int] = {}
        self._bytes = 0
        # First come, first served: a job only ever waits for the files of those before it, which
        # wait for nothing here any more.
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    async def enter(self, sizes: Mapping[str, int]) -> None:
        """Wait until a job's files may be sent.

        Args:
            sizes: bytes by path, of those that are not with the service yet.
        """
        if self._limit is None or sizes.keys() <= self._held.keys():
            return
        async with self._turn:
            fresh = {path: size for path, size in sizes.items() if path not in self._held}
            need = sum(fresh.values())
            while self._held and self._bytes + need > self._limit:
                self._freed.clear()
                await self._freed.wait()
            self._held |= fresh
            self._bytes += need

    def release(self, paths: Iterable[str]) -> None:
        """A job has been submitted, or goes no further: its files no longer count."""
        for path in paths:
            self._bytes -= self._held.pop(path, 0)
        self._freed.set()
