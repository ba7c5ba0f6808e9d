"""Where the time went: the axis of time worked, the stages of a job, the renders in flight."""

import pytest

from batchsync.ledger.protocol import RunRecord
from batchsync.model import JobState
from batchsync.report.html.clock import Clock, clock_of
from batchsync.report.html.reading import Arrow, Record
from batchsync.report.html.timeline import (
    Segment,
    Usage,
    in_flight,
    segments,
    stage_times,
    thinned,
    usage,
)

UPLOAD, WAITING, RENDERING, DOWNLOADING = range(4)
# Two runs of 100 seconds, a day apart.
DAY = 86_400.0
CLOCK = Clock(((0.0, 100.0), (DAY, DAY + 100.0)), (0.0, 100.0))


def _run(name: str, begin: float, end: float | None) -> RunRecord:
    return RunRecord(name, begin, end, "h", 1, "m", "u", "1", None)


def _arrows(job: str, *moves: tuple[float, str], run: str = "r1") -> list[Arrow]:
    states = [JobState.PENDING, *(JobState(state) for _, state in moves)]
    return [
        Arrow(job, at, run, 1, source, target)
        for (at, _), source, target in zip(moves, states, states[1:], strict=False)
    ]


def _gone_in(job: str, at: float) -> Arrow:
    return Arrow(job, at, "r1", 1, JobState.SUBMITTING, JobState.SUBMITTED)


def _come_out(job: str, at: float) -> Arrow:
    return Arrow(job, at, "r1", 1, JobState.SUBMITTED, JobState.RENDERED)


WHOLE = _arrows(
    "a",
    (10, "uploaded"),
    (20, "submitting"),
    (21, "submitted"),
    (60, "rendered"),
    (65, "done"),
)


def test_pauses_between_runs_take_no_room() -> None:
    moments = (-5.0, 50.0, 100.0, 5000.0, DAY, DAY + 30, DAY + 999)

    assert [CLOCK.at(moment) for moment in moments] == [0, 50, 100, 100, 100, 130, 200]
    assert CLOCK.length == 200


def test_a_run_that_was_killed_ends_with_what_it_recorded_last() -> None:
    record = Record(runs=(_run("r1", 0, None), _run("r2", 50, 70)), arrows=tuple(WHOLE[:2]))

    assert clock_of(record, now=1e9).spans == ((0, 20), (50, 70))


def test_a_run_at_work_ends_now() -> None:
    run = _run("r1", 0, None)

    assert clock_of(Record(runs=(run,), running=run), now=300).spans == ((0, 300),)


def test_where_no_run_was_recorded_the_transitions_make_the_axis() -> None:
    assert clock_of(Record(arrows=tuple(WHOLE)), now=1e9).spans == ((10, 65),)


def test_an_empty_ledger_has_an_empty_axis() -> None:
    clock = clock_of(Record(), now=1e9)

    assert (clock.length, clock.at(5)) == (0, 0)


def test_runs_that_overlap_are_counted_once() -> None:
    record = Record(runs=(_run("r1", 0, 60), _run("r2", 50, 70)))

    assert clock_of(record, now=0).length == 70


def test_a_job_goes_through_the_stages() -> None:
    assert segments(WHOLE, CLOCK) == {
        "a": [
            Segment(UPLOAD, 0, 10),
            Segment(WAITING, 10, 21),
            Segment(RENDERING, 21, 60),
            Segment(DOWNLOADING, 60, 65),
        ]
    }


def test_a_job_in_flight_reaches_to_the_end_of_the_axis() -> None:
    assert segments(WHOLE[:3], CLOCK)["a"][-1] == Segment(RENDERING, 21, 200)


def test_a_job_first_taken_up_by_the_second_run_waits_from_its_beginning() -> None:
    late = _arrows("b", (DAY + 40, "uploaded"), run="r2")

    assert segments([*WHOLE, *late], CLOCK)["b"] == [Segment(UPLOAD, 100, 140)]


def test_between_failure_and_retry_a_job_is_in_no_stage() -> None:
    moves = [*WHOLE[:3], *_arrows("a", (60, "failed"))]
    moves[-1] = Arrow("a", 60, "r1", 1, JobState.SUBMITTED, JobState.FAILED)
    moves.append(Arrow("a", DAY + 10, "r2", 1, JobState.FAILED, JobState.PENDING))
    moves.append(Arrow("a", DAY + 30, "r2", 1, JobState.PENDING, JobState.UPLOADED))

    assert segments(moves, CLOCK)["a"][-2:] == [
        Segment(RENDERING, 21, 60),
        Segment(UPLOAD, 110, 130),
    ]


def test_renders_in_flight_are_counted_and_weighed_by_time() -> None:
    other = _arrows("b", (41, "submitted"), (61, "rendered"))
    other[0] = Arrow("b", 41, "r1", 1, JobState.SUBMITTING, JobState.SUBMITTED)
    arrows = sorted([*WHOLE, *other], key=lambda arrow: arrow.at)
    curve = in_flight(arrows, CLOCK)
    used = usage(arrows, curve, CLOCK)

    assert curve == [(21, 1), (41, 2), (60, 1), (61, 0)]
    # The last create call made the peak, so there was no time to keep it.
    assert used == Usage(2, None)


def test_how_busy_the_service_was_counts_from_the_peak_to_the_last_create_call() -> None:
    arrows = [
        _gone_in("a", 0),
        _gone_in("b", 10),
        _come_out("a", 20),
        _come_out("b", 30),
        _gone_in("c", 50),
        _come_out("c", 90),
    ]

    # Two for ten seconds, one for ten, none for twenty.
    assert usage(arrows, in_flight(arrows, CLOCK), CLOCK) == Usage(2, pytest.approx(30 / 40))


def test_without_a_render_there_is_no_usage() -> None:
    assert usage([], [], CLOCK) is None


def test_stage_times_are_sums_for_each_job() -> None:
    ways = {
        "a": [Segment(RENDERING, 0, 10), Segment(RENDERING, 50, 60)],
        "b": [Segment(RENDERING, 0, 40)],
    }
    [rendering] = stage_times(ways)

    assert (rendering.stage, rendering.jobs) == ("rendering", 2)
    assert (rendering.median, rendering.longest, rendering.total) == (30, 40, 60)


def test_a_long_curve_is_thinned_to_the_mean_of_each_slice() -> None:
    # Up and down each tenth of a second: half on average, wherever one looks.
    curve = [(step / 10, float(step % 2)) for step in range(12_000)]
    thin = thinned(curve, 1200)

    assert len(thin) == 600
    assert [height for _, height in thin] == pytest.approx([0.5] * 600)
