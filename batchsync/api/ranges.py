"""A large file over several connections, for hosts that hold each connection to a rate.

The pieces are handed on in order, so that what lies on the disk is at every moment the file's
beginning: resuming and hashing are the same as with one connection.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass

# Bytes. A piece is long enough that asking for it costs little beside it, and short enough that
# those that wait for their turn fit into memory.
_PIECE = 3 << 20
_CONNECTIONS = 4
# Bytes that must still be to come for further connections to pay.
_LEAST_LEFT = 32 << 20
# Bytes after which the first connection is judged, and the rate (bytes per second) at which it is
# left alone: there, the disk and this machine set the pace.
_TRIAL = 8 << 20
_FAST = 50e6


@dataclass(frozen=True, slots=True)
class Whole:
    """An object whose parts may be asked for singly: its length in bytes, and its strong ETag."""

    size: int
    etag: str


def divisible(status: int, headers: Mapping[str, str], size: int | None) -> Whole | None:
    """What an answer says of the object; None if its parts can't be told to be of one object."""
    etag = headers.get("ETag", "")
    takes_ranges = status == 206 or headers.get("Accept-Ranges", "").lower() == "bytes"
    if size is None or not takes_ranges or not etag.startswith('"'):
        return None
    return Whole(size, etag)


def pays(whole: Whole, have: int, came: int, seconds: float) -> bool:
    """Whether to go on over several connections.

    Args:
        whole: what is fetched.
        have: bytes that are here.
        came: bytes that one connection has brought.
        seconds: in which it did.
    """
    return came >= _TRIAL and whole.size - have >= _LEAST_LEFT and came < _FAST * seconds


async def in_order(
    first: int, size: int, fetch: Callable[[int, int], Awaitable[list[bytes]]]
) -> AsyncGenerator[list[bytes]]:
    """Fetch bytes `first` up to `size`, some pieces at a time, and hand them on in order.

    Args:
        first: offset to begin at.
        size: of the whole.
        fetch: brings the bytes from an offset up to, and not with, another.
    """
    coming: deque[asyncio.Task[list[bytes]]] = deque()
    try:
        for start in range(first, size, _PIECE):
            piece = fetch(start, min(start + _PIECE, size))
            coming.append(asyncio.ensure_future(piece))
            if len(coming) == _CONNECTIONS:
                yield await coming.popleft()
        while coming:
            yield await coming.popleft()
    finally:
        for task in coming:
            task.cancel()
        await asyncio.gather(*coming, return_exceptions=True)
