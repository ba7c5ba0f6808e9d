"""What batches have cost: from their ledgers, by batch, run, mode, day and tag."""

import contextlib
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from batchsync.ledger.file import open_for_reading
from batchsync.report.grid import Grid, to_csv

# What the ledger itself can group by; anything else is a tag of the manifest.
KINDS = ("batch", "run", "mode", "day")
NO_TAG = "(none)"

COLUMNS = (
    "by", "value", "attempts", "estimated", "charged", "refunded", "open", "settled_estimate",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figures:
    """Credits of some attempts.

    Attributes:
        attempts: how many create calls.
        estimated: what they were charged at first.
        charged: what they came to, refunds taken off; unsettled ones count as 0.
        refunded: what the service gave back.
        open: estimates of those that the service has not settled.
        settled_estimate: estimates of those that it has: what `charged` compares with.
    """

    attempts: int = 0
    estimated: int = 0
    charged: int = 0
    refunded: int = 0
    open: int = 0
    settled_estimate: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(
            *(mine + theirs for mine, theirs in zip(_row(self), _row(other), strict=True))
        )

    @property
    def actual_share(self) -> float | None:
        """Charged for each credit estimated, where something has been settled."""
        return self.charged / self.settled_estimate if self.settled_estimate else None


def _row(figures: Figures) -> tuple[int, ...]:
    return (
        figures.attempts,
        figures.estimated,
        figures.charged,
        figures.refunded,
        figures.open,
        figures.settled_estimate,
    )


@dataclass(frozen=True, slots=True)
class Book:
    """One batch's ledger, and what is known of its jobs.

    Attributes:
        tags: of each job, by its id.
    """

    batch: str
    state: Path
    tags: Mapping[str, Mapping[str, str]]


Spending = dict[str, dict[str, Figures]]


def read(books: Sequence[Book]) -> Spending:
    """Figures by kind and value; blocking. A batch that has no ledger yet has spent nothing.

    Raises:
        LedgerUnusable: a ledger is newer, foreign or damaged.
    """
    found: Spending = {kind: {} for kind in KINDS}
    for book in books:
        found["batch"].setdefault(book.batch, Figures())
        if not book.state.exists():
            continue
        with contextlib.closing(open_for_reading(book.state)) as connection:
            for kind, value, figures in _figures(connection, book):
                kinds = found.setdefault(kind, {})
                kinds[value] = kinds.get(value, Figures()) + figures
    for kind in ("day", "mode"):
        found[kind] = dict(sorted(found[kind].items()))
    return found


def total(spending: Spending) -> Figures:
    """Over all batches."""
    return sum(spending["batch"].values(), Figures())


def _figures(connection: sqlite3.Connection, book: Book) -> Iterator[tuple[str, str, Figures]]:
    connection.execute(_sql()["attempts"])
    runs = [row[0] for row in connection.execute(_sql()["runs"])]
    by_run = dict(_by(connection, "run"))
    for run in [*(each for each in runs if each in by_run), *(set(by_run) - set(runs))]:
        yield "run", run, by_run[run]
    for kind in ("mode", "day"):
        for value, figures in _by(connection, kind):
            yield kind, value, figures
    # A job has few attempts, so this is the one list that is long.
    names = sorted({name for tags in book.tags.values() for name in tags})
    for job, figures in _by(connection, "job"):
        yield "batch", book.batch, figures
        tags = book.tags.get(job, {})
        for name in names:
            yield f"tags.{name}", tags.get(name, NO_TAG), figures


def _by(connection: sqlite3.Connection, column: str) -> Iterator[tuple[str, Figures]]:
    query = f"SELECT {column}, {_sql()['figures']} FROM spent GROUP BY {column}"  # noqa: S608
    for value, *figures in map(tuple, connection.execute(query)):
        yield value, Figures(*figures)


@lru_cache(maxsize=1)
def _sql() -> Mapping[str, str]:
    text = (resources.files("batchsync.report") / "spend.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def only(spending: Spending, kinds: Iterable[str]) -> Spending:
    """The kinds that were asked for; tags by their names, with or without `tags.`."""
    wanted = list(kinds)
    return {
        kind: values
        for kind, values in spending.items()
        if kind in wanted or kind.removeprefix("tags.") in wanted
    }


def as_json(whole: Figures, spending: Spending) -> dict[str, Any]:
    """For programs: the total, and each kind with its values in order."""
    return {
        "total": _json(whole),
        "by": {
            kind: [{"value": value, **_json(figures)} for value, figures in values.items()]
            for kind, values in spending.items()
        },
    }


def _json(figures: Figures) -> dict[str, int]:
    return dict(zip(COLUMNS[2:], _row(figures), strict=True))


def as_csv(spending: Spending) -> str:
    """One row for each kind and value."""
    rows = [
        {"by": kind, "value": value, **_json(figures)}
        for kind, values in spending.items()
        for value, figures in values.items()
    ]
    return to_csv(COLUMNS, rows)


_FIGURES = ("attempts", "estimated", "charged", "given back", "open", "actual")


def as_text(spending: Spending, most: int | None) -> Iterator[str]:
    """A table for each kind, then the total in words."""
    for kind, values in spending.items():
        if not values:
            continue
        grid = Grid((kind.removeprefix("tags."), *_FIGURES), frozenset(_FIGURES))
        grid.rows = [(value, *_cells(figures)) for value, figures in values.items()]
        yield from grid.lines(most)
        yield ""


def total_line(figures: Figures) -> str:
    """The whole in one sentence."""
    if not figures.attempts:
        return "nothing has been spent yet"
    words = f"{figures.charged:,} credits charged in {figures.attempts:,} attempts"
    if figures.settled_estimate:
        words += f", of {figures.settled_estimate:,} estimated"
    if figures.open:
        words += f"; {figures.open:,} more are not settled yet"
    return words


def _cells(figures: Figures) -> tuple[str, ...]:
    share = figures.actual_share
    return (
        f"{figures.attempts:,}",
        f"{figures.estimated:,}",
        f"{figures.charged:,}",
        f"{figures.refunded:,}",
        f"{figures.open:,}",
        "" if share is None else f"{share:.0%}",
    )
