"""How a file comes in: from its beginning or on from a part, over one connection or several."""

import asyncio
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from typing import TYPE_CHECKING, Protocol

from batchsync.api.answers import storage_error
from batchsync.api.bandwidth import Bandwidth
from batchsync.api.ranges import Whole, divisible, in_order, pays
from batchsync.api.transfer import Incoming
from batchsync.errors import AnswerLost, OutputInvalid, Unintelligible

if TYPE_CHECKING:
    from aiohttp import ClientResponse

# An output larger than this is no lip-sync of at most 20,000 frames.
_LARGEST_OUTPUT = 64 << 30


class Ask(Protocol):
    """Sends a GET for bytes `start` up to, and not with, `end`; `etag` goes as `If-Range`."""

    def __call__(
        self, start: int, end: int | None = None, etag: str | None = None
    ) -> AbstractAsyncContextManager["ClientResponse"]:
        """The answer, its body not read yet."""
        ...


class Receiver:
    """Takes files in.

    Args:
        bandwidth: shared with the run's other downloads; None takes what comes.
    """

    def __init__(self, bandwidth: Bandwidth | None) -> None:
        self._bandwidth = bandwidth
        # Whether storage gives files in pieces; until it does not. A rate that was asked for is
        # no reason to use more connections.
        self._divides = bandwidth is None
        # Files that are coming in. Several at a time use several connections anyway, and the
        # pieces of each would have to be held in memory.
        self._coming = 0

    async def receive(
        self, ask: Ask, incoming: Incoming, moved: Callable[[int], None]
    ) -> int | None:
        """Fetch what an open part lacks; returns the whole length, None where nobody says.

        Raises:
            RemoteError: the host does not give it, or the connection broke.
            OutputInvalid: it does not end.
            OutputUnwritable: the disk did not take it.
        """
        self._coming += 1
        try:
            async with ask(incoming.size) as response:
                expected = await _expect(response, incoming, incoming.size)
                # 416 says that all is here already; its body is a message, not the file.
                if response.status != 416:
                    whole = divisible(response.status, response.headers, expected)
                    if await self._stream(response, incoming, moved, whole) and whole:
                        response.close()
                        await self._pieces(ask, whole, incoming, moved)
        finally:
            self._coming -= 1
        return expected

    async def _stream(
        self,
        response: "ClientResponse",
        incoming: Incoming,
        moved: Callable[[int], None],
        whole: Whole | None,
    ) -> bool:
        """Take what comes; True where the rest is better fetched in pieces."""
        loop = asyncio.get_running_loop()
        begin, came = loop.time(), 0
        stream, bandwidth = response.content, self._bandwidth
        async for block in stream.iter_chunked(bandwidth.piece) if bandwidth else stream.iter_any():
            if incoming.received + len(block) > _LARGEST_OUTPUT:
                raise OutputInvalid("the download does not end")
            if bandwidth:
                await bandwidth.take(len(block))
            await incoming.add(block)
            moved(len(block))
            came += len(block)
            slow = whole and pays(whole, incoming.received, came, loop.time() - begin)
            if slow and self._divides and self._coming == 1:
                return True
        return False

    async def _pieces(
        self, ask: Ask, whole: Whole, incoming: Incoming, moved: Callable[[int], None]
    ) -> None:
        replaced = asyncio.Event()

        async def fetch(start: int, end: int) -> list[bytes]:
            async with ask(start, end, whole.etag) as response:
                self._check_piece(response, start, whole, replaced)
                return await _read(response, end - start, moved)

        try:
            async with aclosing(in_order(incoming.received, whole.size, fetch)) as pieces:
                async for piece in pieces:
                    for block in piece:
                        await incoming.add(block)
        finally:
            if replaced.is_set():
                # What is here is of another object: the next try must not go on after it.
                await incoming.restart()

    def _check_piece(
        self, response: "ClientResponse", start: int, whole: Whole, replaced: asyncio.Event
    ) -> None:
        span = _content_range(response.headers.get("Content-Range", ""))
        same = response.headers.get("ETag", whole.etag) == whole.etag
        if response.status == 206 and span == (start, whole.size) and same:
            return
        # This host does not have it so, after all: one connection, from now on.
        self._divides = False
        if not 200 <= response.status < 300:
            raise storage_error(response.status, response.headers)
        if not same:
            replaced.set()
        raise AnswerLost("the storage host does not give the file in pieces")


async def _read(response: "ClientResponse", size: int, moved: Callable[[int], None]) -> list[bytes]:
    blocks, came = [], 0
    async for block in response.content.iter_any():
        blocks.append(block)
        came += len(block)
        moved(len(block))
        if came > size:
            break
    if came != size:
        raise AnswerLost(f"{came} of {size} bytes came")
    return blocks


async def _expect(response: "ClientResponse", incoming: Incoming, held: int) -> int | None:
    """The whole length that the file should have, or None where the server does not say."""
    if response.status == 206:
        first, total = _content_range(response.headers.get("Content-Range", ""))
        if first == held:
            return total
        await incoming.restart()
        raise Unintelligible("the storage host gave another range than asked")
    if response.status == 416 and held:
        first, total = _content_range(response.headers.get("Content-Range", ""))
        if total == held:
            return total
        await incoming.restart()
        raise Unintelligible("the part on disk is not of this file; starting again")
    if response.status != 200:
        raise storage_error(response.status, response.headers)
    if held:
        await incoming.restart()
    return response.content_length


def _content_range(value: str) -> tuple[int | None, int | None]:
    match = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", value)
    if not match:
        return None, None
    first, total = match.groups()
    return (
        int(first) if first is not None else None,
        int(total) if total != "*" else None,
    )
