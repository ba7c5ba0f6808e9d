"""Looks at the local files that a batch names: are they there, what is in them, which content.

What was found is remembered in the ledger and holds as long as a file's size and mtime stand, so
that a rerun reads no file.
"""

import asyncio
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from batchsync.errors import SourceUnfit
from batchsync.ledger.protocol import FileFacts
from batchsync.media import probe

T = TypeVar("T")

_BLOCK = 1 << 20
# Probing and hashing are short bursts of disk and CPU; more threads than this only queue.
_THREADS = min(8, (os.cpu_count() or 2) * 2)
# Files that a thread looks at in one go: few enough that slow ones spread over all threads.
_SHARE = 512


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found, by absolute path.

    Attributes:
        facts: of the files that are fit.
        unfit: why the others are not.
    """

    facts: Mapping[str, FileFacts]
    unfit: Mapping[str, SourceUnfit]


async def survey(
    to_probe: Iterable[str], to_hash: Iterable[str], known: Mapping[str, FileFacts]
) -> Survey:
    """Stat, and where need be probe or hash, each file; off the loop, several at a time.

    Args:
        to_probe: files whose streams must be known.
        to_hash: files whose content must be known.
        known: what earlier runs found.
    """
    probed, hashed = set(to_probe), set(to_hash)
    paths = list(dict.fromkeys([*sorted(probed), *sorted(hashed)]))

    def look(path: str) -> FileFacts | SourceUnfit:
        try:
            return examine(path, known.get(path), path in probed, path in hashed)
        except SourceUnfit as error:
            return error

    found = dict(zip(paths, await _in_threads(look, paths), strict=True))
    facts = {path: fact for path, fact in found.items() if isinstance(fact, FileFacts)}
    unfit = {path: error for path, error in found.items() if isinstance(error, SourceUnfit)}
    return Survey(facts, unfit)


async def _in_threads(work: Callable[[str], T], paths: list[str]) -> list[T]:
    def share(part: list[str]) -> list[T]:
        return [work(path) for path in part]

    # A few long tasks instead of one for each file: a stat is shorter than a thread's hop.
    size = max(1, min(_SHARE, len(paths) // _THREADS))
    parts = [paths[start : start + size] for start in range(0, len(paths), size)]
    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="survey")
    try:
        results = await asyncio.gather(*(loop.run_in_executor(pool, share, part) for part in parts))
    finally:
        # Not waited for: whoever cancels this does not want to see a large file hashed to its end.
        pool.shutdown(wait=False, cancel_futures=True)
    return [item for result in results for item in result]


def examine(
    path: str, known: FileFacts | None, want_media: bool = False, want_hash: bool = False
) -> FileFacts:
    """Facts of one file; blocking.

    Raises:
        SourceUnfit: missing, a directory, empty, unreadable, or no media.
    """
    size, mtime_ns = _stat(path)
    facts = known
    if facts is None or (facts.size, facts.mtime_ns) != (size, mtime_ns):
        facts = FileFacts(path, size, mtime_ns)
    if want_media and facts.media is None:
        facts = replace(facts, media=probe(Path(path)))
    if want_hash and facts.sha256 is None:
        facts = replace(facts, sha256=hash_file(Path(path)))
    return facts


def _stat(path: str) -> tuple[int, int]:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path takes longer than the call itself
        if stat.S_ISDIR(found.st_mode):
            raise SourceUnfit("is a directory, not a file", "is_directory")
        if not stat.S_ISREG(found.st_mode):
            raise SourceUnfit("is no regular file", "not_a_file")
        if not os.access(path, os.R_OK):
            raise SourceUnfit("may not be read: permission denied", "unreadable")
    except FileNotFoundError:
        raise SourceUnfit("does not exist", "missing_file") from None
    except OSError as error:
        raise SourceUnfit(f"can't be read: {error.strerror}", "unreadable") from error
    if found.st_size == 0:
        raise SourceUnfit("is empty (0 bytes)", "empty_file")
    return found.st_size, found.st_mtime_ns


def hash_file(path: Path) -> str:
    """SHA-256 of a file's content, hex; blocking.

    Raises:
        SourceUnfit: it can't be read.
    """
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError as error:
        raise SourceUnfit(f"can't be read: {error.strerror}", "unreadable") from error
    return digest.hexdigest()


def refuse_changed(facts: Mapping[str, FileFacts]) -> None:
    """Check that files are as they were; blocking.

    Raises:
        SourceUnfit: one is gone, or has another size or time.
    """
    for path, fact in facts.items():
        try:
            found = Path(path).stat()
        except OSError as error:
            raise SourceUnfit(f"{path} can't be read: {error.strerror}", "unreadable") from error
        if (found.st_size, found.st_mtime_ns) != (fact.size, fact.mtime_ns):
            raise SourceUnfit(f"{path} changed meanwhile", "source_changed")
