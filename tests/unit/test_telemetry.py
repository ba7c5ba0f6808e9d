"""Events become spans and metrics."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from batchsync.errors import LockHeld
from batchsync.events import (
    BytesMoved,
    CallRetried,
    JobMoved,
    JobStalled,
    LimitChanged,
    RunBegan,
    RunEnded,
    StageEntered,
    UploadSaved,
)
from batchsync.model import Failure, JobState, Stage
from batchsync.telemetry.observer import Telemetry
from batchsync.telemetry.providers import chosen

S = JobState
SECRET = "https://media.example.com/a.mp4?token=hush"


class Seen:
    """A telemetry whose exporters are lists."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        traces = TracerProvider(shutdown_on_exit=False)
        traces.add_span_processor(SimpleSpanProcessor(self._spans))
        metrics = MeterProvider([self._reader], shutdown_on_exit=False)
        self.closers = (traces.shutdown, metrics.shutdown)
        self.at = 2e9
        self.telemetry = Telemetry(chosen(traces, metrics), now=self.now)

    def now(self) -> float:
        """A clock that goes on by a quarter of a second with each look."""
        self.at += 0.25
        return self.at

    @property
    def spans(self) -> list[ReadableSpan]:
        """Those that have ended."""
        return list(self._spans.get_finished_spans())

    def span(self, name: str) -> ReadableSpan:
        """The only one of that name."""
        (found,) = [span for span in self.spans if span.name == f"batchsync.{name}"]
        return found

    def points(self, name: str) -> dict[tuple[Any, ...], Any]:
        """A metric's points by their labels' values, the batch's name left out."""
        data = self._reader.get_metrics_data()
        assert data is not None
        return {
            tuple(
                value for key, value in (point.attributes or {}).items() if not key.endswith("name")
            ): point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == f"batchsync.{name}"
            for point in metric.data.data_points
        }

    def values(self, name: str) -> dict[tuple[Any, ...], Any]:
        """The same as numbers."""
        return {labels: point.value for labels, point in self.points(name).items()}


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    yield made
    for close in made.closers:
        close()


def moved(source: JobState, target: JobState, at: float, **more: Any) -> JobMoved:
    return JobMoved("a", source, target, at, 1, **more)


def to_rendered(telemetry: Telemetry) -> None:
    telemetry(StageEntered("a", Stage.UPLOAD))
    telemetry(moved(S.PENDING, S.UPLOADED, 2e9 + 1))
    telemetry(StageEntered("a", Stage.SUBMIT))
    telemetry(moved(S.UPLOADED, S.SUBMITTING, 2e9 + 2, credits_estimated=30))
    telemetry(moved(S.SUBMITTING, S.SUBMITTED, 2e9 + 3, project_id="p1", credits_estimated=30))
    telemetry(StageEntered("a", Stage.POLL))
    telemetry(moved(S.SUBMITTED, S.RENDERED, 2e9 + 43, credits_estimated=30, credits_charged=25))


def test_a_job_is_a_span_below_the_run_and_a_stage_a_span_below_the_job(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 1e9))
    to_rendered(seen.telemetry)
    seen.telemetry(StageEntered("a", Stage.DOWNLOAD))
    seen.telemetry(moved(S.RENDERED, S.DONE, 2e9 + 44))
    seen.telemetry(RunEnded(2e9 + 50, 0))

    run, job = seen.span("run"), seen.span("job")
    stages = ["upload", "wait", "submit", "render", "download"]
    assert [span.name for span in seen.spans] == [
        *(f"batchsync.{stage}" for stage in stages),
        "batchsync.job",
        "batchsync.run",
    ]
    assert job.parent and run.context and job.parent.span_id == run.context.span_id
    assert all(seen.span(stage).parent == job.context for stage in stages)
    assert len({span.context.trace_id for span in seen.spans if span.context}) == 1
    assert (run.start_time, run.end_time, job.end_time) == (
        10**18,
        2 * 10**18 + 50 * 10**9,
        2 * 10**18 + 44 * 10**9,
    )
    assert dict(job.attributes or {}) == {
        "batchsync.batch.name": "b",
        "batchsync.run.id": "r",
        "batchsync.job.id": "a",
        "batchsync.job.state": "done",
        "batchsync.job.attempt": 1,
        "batchsync.project.id": "p1",
        "batchsync.credits.charged": 25,
    }
    assert all(span.status.is_unset for span in seen.spans)


def test_a_failure_marks_stage_and_job_with_its_code_and_tells_no_message(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 1e9))
    seen.telemetry(StageEntered("a", Stage.SUBMIT))
    failure = Failure(Stage.SUBMIT, "rejected", f"no face in {SECRET}")
    seen.telemetry(CallRetried("create", SECRET, 1.5, "a"))
    seen.telemetry(moved(S.SUBMITTING, S.FAILED, 2e9, failure=failure))
    seen.telemetry(RunEnded(2e9, 3))

    for name in ("submit", "job"):
        span = seen.span(name)
        assert (span.status.is_ok, span.status.description) == (False, "rejected")
        assert (span.attributes or {})["error.type"] == "rejected"
    (retry,) = seen.span("job").events
    assert (retry.name, dict(retry.attributes or {})) == (
        "batchsync.retry",
        {"batchsync.call": "create", "batchsync.pause": 1.5},
    )
    assert seen.span("run").status.description == "some_failed"
    assert seen.values("jobs") == {("failed", "rejected"): 1}
    assert seen.values("retries") == {("create",): 1}
    assert "hush" not in "".join(span.to_json() for span in seen.spans)


def test_a_code_that_is_a_sentence_becomes_no_label(seen: Seen) -> None:
    failure = Failure(Stage.POLL, f"could not read {SECRET}", "")
    seen.telemetry(moved(S.SUBMITTED, S.FAILED, 2e9, failure=failure))
    seen.telemetry.close()

    assert seen.values("jobs") == {("failed", "_OTHER"): 1}


def test_a_job_that_stalls_ends_where_it_stands(seen: Seen) -> None:
    seen.telemetry(StageEntered("a", Stage.POLL))
    seen.telemetry(JobStalled("a", S.SUBMITTED, Failure(Stage.POLL, "poll_timeout", "")))

    assert seen.span("render").status.description == "poll_timeout"
    assert (seen.span("job").attributes or {})["batchsync.job.state"] == "submitted"
    seen.telemetry.close()
    assert seen.values("jobs") == {("submitted", "poll_timeout"): 1}


def test_a_run_that_is_cut_short_leaves_no_span_open(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 1e9))
    seen.telemetry(StageEntered("a", Stage.POLL))
    seen.at += 1
    seen.telemetry(UploadSaved(1))
    assert seen.values("renders.in_flight") == {(): 1}
    seen.telemetry(RunEnded(4e9, 130))

    assert [span.name for span in seen.spans] == [
        f"batchsync.{n}" for n in ("render", "job", "run")
    ]
    assert all(
        (seen.span(name).attributes or {})["batchsync.unfinished"] for name in ("render", "job")
    )
    assert all(span.status.is_unset for span in seen.spans)
    assert seen.values("renders.in_flight") == {(): 0}
    assert not seen.points("render.duration") and not seen.points("jobs")


def test_leaving_the_block_by_an_error_ends_the_run_with_it(seen: Seen) -> None:
    with pytest.raises(LockHeld), seen.telemetry as telemetry:
        telemetry(StageEntered("a", Stage.UPLOAD))
        raise LockHeld("held")

    assert seen.span("run").status.description == LockHeld.code
    assert [span.name for span in seen.spans][:2] == ["batchsync.upload", "batchsync.job"]


@pytest.mark.parametrize(("goal", "events"), [(S.SUBMITTED, 5), (S.RENDERED, 7)])
def test_a_job_ends_where_the_run_is_told_to_stop(seen: Seen, goal: JobState, events: int) -> None:
    told: list[Any] = []
    to_rendered(told.append)  # type: ignore[arg-type]
    seen.telemetry(RunBegan("b", "r", 1e9, goal))
    for event in told[:events]:
        seen.telemetry(event)

    assert (seen.span("job").attributes or {})["batchsync.job.state"] == goal.value


def test_jobs_that_are_only_put_back_into_the_line_cost_no_span(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 1e9))
    seen.telemetry(moved(S.DONE, S.RENDERED, 2e9))
    seen.telemetry(RunEnded(2e9, 0))

    assert [span.name for span in seen.spans] == ["batchsync.run"]


def test_a_stage_in_which_nothing_was_to_be_done_is_no_span(seen: Seen) -> None:
    seen.telemetry(StageEntered("a", Stage.UPLOAD))
    seen.telemetry(moved(S.PENDING, S.UPLOADED, 1.0))
    seen.telemetry.close()

    assert [span.name for span in seen.spans] == [f"batchsync.{n}" for n in ("wait", "job", "run")]


def test_the_clock_of_a_machine_may_be_set_back(seen: Seen) -> None:
    seen.telemetry(StageEntered("a", Stage.DOWNLOAD))
    seen.telemetry(moved(S.RENDERED, S.DONE, 1.0))

    for name in ("download", "job"):
        span = seen.span(name)
        assert span.start_time and span.end_time and span.end_time >= span.start_time


def test_credits_bytes_limits_and_durations_are_measured(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 2e9, limit=5))
    to_rendered(seen.telemetry)
    assert seen.values("renders.limit") == {(): 5}
    seen.telemetry(LimitChanged(8, "more"))
    for event in (BytesMoved("up", 10), BytesMoved("up", 5), BytesMoved("down", 7), UploadSaved(9)):
        seen.telemetry(event)
    seen.telemetry.requested("status", "ok")
    seen.telemetry.requested("status", "error", "unavailable")
    seen.telemetry(RunEnded(2e9 + 60, 6))

    assert seen.values("credits.estimated") == {(): 30}
    assert seen.values("credits.charged") == {(): 25}
    assert seen.values("credits.refunded") == {(): 5}
    assert seen.values("transfer.io") == {("transmit",): 15, ("receive",): 7}
    assert seen.values("upload.saved") == {(): 9}
    assert seen.values("renders.limit") == {(): 8}
    assert seen.values("requests") == {("status", "ok"): 1, ("status", "error", "unavailable"): 1}
    (render,) = seen.points("render.duration").values()
    assert (render.count, render.sum) == (1, 40)
    assert {labels[0] for labels in seen.points("stage.duration")} == {"upload", "wait", "submit"}
    (run,) = seen.points("run.duration").values()
    assert run.sum == 60


def test_how_long_a_render_took_that_an_earlier_run_began_is_not_guessed(seen: Seen) -> None:
    seen.telemetry(StageEntered("a", Stage.POLL))
    seen.telemetry(moved(S.SUBMITTED, S.RENDERED, 2e9, credits_charged=1))
    seen.telemetry.close()

    assert not seen.points("render.duration")


def test_one_observer_serves_one_run_after_another(seen: Seen) -> None:
    for number in (1, 2):
        seen.telemetry(RunBegan("b", f"r{number}", 1e9))
        seen.telemetry(moved(S.RENDERED, S.DONE, 2e9))
        seen.telemetry(RunEnded(2e9, 0))

    runs = [(span.attributes or {}).get("batchsync.run.id") for span in seen.spans]
    assert runs == ["r1", "r1", "r2", "r2"]


def test_jobs_that_wait_for_their_renders_hold_no_spans(seen: Seen) -> None:
    seen.telemetry(RunBegan("b", "r", 1e9))
    for number in range(1000):
        seen.telemetry(StageEntered(f"j{number}", Stage.POLL))
    run = seen.telemetry._run
    assert run is not None
    assert (len(run.journeys), len(run.spans._jobs)) == (1000, 0)
    for number in range(1000):
        seen.telemetry(JobMoved(f"j{number}", S.SUBMITTED, S.CANCELED, 2e9, 1))
    assert (len(run.journeys), len(run.spans._jobs)) == (0, 0)
    seen.telemetry.close()
