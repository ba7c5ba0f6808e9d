"""The ledger's file: whose it is, whether it is sound, what survives a crash."""

import asyncio
import hashlib
import os
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from test_request import a_job

from batchsync.errors import LedgerError, LedgerUnusable
from batchsync.ledger import SqliteLedger, Transition, read_only
from batchsync.ledger import file as ledger_file
from batchsync.ledger.sqlite import read_records
from batchsync.model import JobState

S = JobState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "batch.db"


async def a_ledger(path: Path, jobs: int = 3) -> None:
    """A closed ledger with some pending jobs."""
    ledger = SqliteLedger.open(path, "run")
    await ledger.enroll([a_job(f"j{number}", position=number) for number in range(jobs)])
    await ledger.close()


def fingerprint(path: Path) -> tuple[str, int, list[str]]:
    """A file's bytes, its time, and what lies beside it."""
    beside = sorted(entry.name for entry in path.parent.iterdir())
    return hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns, beside


def pragma(path: Path, text: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA {text}")


async def _make(kind: str, path: Path) -> None:
    path.parent.mkdir(parents=True)
    if kind == "text":
        path.write_text("my shopping list\n" * 100)
    elif kind == "one byte":
        path.write_bytes(b"S")
    elif kind == "foreign":
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript("CREATE TABLE jobs (id TEXT); INSERT INTO jobs VALUES ('x')")
    else:
        await a_ledger(path, jobs=300)
        _damage(kind, path)


def _damage(kind: str, path: Path) -> None:
    content = bytearray(path.read_bytes())
    if kind == "newer":
        pragma(path, "user_version = 99")
        return
    if kind == "cut short":
        content = content[: len(content) // 2]
    elif kind == "overwritten":
        content[4096:12_000] = os.urandom(12_000 - 4096)
    elif kind == "header":
        content[16:100] = b"\xff" * 84
    path.write_bytes(content)


BAD = ["text", "one byte", "foreign", "newer", "cut short", "overwritten", "header"]


@pytest.mark.parametrize("kind", BAD)
async def test_a_file_that_is_no_sound_ledger_is_refused_untouched(kind: str, path: Path) -> None:
    await _make(kind, path)
    before = fingerprint(path)
    for open_it in (lambda: SqliteLedger.open(path, "r"), lambda: read_only(path)):
        with pytest.raises(LedgerUnusable, match=r"(?s)batch\.db"):
            open_it()
        assert fingerprint(path) == before


async def test_a_newer_ledger_says_what_to_do(path: Path) -> None:
    await _make("newer", path)
    with pytest.raises(LedgerUnusable, match="Upgrade batchsync"):
        SqliteLedger.open(path, "r")


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnusable):
        SqliteLedger.open(tmp_path, "r")


def test_a_ledger_that_is_not_there_is_not_made_by_reading(path: Path) -> None:
    with pytest.raises(LedgerUnusable, match="not been run yet"):
        read_only(path)

    assert not path.exists()
    assert not path.parent.exists()


def test_a_folder_that_cannot_be_made_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnusable):
        SqliteLedger.open(tmp_path / "file" / "batch.db", "r")


async def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.parent.mkdir()
    path.touch()
    await a_ledger(path)

    with closing(read_only(path)) as connection:
        assert len(read_records(connection)) == 3


async def test_every_commit_is_synced_and_the_log_is_a_wal(path: Path) -> None:
    ledger = SqliteLedger.open(path, "run")
    settings = await ledger._writer.do(
        lambda db: [
            db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "application_id")
        ]
    )
    await ledger.close()

    assert settings == ["wal", 2, 1, ledger_file.APPLICATION_ID]


async def test_at_rest_a_ledger_is_one_file(path: Path) -> None:
    await a_ledger(path)

    assert [entry.name for entry in path.parent.iterdir()] == ["batch.db"]


async def test_opening_again_changes_nothing(path: Path) -> None:
    await a_ledger(path)
    ledger = SqliteLedger.open(path, "run")
    records = await ledger.records()
    await ledger.enroll([a_job(f"j{number}", position=number) for number in range(3)])
    await ledger.close()

    assert list(records) == ["j0", "j1", "j2"]


async def test_a_reader_reads_while_a_writer_writes(path: Path) -> None:
    await a_ledger(path)
    ledger = SqliteLedger.open(path, "run")
    with closing(read_only(path)) as before:
        before.execute("BEGIN")
        assert read_records(before)["j0"].state is S.PENDING
        await ledger.move(Transition("j0", S.PENDING, S.UPLOADED, 0))
        assert read_records(before)["j0"].state is S.PENDING
        with closing(read_only(path)) as after:
            assert read_records(after)["j0"].state is S.UPLOADED
        with pytest.raises(sqlite3.OperationalError):
            before.execute("DELETE FROM jobs")
        before.execute("COMMIT")
    await ledger.close()


async def test_a_migration_is_run_from_each_version_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_ledger(path)
    steps = ledger_file.migrations()
    more = [
        "ALTER TABLE jobs ADD COLUMN colour TEXT;",
        "UPDATE jobs SET colour = 'red'; CREATE TABLE later (a TEXT);",
    ]
    monkeypatch.setattr(ledger_file, "migrations", lambda: [*steps, *more])
    for name in (path, path.with_name("new.db")):
        await a_ledger(name, jobs=0)
        with closing(sqlite3.connect(name)) as connection:
            assert connection.execute("PRAGMA user_version").fetchone() == (len(steps) + 2,)
            assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT DISTINCT colour FROM jobs").fetchall() == [("red",)]


async def test_a_migration_that_fails_leaves_the_version_before(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_ledger(path)
    steps = ledger_file.migrations()
    more = "ALTER TABLE jobs ADD COLUMN colour TEXT; SELECT no_such_function();"
    monkeypatch.setattr(ledger_file, "migrations", lambda: [*steps, more])
    with pytest.raises(LedgerUnusable):
        SqliteLedger.open(path, "run")
    monkeypatch.undo()

    with closing(read_only(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone()[0] == len(steps)
        assert len(read_records(connection)) == 3


async def test_an_older_ledger_is_read_without_being_changed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await a_ledger(path)
    before = fingerprint(path)
    steps = ledger_file.migrations()
    monkeypatch.setattr(
        ledger_file, "migrations", lambda: [*steps, "ALTER TABLE jobs ADD COLUMN colour TEXT;"]
    )
    with closing(read_only(path)) as connection:
        assert len(read_records(connection)) == 3

    assert fingerprint(path) == before


CRASH = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_request import a_job
from batchsync.ledger import SqliteLedger, Transition
from batchsync.model import JobState as S

async def main():
    ledger = SqliteLedger.open(Path(sys.argv[1]), "run")
    await ledger.enroll([a_job("a"), a_job("b", position=1)])
    await ledger.move(Transition("a", S.PENDING, S.UPLOADED, 0))

    def die(db):
        db.execute("UPDATE jobs SET state = 'done'")
        db.execute("DELETE FROM history")
        os._exit(9)

    await ledger._writer.do(die)

asyncio.run(main())
"""


async def test_a_process_killed_in_mid_transaction_leaves_what_was_synced(path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(CRASH), path, Path(__file__).parent]
    ended = await asyncio.to_thread(subprocess.run, command, timeout=60, check=False)
    assert ended.returncode == 9

    with closing(read_only(path)) as connection:
        states = {name: record.state for name, record in read_records(connection).items()}
    ledger = SqliteLedger.open(path, "next")
    assert states == {"a": S.UPLOADED, "b": S.PENDING}
    assert {record.state for record in (await ledger.records()).values()} == set(states.values())
    await ledger.move(Transition("a", S.UPLOADED, S.PENDING, 0))
    await ledger.close()


class Failing:
    """A connection that fails at one statement, as a full disk makes it."""

    def __init__(self, connection: sqlite3.Connection, statement: str) -> None:
        self._connection = connection
        self._statement = statement
        self.ill = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, sql: str, *args: Any) -> Any:
        if self.ill and sql.startswith(self._statement):
            raise sqlite3.OperationalError("database or disk is full")
        return self._connection.execute(sql, *args)


@pytest.mark.parametrize("statement", ["COMMIT", "BEGIN"])
async def test_a_disk_that_is_full_fails_all_callers_and_records_nothing(
    path: Path, statement: str
) -> None:
    await a_ledger(path, jobs=20)
    ledger = SqliteLedger.open(path, "run")
    failing = Failing(ledger._writer._connection, statement)
    ledger._writer._connection = failing  # type: ignore[assignment]
    moves = (
        ledger.move(Transition(f"j{number}", S.PENDING, S.UPLOADED, 0)) for number in range(20)
    )
    async with asyncio.timeout(5):
        results = await asyncio.gather(*moves, return_exceptions=True)
        assert all(isinstance(result, LedgerError) for result in results)
        failing.ill = False
        assert {record.state for record in (await ledger.records()).values()} == {S.PENDING}
        await ledger.move(Transition("j0", S.PENDING, S.UPLOADED, 0))
        await ledger.close()


async def test_another_writer_that_does_not_let_go_is_an_error(path: Path) -> None:
    await a_ledger(path)
    ledger = SqliteLedger.open(path, "run")
    await ledger._writer.do(lambda db: None)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ledger._writer._connection.execute("PRAGMA busy_timeout = 20")
        with pytest.raises(LedgerError, match="locked"):
            await ledger.move(Transition("j0", S.PENDING, S.UPLOADED, 0))
        other.execute("ROLLBACK")
    await ledger.move(Transition("j0", S.PENDING, S.UPLOADED, 0))
    await ledger.close()
