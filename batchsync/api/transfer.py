"""File bytes to and from a socket, with the disk kept off the event loop.

The next block is read while the last is sent, and the last is written while the next arrives, so
that disk, hash and network overlap.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from io import FileIO
from pathlib import Path
from typing import IO, TYPE_CHECKING

from batchsync.api.bandwidth import Bandwidth
from batchsync.errors import OutputUnwritable, SourceUnfit

if TYPE_CHECKING:
    from hashlib import _Hash

# 1 MiB: large enough that a thread's hop costs nothing beside it, small enough that a hundred
# transfers fit into memory.
BLOCK = 1 << 20


class Outgoing:
    """A local file on its way out: an async iterator of its blocks, hashing as it goes.

    Args:
        path: of the file.
        size: bytes, as announced.
        executor: where it is read and hashed.
        bandwidth: shared with the run's other uploads; None sends as fast as it goes.
    """

    def __init__(
        self, path: Path, size: int, executor: Executor, bandwidth: Bandwidth | None = None
    ) -> None:
        self._path = path
        self._executor = executor
        self._bandwidth = bandwidth
        self._hash = hashlib.sha256()
        self._read = 0
        self._version = (0, 0, 0)
        self.size = size
        # Called with the bytes that have gone; and before it waits for its share of the bandwidth.
        self.sent: Callable[[int], None] = lambda _: None
        self.waits: Callable[[], None] = lambda: None
        self.error: SourceUnfit | None = None

    async def __aiter__(self) -> AsyncIterator[bytes | memoryview]:
        """Yield the file's blocks.

        Raises:
            SourceUnfit: it can't be read, is not as long as announced, or changed meanwhile.
        """
        try:
            async with contextlib.aclosing(self._blocks()) as blocks:
                async for block in blocks:
                    for piece in self._pieces(block):
                        if self._bandwidth is not None:
                            self.waits()
                            await self._bandwidth.take(len(piece))
                            self.sent(0)
                        yield piece
                        self.sent(len(piece))
        except SourceUnfit as error:
            self.error = error
            raise
        except OSError as error:
            self.error = SourceUnfit(f"can't read {self._path}: {error.strerror}", "unreadable")
            raise self.error from error

    async def _blocks(self) -> AsyncGenerator[bytes]:
        loop = asyncio.get_running_loop()
        if self.size <= BLOCK:
            # One hop to a thread instead of three: most narrations are this small.
            yield await loop.run_in_executor(self._executor, self._whole)
            return
        with await loop.run_in_executor(self._executor, self._open) as file:
            left = self.size
            ahead = loop.run_in_executor(self._executor, self._block, file)
            while left > 0:
                block = await ahead
                left -= len(block)
                if left > 0:
                    ahead = loop.run_in_executor(self._executor, self._block, file)
                yield block

    def _pieces(self, block: bytes) -> Iterator[bytes | memoryview]:
        if self._bandwidth is None:
            yield block
            return
        view, step = memoryview(block), self._bandwidth.piece
        yield from (view[start : start + step] for start in range(0, len(block), step))

    def _whole(self) -> bytes:
        with self._open() as file:
            return self._block(file)

    def _open(self) -> IO[bytes]:
        file = self._path.open("rb")
        self._version = _version(file)
        return file

    def _block(self, file: IO[bytes]) -> bytes:
        block = file.read(BLOCK)
        self._hash.update(block)
        self._read += len(block)
        if self._read >= self.size or len(block) < BLOCK:
            # Looked at before the last block is sent: storage never gets a whole changed file.
            self._read += len(file.read(1))
            self.check_length()
            self._check_version(file)
        return block

    def check_length(self) -> None:
        """Raise `SourceUnfit` unless exactly the announced bytes were read."""
        if self._read != self.size:
            raise SourceUnfit(
                f"{self._path} changed while it was uploaded "
                f"({self.size} bytes before, {self._read} read)",
                "source_changed",
            )

    def _check_version(self, file: IO[bytes]) -> None:
        """What is sent must be a content that the file had as a whole, at one moment."""
        if _version(file) == self._version:
            return
        # Touched, linked or given other rights, perhaps: reading it again tells.
        file.seek(0)
        if hashlib.file_digest(file, "sha256").hexdigest() != self.sha256:  # type: ignore[arg-type]
            raise SourceUnfit(f"{self._path} changed while it was uploaded", "source_changed")

    @property
    def sha256(self) -> str:
        """Of the bytes read so far, hex."""
        return self._hash.hexdigest()


def _version(file: IO[bytes]) -> tuple[int, int, int]:
    """Changes with every write to the file."""
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


class Incoming:
    """A file on its way in: appended block by block in a thread, hashing as it goes."""

    def __init__(self, part: Path, executor: Executor) -> None:
        self._part = part
        self._executor = executor
        self._file: FileIO | None = None
        self._hash: _Hash = hashlib.sha256()
        self._blocks: list[bytes] = []
        self._waiting = 0
        # Bytes that came, written or not.
        self.received = 0
        self._writing: asyncio.Future[None] | None = None
        self.size = 0

    async def open(self) -> int:
        """Open the part file; returns how many bytes it holds from before."""
        await self._in_thread(self._open)
        self.received = self.size
        return self.size

    async def restart(self) -> None:
        """Forget what the part file held, and what has come since."""
        self._blocks, self._waiting = [], 0
        await self._settle()
        await self._in_thread(self._truncate)
        self.received = 0

    async def add(self, block: bytes) -> None:
        """Take bytes; returns at once unless the disk is more than a block behind."""
        self._blocks.append(block)
        self._waiting += len(block)
        self.received += len(block)
        if self._waiting >= BLOCK:
            await self._flush()

    async def finish(self) -> None:
        """Write what is left, sync it to the disk and close the file."""
        await self._settle()
        await self._in_thread(self._finish)

    async def close(self) -> None:
        """Close the file, whatever happened; what has come stays for the next try."""
        try:
            await self._settle()
        finally:
            if self._file is not None:
                await asyncio.get_running_loop().run_in_executor(self._executor, self._close)

    @property
    def sha256(self) -> str:
        """Of the whole file so far, hex."""
        return self._hash.hexdigest()

    async def _flush(self) -> None:
        await self._settle()
        blocks, self._blocks, self._waiting = self._blocks, [], 0
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._executor, self._write, blocks)

    async def _settle(self) -> None:
        if self._writing is not None:
            writing, self._writing = self._writing, None
            # Not to be abandoned halfway: the file may be closed next.
            await self._guard(asyncio.shield(writing))

    async def _in_thread(self, work: Callable[[], None]) -> None:
        await self._guard(asyncio.get_running_loop().run_in_executor(self._executor, work))

    async def _guard(self, future: "asyncio.Future[None]") -> None:
        try:
            await future
        except OSError as error:
            raise OutputUnwritable(f"can't write {self._part}: {error.strerror}") from error

    def _open(self) -> None:
        # Every call of the system below gives the interpreter's lock away, and with many small
        # files getting it back is what they cost: so there are as few as can be.
        try:
            self._file = self._opened()
        except FileNotFoundError:
            self._part.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._opened()
        if not os.fstat(self._file.fileno()).st_size:
            return
        self._file.seek(0)
        while block := self._file.read(BLOCK):
            self._hash.update(block)
            self.size += len(block)

    def _opened(self) -> FileIO:
        # Unbuffered: what `write` could not write must not be tried again by `close`.
        return FileIO(self._part, "a+b")

    def _truncate(self) -> None:
        if self._file is not None:
            self._file.truncate(0)
        self._hash = hashlib.sha256()
        self.size = 0

    def _write(self, blocks: list[bytes]) -> None:
        if self._file is None:
            return
        rest = memoryview(b"".join(blocks))
        while rest:
            written = self._file.write(rest) or 0
            if not written:
                raise OSError(errno.EIO, "the file system takes no bytes")
            self._hash.update(rest[:written])
            self.size += written
            rest = rest[written:]

    def _close(self) -> None:
        if self._file is None:
            return
        # The disk may be full. `finish` has said so already, and the next try looks at what is
        # there, not at what should be.
        with contextlib.suppress(OSError):
            self._write(self._blocks)
        with contextlib.suppress(OSError):
            self._file.close()
        self._blocks, self._file = [], None

    def _finish(self) -> None:
        blocks, self._blocks = self._blocks, []
        self._write(blocks)
        if self._file is not None:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None
