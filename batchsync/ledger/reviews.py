"""What people said of outputs: a verdict and a note, each tied to the attempt that was watched.

The one thing in a ledger that is written without the batch's lock, by `batchsync review`, also
while a run is at work: no arrow and no cost depends on it. Each word is one short transaction of
its own connection, which waits for the run's and makes the run wait for a sync at most.
"""

import contextlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from batchsync.errors import LedgerError, StaleTransition
from batchsync.ledger.file import is_ledger, open_for_reading, open_for_writing
from batchsync.model import JobState

if TYPE_CHECKING:
    from batchsync.ledger.protocol import JobRecord

_THERE = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'reviews'"
# The latest word on each job; SQLite takes the other columns from the row of the maximum.
_LATEST = "SELECT job, attempt, verdict, note, at, max(seq) FROM reviews GROUP BY job"
_FINISHED = "SELECT 1 FROM jobs WHERE id = ? AND attempt = ? AND state = 'done'"
_ADD = "INSERT INTO reviews (job, attempt, verdict, note, at) VALUES (?, ?, ?, ?, ?)"


class Verdict(StrEnum):
    """What somebody thought of an output."""

    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Review:
    """One person's word on one attempt.

    Attributes:
        attempt: number of the attempt that was watched.
        verdict: None is none yet, or one that was taken back.
        note: free text, empty where there is none.
        at: unix seconds.
    """

    job: str
    attempt: int
    verdict: Verdict | None
    note: str
    at: float

    @property
    def says_something(self) -> bool:
        """Whether anything is left of it."""
        return self.verdict is not None or bool(self.note)


def read_reviews(connection: sqlite3.Connection) -> dict[str, Review]:
    """The latest word on each job, be it of its latest attempt or of one before.

    A ledger of an older version has none.
    """
    if not connection.execute(_THERE).fetchone()[0]:
        return {}
    cursor = connection.cursor()
    cursor.row_factory = None
    return {
        job: Review(job, attempt, Verdict(verdict) if verdict else None, note, at)
        for job, attempt, verdict, note, at, _ in cursor.execute(_LATEST)
    }


def reviews_in(path: Path) -> dict[str, Review]:
    """The latest word on each job in a ledger that may not be there; blocking.

    Raises:
        LedgerUnusable: the file is newer, foreign or damaged.
    """
    if not is_ledger(path):
        return {}
    with contextlib.closing(open_for_reading(path)) as connection:
        return read_reviews(connection)


def word_on(reviews: Mapping[str, Review], record: "JobRecord | None") -> Review | None:
    """What was said of the output that a job has now, if it has one and anything was."""
    if record is None or record.state is not JobState.DONE:
        return None
    review = reviews.get(record.id)
    fits = review is not None and review.attempt == record.attempt_number
    return review if fits and review and review.says_something else None


def record_review(path: Path, review: Review) -> None:
    """Add a word, synced to disk when this returns; blocking.

    Must not be called while another connection of this process has the ledger open: closing a
    file drops the locks that the process holds on it.

    Raises:
        StaleTransition: the job has no finished attempt of that number.
        LedgerUnusable: the file is newer, foreign or damaged.
        LedgerError: the disk did not take it, or a run did not let go for long.
    """
    if not is_ledger(path):
        raise StaleTransition("this batch has not been run yet")
    connection = open_for_writing(path)
    try:
        _add(connection, review)
    except sqlite3.Error as error:
        raise LedgerError(f"the verdict could not be recorded: {error}") from error
    finally:
        _leave(connection)


def _add(connection: sqlite3.Connection, review: Review) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute(_FINISHED, (review.job, review.attempt)).fetchone():
            raise StaleTransition(
                f"attempt {review.attempt} is not the finished one of {review.job!r} any more"
            )
        row = (review.job, review.attempt, review.verdict, review.note, review.at)
        connection.execute(_ADD, row)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def tidy(path: Path) -> None:
    """Make one plain file of a ledger again, where a run ended while it was read; blocking."""
    if path.with_name(f"{path.name}-wal").exists() and is_ledger(path):
        _leave(open_for_writing(path))


def _leave(connection: sqlite3.Connection) -> None:
    # At rest the ledger is one plain file; refused at once where a run is at work, as it should.
    with contextlib.suppress(sqlite3.Error):
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
