"""Parts and summaries of the results table: rows, columns, counts and credits."""

from typing import Any

import pytest
from rich.console import Console

from batchsync.errors import UsageError
from batchsync.model import JobState
from batchsync.report.pivot import FIGURES, as_rich, pivot, visible
from batchsync.report.selection import STATUSES, with_columns, with_status
from batchsync.report.table import KINDS, Kind, Row, Table, table_of


def a_row(job: str, status: str = "done", charged: int = 25, **tags: str) -> Row:
    row: Row = dict.fromkeys(KINDS)
    fixed = {"job": job, "status": status, "credits_estimated": 30, "credits_charged": charged}
    return row | fixed | {"generation_mode": "lite"} | tags


SPRING = table_of(
    [
        a_row("a", lang="es", show="one"),
        a_row("b", lang="fr", show="one"),
        a_row("c", "failed", 0, lang="es", show="two"),
        a_row("d", "rendered", lang="es", show="one"),
        a_row("e", "submitting", 0),
    ]
)


def figures(made: Table) -> list[tuple[Any, ...]]:
    return [tuple(row[name] for name in made.kinds) for row in made.rows]


def jobs(table: Table) -> list[str]:
    return [row["job"] for row in table.rows]


def test_jobs_and_credits_by_one_tag() -> None:
    made = pivot(SPRING, ["lang"])

    assert [*made.kinds] == ["lang", *FIGURES]
    assert figures(made) == [
        ("es", 3, 0, 1, 1, 1, 0, 0, 90, 50),
        ("fr", 1, 0, 0, 1, 0, 0, 0, 30, 25),
        (None, 1, 0, 1, 0, 0, 0, 0, 30, 0),
    ]


def test_jobs_and_credits_by_several_are_grouped_by_the_first() -> None:
    made = pivot(SPRING, ["lang", "show"])

    assert [(row["lang"], row["show"], row["jobs"]) for row in made.rows] == [
        ("es", "one", 2),
        ("es", "two", 1),
        ("fr", "one", 1),
        (None, None, 1),
    ]


@pytest.mark.parametrize("by", ["status", "error_code", "generation_mode", "mode", "tags.lang"])
def test_every_job_is_counted_once_whatever_it_is_counted_by(by: str) -> None:
    made = pivot(SPRING, [by])

    assert sum(row["jobs"] for row in made.rows) == 5
    assert sum(row["credits_charged"] for row in made.rows) == 75
    for row in made.rows:
        states = ("pending", "in_flight", "done", "failed", "canceled", "unconfirmed")
        assert sum(row[state] for state in states) == row["jobs"]


def test_every_state_has_its_count() -> None:
    made = pivot(table_of([a_row(state, status=state) for state in STATUSES]), ["mode"])

    assert figures(made) == [("lite", 8, 1, 3, 1, 1, 1, 1, 240, 200)]


def test_a_tag_named_like_a_figure_hides_none() -> None:
    made = pivot(table_of([a_row("a", jobs="x")]), ["jobs", "credits_charged"])

    assert [*made.kinds][:2] == ["by.jobs", "by.credits_charged"]
    assert figures(made)[0][:3] == ("x", 25, 1)
    assert made.kinds["by.credits_charged"] is Kind.WHOLE


def test_asking_twice_is_asking_once() -> None:
    assert figures(pivot(SPRING, ["lang", "tags.lang"])) == figures(pivot(SPRING, ["lang"]))


def test_no_jobs_make_no_groups() -> None:
    assert pivot(table_of([]), ["status"]).rows == []


def printed(made: Table, width: int = 200) -> list[str]:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(as_rich(made))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_people_get_a_total_and_no_column_of_zeros() -> None:
    assert printed(pivot(SPRING, ["lang"])) == [
        "lang    jobs  in flight  done  failed  credits estimated  credits charged",
        "es         3          1     1       1                 90               50",
        "fr         1          0     1       0                 30               25",
        "(none)     1          1     0       0                 30                0",
        "total      5          2     2       1                150               75",
    ]


def test_one_group_needs_no_total() -> None:
    assert len(printed(pivot(SPRING, ["mode"]))) == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines", r"two\nlines"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("\u202egpj", r"\u202egpj"),
        ("👩‍👩‍👧 שלום", "👩‍👩‍👧 שלום"),
        ("[bold]x[/]", "[bold]x[/]"),
    ],
)
def test_a_name_steers_no_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown
    header, row = printed(pivot(table_of([a_row("a", **{text: text})]), [text]))
    assert header.startswith(shown)
    assert row.startswith(shown)


def test_only_jobs_in_the_states_that_are_named() -> None:
    assert jobs(with_status(SPRING, ["failed,done"])) == ["a", "b", "c"]
    assert jobs(with_status(SPRING, ["failed", " submitting , "])) == ["c", "e"]
    assert jobs(with_status(SPRING, ["canceled"])) == []
    assert set(STATUSES) == {state.value for state in JobState} - {"uploaded"}


def test_only_the_columns_that_are_named_in_their_order() -> None:
    made = with_columns(SPRING, ["show,job", "mode", "job"])

    assert [*made.kinds] == ["show", "job", "generation_mode"]
    assert jobs(made) == ["a", "b", "c", "d", "e"]


def test_a_tag_with_a_comma_in_its_name_can_be_named() -> None:
    made = with_columns(table_of([a_row("a", **{"x,y": "1"})]), ["x,y", "job"])

    assert [*made.kinds] == ["x,y", "job"]


def test_a_verdict_can_be_asked_for_before_there_is_one() -> None:
    assert [*with_columns(SPRING, ["job,verdict"]).kinds] == ["job", "verdict"]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("credits_chargd", "credits_charged"), ("Lang", "lang"), ("outptu", "output")],
)
def test_a_column_that_is_not_there_is_answered_with_the_nearest(word: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"--columns {word}: did you mean {meant}"):
        with_columns(SPRING, [word])
    with pytest.raises(UsageError, match=f"--by {word}: did you mean {meant}"):
        pivot(SPRING, [word])


def test_a_word_that_is_like_nothing_is_answered_with_all_there_is() -> None:
    with pytest.raises(UsageError, match=r"expected one of job, name, .*, lang, show"):
        with_columns(SPRING, ["zzz"])
    with pytest.raises(UsageError, match="--status zzz: expected one of pending, "):
        with_status(SPRING, ["zzz"])
    with pytest.raises(UsageError, match="--status cancelled: did you mean canceled"):
        with_status(SPRING, ["cancelled"])


@pytest.mark.parametrize("empty", ["", ",", " , "])
def test_naming_nothing_is_a_mistake(empty: str) -> None:
    with pytest.raises(UsageError, match="expected one or more of"):
        with_columns(SPRING, [empty])
    with pytest.raises(UsageError, match="expected one or more of"):
        with_status(SPRING, [empty])
