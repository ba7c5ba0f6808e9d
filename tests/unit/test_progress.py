"""The tally behind the live view."""

import io

from rich.console import Console

from batchsync.events import (
    Announcer,
    BytesMoved,
    Event,
    JobMoved,
    JobStalled,
    StageEntered,
    Stopping,
)
from batchsync.model import Failure, JobState, Stage
from batchsync.report.progress import LiveView, Tally

S = JobState


def moved(source: JobState, target: JobState, credits: int | None = None) -> JobMoved:
    return JobMoved("a", source, target, 1.0, 1, credits_charged=credits)


def test_moves_are_counted() -> None:
    tally = Tally([S.PENDING, S.PENDING, S.DONE])
    for event in (moved(S.PENDING, S.UPLOADED), moved(S.UPLOADED, S.SUBMITTING)):
        tally(event)

    assert (tally.total, tally.ended) == (3, 1)
    assert (tally.states[S.PENDING], tally.states[S.SUBMITTING], tally.states[S.UPLOADED]) == (
        1,
        1,
        0,
    )


def test_bytes_credits_and_work_under_way_are_counted() -> None:
    tally = Tally([S.RENDERED])
    tally(StageEntered("a", Stage.DOWNLOAD))
    tally(BytesMoved("up", 5))
    tally(BytesMoved("down", 7))
    assert tally.working == {"a": Stage.DOWNLOAD}
    tally(moved(S.SUBMITTED, S.RENDERED, 375))
    tally(moved(S.RENDERED, S.DONE))

    assert (tally.uploaded, tally.downloaded, tally.credits) == (5, 7, 375)
    assert not tally.working


def test_a_job_that_stalls_is_not_worked_on() -> None:
    tally = Tally([S.SUBMITTED])
    tally(StageEntered("a", Stage.POLL))
    tally(JobStalled("a", S.SUBMITTED, Failure(Stage.POLL, "x", "y")))

    assert not tally.working


def test_the_time_left_is_known_once_a_job_has_ended_in_this_run() -> None:
    tally = Tally([S.DONE, S.RENDERED, S.PENDING])
    assert tally.time_left() is None
    tally.begin -= 10
    tally(moved(S.RENDERED, S.DONE))

    left = tally.time_left()
    assert left is not None
    assert 9 < left < 12


def test_a_view_draws_whatever_the_tally_says() -> None:
    out = io.StringIO()
    tally = Tally([S.PENDING] * 3 + [S.FAILED])
    with LiveView(tally, Console(file=out, force_terminal=True, width=120)) as view:
        tally(Stopping("--halt: 3 jobs failed", leaving=False))
        tally(moved(S.PENDING, S.DONE))
        Console(file=out, width=120).print(view._draw())

    text = out.getvalue()
    assert "stopping: --halt: 3 jobs failed" in text
    assert "1 failed" in text


def test_an_empty_batch_can_be_drawn() -> None:
    out = io.StringIO()
    Console(file=out).print(LiveView(Tally([]), Console(file=out))._draw())

    assert "0/0" in out.getvalue()


def test_every_subscriber_hears_every_event() -> None:
    first: list[Event] = []
    second: list[Event] = []
    announce = Announcer(first.append)
    announce(BytesMoved("up", 1))
    announce.subscribe(second.append)
    announce(BytesMoved("up", 2))

    assert first == [BytesMoved("up", 1), BytesMoved("up", 2)]
    assert second == [BytesMoved("up", 2)]
