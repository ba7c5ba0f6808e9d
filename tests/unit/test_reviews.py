"""Verdicts in the ledger: tied to an attempt, kept beside a run, read from old ledgers."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from test_request import a_job

from batchsync.errors import LedgerError, LedgerUnusable, StaleTransition
from batchsync.ledger import SqliteLedger, Transition, read_only
from batchsync.ledger import file as ledger_file
from batchsync.ledger.reviews import (
    Review,
    Verdict,
    read_reviews,
    record_review,
    reviews_in,
    tidy,
    word_on,
)
from batchsync.ledger.sqlite import read_records
from batchsync.model import JobState
from tests.support.finished import bring

S = JobState


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "batch.db"


async def a_batch(path: Path, jobs: int = 2) -> SqliteLedger:
    """An open ledger with jobs that are done."""
    ledger = SqliteLedger.open(path, "run")
    made = [a_job(f"j{number}", position=number) for number in range(jobs)]
    await ledger.enroll(made)
    for job in made:
        await bring(ledger, job, path.with_suffix(".mp4"), S.DONE)
    return ledger


def word(
    job: str = "j0", verdict: Verdict | None = Verdict.REJECTED, note: str = "", attempt: int = 1
) -> Review:
    return Review(job, attempt, verdict, note, 1.0)


async def test_the_latest_word_counts_and_every_word_is_kept(path: Path) -> None:
    await (await a_batch(path)).close()
    words = [word(note="late lips"), word(verdict=Verdict.APPROVED), word("j1", note="🎺 “quoted”")]
    for each in words:
        record_review(path, each)

    assert reviews_in(path) == {"j0": words[1], "j1": words[2]}
    with closing(read_only(path)) as connection:
        assert connection.execute("SELECT count(*) FROM reviews").fetchone()[0] == 3
    assert [entry.name for entry in path.parent.iterdir()] == ["batch.db"]


def said(path: Path, job: str = "j0") -> Review | None:
    """What stands of a job's output now."""
    with closing(read_only(path)) as connection:
        return word_on(read_reviews(connection), read_records(connection).get(job))


async def test_a_word_counts_for_its_attempt_alone(path: Path) -> None:
    await (await a_batch(path)).close()
    record_review(path, word())
    assert (said(path), said(path, "j1"), said(path, "nobody")) == (word(), None, None)
    ledger = SqliteLedger.open(path, "again")
    await ledger.move(Transition("j0", S.DONE, S.PENDING, 1))
    await ledger.close()
    assert said(path) is None
    ledger = SqliteLedger.open(path, "again")
    await bring(ledger, a_job("j0"), path, S.DONE, 2)
    assert (await ledger.reviews())["j0"] == word()
    await ledger.close()
    assert said(path) is None
    record_review(path, word(attempt=2))
    assert said(path) == word(attempt=2)


async def test_what_was_taken_back_is_no_word(path: Path) -> None:
    await (await a_batch(path)).close()
    record_review(path, word())
    record_review(path, word(verdict=None))
    assert said(path) is None
    record_review(path, word(verdict=None, note="see later"))
    assert said(path) == word(verdict=None, note="see later")


@pytest.mark.parametrize(
    "wrong", [word(attempt=2), word("nobody"), word("waiting"), word("j0; DROP TABLE jobs")]
)
async def test_a_word_on_what_is_not_finished_is_refused(path: Path, wrong: Review) -> None:
    ledger = await a_batch(path)
    await ledger.enroll([a_job("j0"), a_job("j1", position=1), a_job("waiting", position=2)])
    await ledger.close()
    with pytest.raises(StaleTransition):
        record_review(path, wrong)
    assert reviews_in(path) == {}


def test_a_batch_that_was_not_run_has_no_words_and_takes_none(path: Path) -> None:
    assert reviews_in(path) == {}
    with pytest.raises(StaleTransition, match="not been run"):
        record_review(path, word())
    assert not path.parent.exists()


async def test_an_old_ledger_is_read_as_it_is_and_upgraded_by_the_first_word(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ledger_file.migrations()
    monkeypatch.setattr(ledger_file, "migrations", lambda: steps[:1])
    await (await a_batch(path)).close()
    monkeypatch.undo()
    before = path.read_bytes()
    assert reviews_in(path) == {}
    assert path.read_bytes() == before
    record_review(path, word())

    assert reviews_in(path) == {"j0": word()}
    ledger = SqliteLedger.open(path, "next")
    assert (await ledger.records())["j0"].state is S.DONE
    await ledger.close()


JUDGE = """
import sys
from pathlib import Path
from batchsync.ledger.reviews import Review, Verdict, record_review
for number in range(20):
    word = Review(f"j{number % 4}", 1, Verdict.APPROVED, str(number), 1.0)
    record_review(Path(sys.argv[1]), word)
"""


async def test_words_and_a_run_do_not_stop_each_other(path: Path) -> None:
    ledger = await a_batch(path, jobs=4)
    judging = await asyncio.create_subprocess_exec(sys.executable, "-c", JUDGE, path)
    number = 0
    # The run goes on for as long as somebody judges, and ends under their hands.
    while judging.returncode is None:
        number += 1
        job = a_job(f"k{number}", position=number + 4)
        await ledger.enroll([*(a_job(f"j{n}", position=n) for n in range(4)), job])
        await bring(ledger, job, path, S.DONE)
    await ledger.close()
    assert await judging.wait() == 0
    tidy(path)

    assert {word.note for word in reviews_in(path).values()} == {"16", "17", "18", "19"}
    with closing(read_only(path)) as connection:
        done = connection.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()[0]
        assert done == number + 4
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    assert [entry.name for entry in path.parent.iterdir()] == ["batch.db"]


async def test_a_run_that_does_not_let_go_is_told_to_the_reviewer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = await a_batch(path)

    def impatient(path: Path) -> sqlite3.Connection:
        connection = ledger_file.open_for_writing(path)
        connection.execute("PRAGMA busy_timeout = 20")
        return connection

    monkeypatch.setattr("batchsync.ledger.reviews.open_for_writing", impatient)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerError, match="locked"):
            record_review(path, word())
        other.execute("ROLLBACK")
    record_review(path, word())
    await ledger.close()


async def test_a_ledger_left_open_by_a_reader_is_made_one_file_again(path: Path) -> None:
    ledger = await a_batch(path)
    with closing(read_only(path)) as reader:
        reader.execute("SELECT count(*) FROM jobs").fetchone()
        await ledger.close()
    assert path.with_name("batch.db-wal").exists()
    tidy(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["batch.db"]
    tidy(path)


def test_a_damaged_ledger_takes_no_word(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("my shopping list\n" * 100)
    with pytest.raises(LedgerUnusable):
        record_review(path, word())
    with pytest.raises(LedgerUnusable):
        reviews_in(path)


async def test_only_two_verdicts_are_taken_by_the_table_itself(path: Path) -> None:
    ledger = await a_batch(path)
    await ledger.close()
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(
            "INSERT INTO reviews (at, job, attempt, verdict) VALUES (1.0, 'j0', 1, 'splendid')"
        )
    with closing(read_only(path)) as connection:
        assert read_reviews(connection) == {}
