"""The summary for people."""

from typing import Any

import pytest
from test_summary import a_summary, counts

from batchsync.errors import ExitCode
from batchsync.report.summary import FailureGroup
from batchsync.report.text import summary_text


def text(**changes: Any) -> str:
    return summary_text(a_summary(**changes), "results.csv")


def test_a_good_run_says_what_it_did_and_cost() -> None:
    said = text()

    assert said.splitlines()[0] == "spring: all 3 jobs done in 12.3 s"
    for words in ("1,350 estimated · 1,125 charged · 225 given back · balance 98,875",):
        assert words in said
    assert "3 create" in said
    assert "2.0 MB saved" in said
    assert "next" not in said
    assert said.splitlines()[-1].split() == ["results", "results.csv"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nothing_to_do": True}, "nothing to do, all 3 jobs are done already"),
        ({"nothing_to_do": True, "exit": ExitCode.UNCONFIRMED}, "nothing to do that a run may do"),
        (
            {"exit": ExitCode.SOME_FAILED, "jobs": counts(done=1, skipped=1, failed=2)},
            "2 of 4 jobs done",
        ),
        ({"next": "batchsync run x"}, "next      batchsync run x"),
        ({"reasons": ("--halt: 3 jobs failed",)}, "stopped   --halt: 3 jobs failed"),
        ({"jobs": counts()}, "none"),
    ],
)
def test_the_headline_fits_the_end(changes: dict[str, Any], words: str) -> None:
    assert words in text(**changes)


def test_failures_name_the_first_jobs_and_count_the_rest() -> None:
    group = FailureGroup("rejected", 7, tuple(f"j{number}" for number in range(7)), "too long")

    assert "rejected: 7 jobs (j0, j1, j2, j3, j4 and 2 more): too long" in text(failures=(group,))


def test_a_run_without_work_tells_no_traffic() -> None:
    assert "requests" not in text(nothing_to_do=True)
