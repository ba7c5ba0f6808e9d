"""The ledger's file: is it ours, is it sound, is its schema up to date."""

import sqlite3
from importlib import resources
from pathlib import Path

from batchsync.errors import LedgerUnusable

# "bsyc" in ASCII, in SQLite's own header field for such marks.
APPLICATION_ID = 0x62737963
# Bytes of the header that every SQLite file begins with.
_HEADER = 100
_MARKS = ("application_id", "user_version")


def migrations() -> list[str]:
    """The schema's steps in order; a ledger of version n has had the first n."""
    folder = resources.files("batchsync.ledger") / "migrations"
    steps = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [step.read_text("utf-8") for step in steps if step.name.endswith(".sql")]


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the ledger, making or upgrading it where needed.

    Raises:
        LedgerUnusable: the file is newer, foreign or damaged; it is left as it was.
    """
    if _has_content(path):
        is_ledger(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(str(path))
        # FULL syncs the log at every commit: a record is on disk before a POST leaves.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except (sqlite3.Error, OSError) as error:
        raise LedgerUnusable(f"the ledger {path} can't be opened: {error}") from error
    return connection


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open an existing ledger without changing it.

    Raises:
        LedgerUnusable: the file is missing, newer, foreign or damaged.
    """
    if not _has_content(path) or not is_ledger(path):
        raise LedgerUnusable(f"there is no ledger at {path}: this batch has not been run yet")
    return _connect(f"{path.absolute().as_uri()}?mode=ro")


def _connect(target: str) -> sqlite3.Connection:
    # Used by one thread at a time, which need not be the one that opened it.
    connection = sqlite3.connect(
        target,
        uri=target.startswith("file:"),
        isolation_level=None,
        timeout=10,
        check_same_thread=False,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise LedgerUnusable(f"the ledger {path} can't be read: {error.strerror}") from error


def is_ledger(path: Path) -> bool:
    """Whether a ledger lies there; False where there is nothing yet.

    SQLite alone opens the file: closing it by ourselves would drop the locks that a run in this
    process has on it (POSIX drops them at the first close of any handle).

    Raises:
        LedgerUnusable: something else lies there, or a ledger that can't be used.
    """
    if not _has_content(path):
        return False
    try:
        if path.stat().st_size < _HEADER:
            # SQLite would take it for empty, and write over it.
            raise _foreign(path)
        connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
        try:
            if _is_blank(connection):
                return False
            _check(path, connection)
        finally:
            connection.close()
    except sqlite3.Error as error:
        if _code_of(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise LedgerUnusable(
                f"another program keeps the ledger {path} locked; close it there and try again"
            ) from error
        if _code_of(error) == sqlite3.SQLITE_NOTADB:
            raise _foreign(path) from error
        raise LedgerUnusable(
            f"the ledger {path} is damaged ({error}); it was not touched. "
            "Restore it from a backup: without it, batchsync can't know what was paid for"
        ) from error
    return True


def _foreign(path: Path) -> LedgerUnusable:
    return LedgerUnusable(
        f"{path} is no batchsync ledger; it was not touched. Name another with --state"
    )


def _code_of(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension


def _is_blank(connection: sqlite3.Connection) -> bool:
    """Whether a process died after making the file and before making the first table."""
    marks = [connection.execute(f"PRAGMA {m}").fetchone()[0] for m in _MARKS]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    return not any(marks) and tables == 0


def _check(path: Path, connection: sqlite3.Connection) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    known = len(migrations())
    if mark != APPLICATION_ID:
        raise LedgerUnusable(
            f"{path} is an SQLite file of another program; it was not touched. "
            "Name another with --state"
        )
    if version > known:
        raise LedgerUnusable(
            f"the ledger {path} was written by a newer batchsync (schema {version}, this one "
            f"knows {known}); it was not touched. Upgrade batchsync to go on"
        )
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _migrate(connection: sqlite3.Connection) -> None:
    steps = migrations()
    while (version := _version(connection)) < len(steps):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE;\n{steps[version]}\n"
                f"PRAGMA application_id = {APPLICATION_ID};\n"
                f"PRAGMA user_version = {version + 1};\nCOMMIT;"
            )
        except sqlite3.Error:
            if connection.in_transaction:
                connection.rollback()
            # Another process may have taken this step at the same moment.
            if _version(connection) == version:
                raise


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
