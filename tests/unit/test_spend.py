"""What batches have cost, from their ledgers."""

import csv
import io
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from batchsync.errors import LedgerUnusable
from batchsync.ledger.file import open_for_writing
from batchsync.report.spend import Book, Figures, as_csv, as_json, as_text, only, read, total_line
from batchsync.report.spend import total as total_of

# 2026-11-21 12:00 UTC, and a day in seconds.
NOON, DAY = 1795262400.0, 86400


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., Book]:
    """Makes a ledger of attempts: (job, run, mode, day, estimated, charged, refunded)."""

    def book(name: str, *attempts: tuple, tags: dict | None = None) -> Book:
        path = tmp_path / f"{name}.db"
        with closing(open_for_writing(path)) as connection:
            for number, (job, run, mode, day, *credits) in enumerate(attempts):
                _add(connection, number, job, run, mode, NOON + day * DAY, credits)
            # As a run leaves it: one plain file.
            connection.execute("PRAGMA journal_mode = DELETE")
        return Book(name, path, tags or {})

    return book


def _add(connection: sqlite3.Connection, number, job, run, mode, at, credits) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO jobs (id, position, state, updated_at) VALUES (?, 0, 'done', 0)",
        (job,),
    )
    connection.execute(
        "INSERT INTO attempts (job, number, run, tag, base_url, parameters, submitting_at,"
        " credits_estimated, credits_charged, credits_refunded) VALUES (?,?,?,'t','u',?,?,?,?,?)",
        (job, number, run, f'{{"generation_mode": "{mode}"}}', at, *credits),
    )
    connection.execute(
        "INSERT OR IGNORE INTO runs (id, started_at, host, pid, manifest, base_url, version)"
        " VALUES (?, ?, 'h', 1, 'm', 'u', '1')",
        (run, at),
    )


def test_figures_by_batch_run_mode_day_and_tag(book):
    first = book(
        "spring",
        ("a", "r1", "lite", 0, 60, 50, 10),
        ("a", "r2", "pro", 1, 120, 100, 20),
        ("b", "r2", "lite", 1, 60, 0, 60),
        ("c", "r2", "lite", 1, 60, None, 0),
        tags={"a": {"lang": "es"}, "b": {"lang": "fr"}, "c": {}},
    )
    found = read([first, book("autumn", ("z", "r9", "lite", 2, 30, 25, 5))])
    assert found["batch"] == {
        "spring": Figures(4, 300, 150, 90, 60, 240),
        "autumn": Figures(1, 30, 25, 5, 0, 30),
    }
    assert {run: f.charged for run, f in found["run"].items()} == {"r1": 50, "r2": 100, "r9": 25}
    assert {mode: f.attempts for mode, f in found["mode"].items()} == {"lite": 4, "pro": 1}
    assert {day: f.estimated for day, f in found["day"].items()} == {
        "2026-11-21": 60,
        "2026-11-22": 240,
        "2026-11-23": 30,
    }
    assert {lang: f.charged for lang, f in found["tags.lang"].items()} == {
        "es": 150,
        "fr": 0,
        "(none)": 0,
    }
    assert total_of(found) == Figures(5, 330, 175, 95, 60, 270)


def test_the_estimate_is_compared_with_what_is_settled_alone(book):
    found = read([book("x", ("a", "r", "lite", 0, 60, 45, 15), ("b", "r", "lite", 0, 60, None, 0))])
    assert total_of(found).actual_share == 0.75
    assert list(as_text(only(found, ["batch"]), None)) == [
        "batch  attempts  estimated  charged  given back  open  actual",
        "x             2        120       45          15    60     75%",
        "",
    ]
    assert total_line(total_of(found)) == (
        "45 credits charged in 2 attempts, of 60 estimated; 60 more are not settled yet"
    )


def test_a_batch_without_a_ledger_has_spent_nothing(tmp_path):
    found = read([Book("new", tmp_path / "new.db", {})])
    assert total_line(total_of(found)) == "nothing has been spent yet"
    assert found["batch"] == {"new": Figures()}


def test_a_foreign_ledger_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "x.db"
    path.write_bytes(b"no ledger")
    with pytest.raises(LedgerUnusable):
        read([Book("x", path, {})])
    assert path.read_bytes() == b"no ledger"


def test_reading_changes_no_ledger(book):
    made = book("x", ("a", "r", "lite", 0, 60, 45, 15))
    before = {path: path.read_bytes() for path in made.state.parent.iterdir()}
    read([made])
    assert {path: path.read_bytes() for path in made.state.parent.iterdir()} == before


def test_csv_and_json_carry_the_same_figures(book):
    found = read([book("=x", ("a", "r", "lite", 0, 60, 45, 15))])
    rows = list(csv.DictReader(io.StringIO(as_csv(found))))
    assert {row["by"] for row in rows} == {"batch", "run", "mode", "day"}
    assert rows[0]["value"] == "'=x"
    whole = as_json(total_of(found), found)
    assert whole["total"]["charged"] == int(rows[0]["charged"]) == 45
    assert whole["by"]["mode"] == [{"value": "lite", **whole["total"]}]
