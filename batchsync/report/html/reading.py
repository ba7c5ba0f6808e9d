"""What the report needs of a ledger, all at one moment, without changing anything."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from batchsync.collector import collector_resting
from batchsync.errors import LedgerUnusable
from batchsync.ledger.file import is_ledger, open_for_reading
from batchsync.ledger.protocol import RunRecord
from batchsync.ledger.reviews import Review, Verdict, read_reviews
from batchsync.ledger.sqlite import read_costs, read_files, read_latest_run, read_records
from batchsync.model import JobState
from batchsync.standing import Standing

# Every run, in the order of starting; without its summary, which can be long.
_RUNS = """
SELECT id, started_at, ended_at, host, pid, manifest, base_url, version, exit_code
FROM runs ORDER BY started_at
"""

# Every transition as it was recorded.
_ARROWS = "SELECT job, at, run, attempt, source, target FROM history ORDER BY seq"

# What each create call came to, and when the service settled it: the time of its end, where
# the ledger keeps none of its own.
_BILLS = """
WITH latest AS MATERIALIZED (SELECT job, attempt, max(at) AS at FROM history GROUP BY 1, 2)
SELECT a.job, a.number, coalesce(json_extract(a.parameters, '$.generation_mode'), '?'),
       a.credits_estimated, a.credits_charged, a.credits_refunded, a.submitting_at,
       coalesce(a.rendered_at, latest.at, a.submitting_at)
FROM attempts AS a LEFT JOIN latest ON latest.job = a.job AND latest.attempt = a.number
ORDER BY a.submitting_at
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One transition of a job. `at` in unix seconds."""

    job: str
    at: float
    run: str
    attempt: int
    source: JobState
    target: JobState


@dataclass(frozen=True, slots=True)
class Bill:
    """What one create call came to, in credits.

    Attributes:
        charged: net of refunds; None until the service has settled.
        settled_at: when that was, in unix seconds.
    """

    job: str
    number: int
    mode: str
    estimated: int
    charged: int | None
    refunded: int
    submitting_at: float
    settled_at: float


@dataclass(frozen=True, slots=True)
class Record:
    """A ledger as the report sees it.

    Attributes:
        running: the run that is at work now, if one is.
        reviews: the latest word on each job.
    """

    standing: Standing = field(default_factory=Standing)
    runs: tuple[RunRecord, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    bills: tuple[Bill, ...] = ()
    running: RunRecord | None = None
    reviews: Mapping[str, Review] = field(default_factory=dict)

    def review(self, job: str) -> Review | None:
        """What was said of the output that stands now, if anything was."""
        known, review = self.standing.records.get(job), self.reviews.get(job)
        if known is None or review is None or known.state is not JobState.DONE:
            return None
        return review if review.attempt == known.attempt_number else None

    def verdicts(self, jobs: Iterable[str]) -> Counter[Verdict]:
        """How many of these jobs' outputs were approved, and how many rejected."""
        said = (review for job in jobs if (review := self.review(job)))
        return Counter(review.verdict for review in said if review.verdict)


def read(state: Path) -> Record:
    """Read a ledger, or the empty record of a batch that has none yet; blocking.

    Raises:
        LedgerUnusable: the file is newer, foreign, damaged or locked.
    """
    if not is_ledger(state):
        return Record()
    try:
        with contextlib.closing(open_for_reading(state)) as connection, collector_resting():
            return _read(connection)
    except sqlite3.Error as error:
        raise LedgerUnusable(
            f"the ledger {state} can't be read just now ({error}); it was not touched. Try again"
        ) from error


def _read(connection: sqlite3.Connection) -> Record:
    # One transaction: a run that goes on meanwhile must not make the figures disagree.
    connection.execute("BEGIN")
    standing = Standing(
        read_records(connection),
        read_costs(connection),
        read_files(connection),
        read_latest_run(connection),
    )
    runs = tuple(RunRecord(**row) for row in connection.execute(_RUNS))
    cursor = connection.cursor()
    cursor.row_factory = None
    states = {state.value: state for state in JobState}
    arrows = tuple(
        Arrow(job, at, run, attempt, states[source], states[target])
        for job, at, run, attempt, source, target in cursor.execute(_ARROWS)
    )
    bills = tuple(Bill(*row) for row in cursor.execute(_BILLS))
    return Record(standing, runs, arrows, bills, _at_work(runs), read_reviews(connection))


def _at_work(runs: Iterable[RunRecord]) -> RunRecord | None:
    """The latest run, if it has not said that it ended and its process is still there."""
    latest = next(reversed(tuple(runs)), None)
    return latest if latest is not None and latest.is_at_work else None
