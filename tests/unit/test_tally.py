"""What a run says, kept up event by event."""

from itertools import pairwise

import pytest

from batchsync.api.protocol import Traffic
from batchsync.events import (
    BytesMoved,
    CallRetried,
    Event,
    JobMoved,
    JobStalled,
    LimitChanged,
    StageEntered,
    Stopping,
)
from batchsync.model import Failure, JobState, Stage
from batchsync.report.scene import Credits, Flight, Lane, Scene, Speed, Trouble
from batchsync.report.tally import Opening, Tally

S = JobState


class Run:
    """A tally, with a clock that the test moves."""

    def __init__(self, states: dict[JobState, int], **opening: object) -> None:
        self.now = 1_000.0
        self.tally = Tally(Opening("spring", states, **opening), lambda: self.now)  # type: ignore[arg-type]

    def say(self, *events: Event, after: float = 0.0) -> "Run":
        self.now += after
        for event in events:
            self.tally(event)
        return self

    def move(self, job: str, *states: JobState, after: float = 0.0, **more: object) -> "Run":
        self.now += after
        for source, target in pairwise(states):
            self.tally(JobMoved(job, source, target, self.now, 1, **more))  # type: ignore[arg-type]
        return self

    def render(self, job: str, seconds: float) -> "Run":
        """A job that is submitted and rendered, well."""
        self.move(job, S.UPLOADED, S.SUBMITTING, S.SUBMITTED, credits_estimated=30)
        self.say(StageEntered(job, Stage.POLL))
        return self.move(job, S.SUBMITTED, S.RENDERED, after=seconds, credits_charged=25)

    @property
    def scene(self) -> Scene:
        return self.tally.scene()

    def lane(self, name: str) -> Lane:
        return next(lane for lane in self.scene.lanes if lane.name == name)


def test_each_stage_counts_what_is_through_and_what_is_in_it() -> None:
    run = Run({S.PENDING: 3, S.UPLOADED: 2, S.SUBMITTED: 1, S.DONE: 4})

    counts = [(lane.name, lane.passed, lane.here) for lane in run.scene.lanes]
    assert counts == [("upload", 7, 3), ("submit", 5, 2), ("render", 4, 1), ("download", 4, 0)]
    run.move("a", S.PENDING, S.UPLOADED)
    assert (run.lane("upload").passed, run.lane("submit").here) == (8, 3)
    assert run.scene.total == 10


def test_a_job_is_shown_in_the_stage_that_it_has_entered() -> None:
    run = Run({S.PENDING: 1})
    seen = []
    for events in (
        [StageEntered("a", Stage.UPLOAD)],
        [JobMoved("a", S.PENDING, S.UPLOADED, 0, 0)],
        [StageEntered("a", Stage.SUBMIT), JobMoved("a", S.UPLOADED, S.SUBMITTING, 0, 1)],
        [JobMoved("a", S.SUBMITTING, S.SUBMITTED, 0, 1), StageEntered("a", Stage.POLL)],
        [JobMoved("a", S.SUBMITTED, S.RENDERED, 0, 1)],
        [StageEntered("a", Stage.DOWNLOAD)],
        [JobMoved("a", S.RENDERED, S.DONE, 0, 1)],
    ):
        run.say(*events, after=5)
        seen.append([(flight.doing, flight.age) for flight in run.scene.flights])

    assert seen == [
        [("uploading", 0)],
        [],
        [("submitting", 0)],
        [("rendering", 0)],
        [],
        [("downloading", 0)],
        [],
    ]


def test_a_throttled_job_goes_on_being_submitted_and_one_that_stalls_does_not() -> None:
    run = Run({S.UPLOADED: 1}).say(StageEntered("a", Stage.SUBMIT))
    run.move("a", S.UPLOADED, S.SUBMITTING, S.UPLOADED)
    assert [flight.doing for flight in run.scene.flights] == ["submitting"]
    run.say(JobStalled("a", S.UPLOADED, Failure(Stage.SUBMIT, "unavailable", "HTTP 503")))

    assert run.scene.flights == ()
    assert run.scene.troubles == (Trouble("unavailable", 1, "a", "HTTP 503"),)


def test_the_oldest_come_first_whatever_is_done_to_them() -> None:
    run = Run({S.SUBMITTED: 1, S.PENDING: 2}, submitted={"old": 700.0})
    run.say(StageEntered("new", Stage.UPLOAD), after=10)
    run.say(StageEntered("old", Stage.POLL), StageEntered("newer", Stage.DOWNLOAD), after=10)

    flights = [(flight.job, flight.age) for flight in run.scene.flights]
    assert flights == [("old", 320), ("new", 10), ("newer", 0)]


def test_a_job_that_was_uploaded_before_is_not_uploaded_again() -> None:
    run = Run({S.UPLOADED: 1}, uploaded=frozenset({"a"})).say(StageEntered("a", Stage.UPLOAD))

    assert run.scene.flights == ()
    assert run.lane("upload").speed.busy == 0


def test_thousands_in_flight_are_counted_and_only_as_many_shown_as_fit() -> None:
    submitted = {f"j{number:04}": float(number) for number in range(5_000)}
    scene = Run({S.SUBMITTED: 5_000}, submitted=submitted).scene

    assert (scene.under_way, scene.flights[0].job) == (5_000, "j0000")
    assert len(scene.flights) < 100


def test_credits_are_reserved_then_settled_and_come_back_if_no_job_was_made() -> None:
    run = Run({S.UPLOADED: 4}, spent=100, reserved={"z": 7}, cap=500)
    run.move("a", S.UPLOADED, S.SUBMITTING, credits_estimated=30)
    assert run.scene.credits == Credits(100, 37, 500)
    run.move("a", S.SUBMITTING, S.SUBMITTED, credits_estimated=28)
    assert run.scene.credits == Credits(100, 35, 500)
    run.move("a", S.SUBMITTED, S.RENDERED, credits_charged=25)
    run.move("a", S.RENDERED, S.DONE)
    assert run.scene.credits == Credits(125, 7, 500)
    run.move("b", S.UPLOADED, S.SUBMITTING, S.UPLOADED, credits_estimated=30)
    assert run.scene.credits == Credits(125, 7, 500)
    run.move("c", S.UPLOADED, S.SUBMITTING, S.UNCONFIRMED, credits_estimated=40)
    assert run.scene.credits == Credits(165, 7, 500)
    run.move("z", S.SUBMITTED, S.FAILED, credits_charged=0)
    assert run.scene.credits == Credits(165, 0, 500)
    assert run.tally.credits == 25


def test_an_expected_end_is_told_once_three_renders_were_seen() -> None:
    run = Run({S.UPLOADED: 5})
    for job, seconds in (("a", 60), ("b", 60), ("c", 60)):
        assert run.scene.left is None
        run.render(job, seconds)
    run.move("d", S.UPLOADED, S.SUBMITTING, S.SUBMITTED).say(StageEntered("d", Stage.POLL))
    run.now += 20

    assert run.scene.flights == (Flight("d", "rendering", 20, 40, False),)
    assert run.scene.left == "about 1.5-3 min left"
    run.now += 100
    assert run.scene.flights == (Flight("d", "rendering", 120, -60, True),)


def test_what_earlier_runs_have_seen_is_learnt_from_and_their_leavings_are_not() -> None:
    run = Run({S.SUBMITTED: 2}, renders=(60.0, 60.0, 60.0), submitted={"a": 0.0, "b": 990.0})
    run.say(StageEntered("a", Stage.POLL), StageEntered("b", Stage.POLL))
    # Submitted by another run, and perhaps long ended: how long it took was not seen.
    run.move("a", S.SUBMITTED, S.RENDERED)

    assert run.scene.flights == (Flight("b", "rendering", 10, 50, False),)


def test_nothing_more_is_waited_for_once_the_run_is_stopping() -> None:
    run = Run({S.PENDING: 900, S.UPLOADED: 4}, renders=(60.0,) * 20)
    run.move("a", S.UPLOADED, S.SUBMITTING, S.SUBMITTED).say(StageEntered("a", Stage.POLL))
    before = run.scene.left
    run.say(Stopping("--halt: 3 jobs failed", leaving=False), after=30)
    for _ in range(100):
        run.now += 0.25
        after = run.scene

    assert before is not None
    assert "h left" in before
    assert after.left == "less than a minute left"
    assert after.notes == ("stopping, nothing more is submitted: --halt: 3 jobs failed",)


def test_speeds_are_those_of_late() -> None:
    run = Run({S.PENDING: 100})
    for number in range(20):
        run.say(BytesMoved("up", 1_000_000), after=0.5).move(f"j{number}", S.PENDING, S.UPLOADED)

    speed = run.lane("upload").speed
    assert speed.per_second == pytest.approx(2, rel=0.1)
    assert speed.bytes_per_second == pytest.approx(2_000_000, rel=0.1)
    run.now += 1_000
    assert run.lane("upload").speed == Speed(busy=0)


def test_requests_matter_once_some_are_made_again() -> None:
    run = Run({S.PENDING: 1})
    run.tally.traffic = traffic = Traffic()
    traffic.requests["status"] = 1_200
    run.say(LimitChanged(17, "the service takes more"))
    assert run.scene.calls is None
    run.say(CallRetried("create", "HTTP 429", 1.0), LimitChanged(8, "the service says 429"))

    words = "1,200 in all, 1 tried again, at most 8 in flight now; last create: HTTP 429"
    assert run.scene.calls == words


def test_calls_that_are_made_again_in_silence_are_counted_too() -> None:
    run = Run({S.PENDING: 1})
    run.tally.traffic = Traffic(retries=3)

    assert run.scene.calls == "0 in all, 3 tried again"


def test_reasons_are_counted_with_those_of_before_the_most_frequent_first() -> None:
    before = (Trouble("rejected", 1, "x", "too long"),)
    run = Run({S.SUBMITTED: 2, S.FAILED: 1}, troubles=before)
    for job in "ab":
        failure = Failure(Stage.POLL, "no_source_face", f"no face in {job}")
        run.move(job, S.SUBMITTED, S.FAILED, failure=failure, credits_charged=0)

    assert run.scene.troubles == (Trouble("no_source_face", 2, "b", "no face in b"), *before)


def test_an_empty_batch_has_a_scene() -> None:
    scene = Run({}).scene

    assert (scene.total, scene.left, scene.flights) == (0, None, ())
