"""A batch as its ledger shows it: opening, scenes, the table of a status."""

from dataclasses import replace
from typing import Any

import pytest
from test_plan import a_record, an_attempt
from test_request import a_job

from batchsync.ledger.protocol import Cost, JobRecord, RunRecord
from batchsync.model import Failure, JobState, Stage
from batchsync.report.opening import opening_of
from batchsync.report.scene import Credits, Flight, Speed
from batchsync.report.standing import closing, row_of, table, to_do
from batchsync.report.watching import Watcher
from batchsync.standing import Standing

S = JobState
RUN = RunRecord("r2", 1_000.0, None, "host", 7, "/x.yaml", "http://x", "1", None)
NO_FACE = Failure(Stage.POLL, "no_source_face", "No face\x1b[2J was found.")


def a_job_at(name: str, state: JobState, failure: Failure | None = None, **times: Any) -> JobRecord:
    job = a_job(name)
    attempt = replace(an_attempt(job), **{"run": "r2", "rendered_at": None, **times})
    bought = state not in (S.PENDING, S.UPLOADED)
    return a_record(job, state, failure, attempt if bought else None)


def a_standing(*records: JobRecord, run: RunRecord | None = RUN, **costs: Cost) -> Standing:
    return Standing({record.id: record for record in records}, costs, {}, run)


DONE = [
    a_job_at(f"done{n}", S.DONE, submitted_at=1_000.0, rendered_at=1_060.0, downloaded_at=1_062.0)
    for n in range(3)
]
BATCH = a_standing(
    *DONE,
    a_job_at("late", S.SUBMITTED, submitted_at=1_010.0, credits_estimated=30),
    a_job_at("new", S.SUBMITTED, submitted_at=1_080.0, credits_estimated=40),
    a_job_at("bad", S.FAILED, NO_FACE, submitted_at=1_000.0),
    done0=Cost(charged=25, refunded=5, estimated=30, held=25),
    late=Cost(charged=0, refunded=0, estimated=30, held=30),
    new=Cost(charged=0, refunded=0, estimated=40, held=40),
)
JOBS = [*BATCH.records, "unknown"]


def test_an_opening_is_what_the_ledger_says() -> None:
    opening = opening_of("spring", JOBS, BATCH, 500)

    assert opening.states == {S.DONE: 3, S.SUBMITTED: 2, S.FAILED: 1, S.PENDING: 1}
    assert opening.submitted == {"late": 1_010.0, "new": 1_080.0}
    assert (opening.spent, opening.reserved, opening.cap) == (25, {"late": 30, "new": 40}, 500)
    assert opening.renders == (60.0, 60.0, 60.0)
    assert [trouble.code for trouble in opening.troubles] == ["no_source_face"]


def test_renders_that_another_run_began_say_nothing_of_the_pace() -> None:
    before = replace(BATCH, latest_run=replace(RUN, id="r3"))

    assert opening_of("spring", JOBS, before, None).renders == ()
    assert opening_of("spring", JOBS, replace(BATCH, latest_run=None), None).renders == ()


def a_watcher(standing: Standing, running: bool, now: float = 1_090.0) -> Watcher:
    watcher = Watcher("spring", list(standing.records), 500)
    watcher.read(standing, running, now)
    return watcher


def test_a_run_elsewhere_is_seen_with_ages_ends_and_speeds() -> None:
    scene = a_watcher(BATCH, running=True).scene(1_100.0, ["a note"])

    assert scene.flights == (
        Flight("late", "rendering", 90.0, -30.0, slow=True),
        Flight("new", "rendering", 20.0, 40.0),
    )
    assert (scene.under_way, scene.seconds, scene.notes) == (2, 100.0, ("a note",))
    assert scene.credits == Credits(25, 70, 500)
    assert scene.left == "about 0.5-1.5 min left"
    submit = scene.lanes[1]
    assert submit.speed == Speed(None, pytest.approx(2 / 90))


def test_nothing_is_forecast_while_no_run_is_at_work() -> None:
    scene = a_watcher(BATCH, running=False).scene(1_100.0)

    assert (scene.left, scene.seconds) == (None, None)
    assert scene.lanes[1].speed == Speed()


def test_watching_is_over_when_no_run_is_at_work_and_nothing_is_left() -> None:
    ended = a_standing(*DONE, a_job_at("bad", S.FAILED, NO_FACE))

    assert a_watcher(ended, running=False).over
    assert not a_watcher(ended, running=True).over
    assert not a_watcher(BATCH, running=False).over
    assert a_watcher(a_standing(run=None), running=False).over


ROWS = [row_of(job, BATCH) for job in JOBS]


def test_a_table_has_a_row_a_job_in_even_columns() -> None:
    lines = list(table(ROWS, None))

    assert [state for _, state in lines] == [None, *(row.state for row in ROWS)]
    assert lines[0][0].split() == ["job", "state", "attempt", "project", "credits", "note"]
    begin = len("unknown") + 2
    assert all(line[begin:].startswith(str(state)) for line, state in lines[1:])
    assert "No face [2J was found." in lines[-2][0]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 200])
def test_a_table_fits_the_terminal_and_keeps_states(width: int) -> None:
    for line, state in table(ROWS, width):
        assert len(line) <= width
        assert state is None or state in line


def test_the_tag_of_an_unconfirmed_job_is_shown_at_any_width() -> None:
    lost = a_job_at("lost", S.UNCONFIRMED, project_id=None, tag="bs-123456")
    lines = [line for line, _ in table([row_of("lost", a_standing(lost))], 60)]

    assert "(bs-123456)" in lines[1]


def test_a_status_ends_with_what_it_comes_to() -> None:
    assert list(closing("spring", JOBS, BATCH, 500)) == [
        "spring: 1 pending · 2 submitted · 3 done · 1 failed",
        "  credits   25 charged · 5 given back · 70 not settled yet · cap 500",
        "  no_source_face: 1 job (bad): No face [2J was found.",
    ]
    assert next(closing("spring", [], Standing(), None)) == "spring: no jobs"


@pytest.mark.parametrize(
    ("counts", "unconfirmed", "words"),
    [
        ({S.DONE: 3}, None, None),
        ({S.DONE: 3, S.FAILED: 1}, None, ("retry", "--failed")),
        ({S.CANCELED: 1}, None, ("retry", "--canceled")),
        ({S.FAILED: 1, S.RENDERED: 1}, None, ("run",)),
        ({S.PENDING: 1, S.UNCONFIRMED: 1}, "j", ("resolve", "j", "--adopt", "PROJECT_ID")),
    ],
)
def test_the_next_command_is_the_one_that_helps(
    counts: dict[JobState, int], unconfirmed: str | None, words: tuple[str, ...] | None
) -> None:
    assert to_do(counts, unconfirmed) == words
