"""Bodies of uploads on their way to the disk: hashed and written in threads, in one pass."""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

from aiohttp import ClientError, StreamReader

# One hop to a thread for each: small enough to hold many at once, large enough to be few.
_BATCH_BYTES: Final = 1 << 20


class ShortBody(Exception):
    """A client left before it had sent what it announced."""


async def store(content: StreamReader, length: int, target: Path) -> str:
    """Write a body of a known length into place, whole or not at all.

    Returns:
        Its SHA-256.

    Raises:
        ShortBody: It ended too early.
    """
    part = target.with_name(f"{target.name}.{id(content):x}.part")
    digest = hashlib.sha256()
    size = 0
    try:
        with await asyncio.to_thread(part.open, "wb") as file:

            def write(pieces: list[bytes]) -> None:
                for piece in pieces:
                    digest.update(piece)
                file.writelines(pieces)

            while pieces := await _batch(content):
                size += sum(map(len, pieces))
                await asyncio.to_thread(write, pieces)
        if size != length:
            raise ShortBody
        await asyncio.to_thread(part.replace, target)
    finally:
        part.unlink(missing_ok=True)
    return digest.hexdigest()


async def _batch(content: StreamReader) -> list[bytes]:
    pieces: list[bytes] = []
    size = 0
    try:
        while size < _BATCH_BYTES and (piece := await content.readany()):
            pieces.append(piece)
            size += len(piece)
    except (ConnectionError, ClientError, asyncio.IncompleteReadError) as error:
        raise ShortBody from error
    return pieces
