"""Uploads that other batches with the same state directory have made: read, never written.

It saves uploads, and nothing depends on it: a neighbour that is locked, damaged, newer, foreign or
not a ledger at all is passed over. Only asked when something is to be uploaded.
"""

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from batchsync.ledger.file import APPLICATION_ID, migrations
from batchsync.ledger.protocol import FileFacts
from batchsync.model import Asset

_log = logging.getLogger(__name__)

# Seconds that a look at all neighbours may take; the newest are asked first.
_MOST_SECONDS = 1.0
# Of an SQLite file's header: the magic, then the two bytes that say "WAL" by being 2.
_MAGIC, _WAL_BYTES, _WAL = b"SQLite format 3\x00", slice(18, 20), b"\x02\x02"

_ASSETS = """SELECT sha256, role, extension, size, file_path, uploaded_at FROM assets
WHERE base_url = ? AND account = ? AND uploaded_at BETWEEN ? AND ?"""
_HASH = "SELECT sha256 FROM files WHERE path = ? AND size = ? AND mtime_ns = ?"
# Steps of SQLite's machine between two looks at the clock.
_STEPS = 50_000

# When a ledger was last written (ns), and how long it and its log are: changes with each commit.
_Stamp = tuple[int, int]


@dataclass(slots=True)
class Elsewhere:
    """What neighbours know of some files.

    Attributes:
        assets: the youngest upload of each content of the same size, with its role and extension.
        hashes: contents by path, of files that have not changed since.
    """

    assets: dict[tuple[str, str, str], Asset] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    def add(self, assets: Iterable[Asset]) -> None:
        """Take note of uploads."""
        for asset in assets:
            key = (asset.sha256, asset.role, asset.extension)
            known = self.assets.get(key)
            if known is None or known.uploaded_at < asset.uploaded_at:
                self.assets[key] = asset


class Siblings:
    """The other ledgers in a ledger's folder.

    Args:
        state: the own ledger.
        base_url: of the API whose assets count.
        account: an account sees only its own files.
        lifetime: seconds that an upload is good for.
    """

    def __init__(
        self,
        state: Path,
        base_url: str,
        account: str,
        lifetime: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._owner = (base_url, account)
        self._lifetime = lifetime
        self._now = now
        self._seen: dict[str, _Stamp] = {}

    def look(self, wanted: Iterable[FileFacts], anew: bool = False) -> Elsewhere:
        """Ask the neighbours about some files; blocking, for a second at most.

        Args:
            wanted: files that are to be uploaded.
            anew: ask only those that have changed since they were asked last.
        """
        found = Elsewhere()
        files = list(wanted)
        end = time.monotonic() + _MOST_SECONDS
        for path, stamp in self._neighbours():
            if not files or time.monotonic() > end:
                break
            if anew and self._seen.get(path) == stamp:
                continue
            try:
                with contextlib.closing(_open(path)) as connection:
                    connection.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
                    self._ask(connection, files, found)
                self._seen[path] = stamp
            # What lies in a damaged file may be of any type and shape.
            except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
                _log.debug("neighbour %s not read: %s", path, error)
        return found

    def _neighbours(self) -> list[tuple[str, _Stamp]]:
        """Ledgers that were written while their uploads can still be good, newest first."""
        oldest = (self._now() - self._lifetime) * 1e9
        stamps: dict[str, _Stamp] = {}
        with contextlib.suppress(OSError), os.scandir(self._state.parent) as entries:
            for entry in entries:
                # While a run works on it, what is new stands in the log beside it.
                path = entry.path.removesuffix("-wal")
                if path.endswith(self._state.suffix) and entry.is_file():
                    written, size = stamps.get(path, (0, 0))
                    stat = entry.stat()
                    stamps[path] = max(written, stat.st_mtime_ns), size + stat.st_size
        stamps.pop(str(self._state), None)
        recent = [(path, stamp) for path, stamp in stamps.items() if stamp[0] >= oldest]
        return sorted(recent, key=lambda each: each[1], reverse=True)

    def _ask(
        self, connection: sqlite3.Connection, files: list[FileFacts], found: Elsewhere
    ) -> None:
        sizes = {fact.size for fact in files}
        now = self._now()
        # One from the future was dated by a wrong clock: its age is not known.
        key = (*self._owner, now - self._lifetime, now)
        rows = connection.execute(_ASSETS, key)
        assets = [asset for row in rows if (asset := Asset(*row)).size in sizes]
        if not assets:
            return
        found.add(assets)
        sizes = {asset.size for asset in assets}
        for fact in files:
            if fact.sha256 is None and fact.size in sizes and fact.path not in found.hashes:
                row = connection.execute(_HASH, (fact.path, fact.size, fact.mtime_ns))
                found.hashes.update((fact.path, sha256) for (sha256,) in row if sha256)


def _open(path: str) -> sqlite3.Connection:
    """Open a neighbour in such a way that nothing is made or changed.

    Raises:
        ValueError: it is no ledger, or can't be read without writing.
        sqlite3.Error, OSError: it can't be read.
    """
    if not _is_live(path):
        _check_header(path)
    connection = sqlite3.connect(
        f"{Path(path).as_uri()}?mode=ro", uri=True, timeout=0, isolation_level=None
    )
    try:
        _check(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: str) -> None:
    # Only of one that nobody works on: closing the file would drop the locks that a run in this
    # process has on it (POSIX drops them at the first close of any handle).
    with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of hundreds takes longer
        header = file.read(100)
    if not header.startswith(_MAGIC):
        raise ValueError("no SQLite file")
    if header[_WAL_BYTES] == _WAL:
        raise ValueError("its log would have to be made to read it")


def _is_live(path: str) -> bool:
    """Whether log and index are there, as while a run works on it."""
    return all(os.path.exists(path + ending) for ending in ("-wal", "-shm"))  # noqa: PTH110


def _check(connection: sqlite3.Connection) -> None:
    [mark] = connection.execute("PRAGMA application_id").fetchone()
    [version] = connection.execute("PRAGMA user_version").fetchone()
    if mark != APPLICATION_ID:
        raise ValueError("the file of another program")
    if version > len(migrations()):
        raise ValueError(f"written by a newer batchsync (schema {version})")
