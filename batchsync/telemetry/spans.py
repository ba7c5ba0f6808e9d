"""Journeys -> spans: one a run, below it one a job, below that one a stage.

A job's span is made when its first stage has ended, and a stage's when it has: thousands of
renders that are only waited for cost no span each, and what has ended is handed to the exporter
at once.
"""

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer, set_span_in_context

from batchsync.errors import ExitCode
from batchsync.events import CallRetried, RunBegan, RunEnded
from batchsync.telemetry.journeys import Journey, Leg

_Attributes = dict[str, str | bool | int | float]

# Seconds. Where nothing was to be sent, or a slot was free, there was no such stage.
_NOTHING = 0.001
_MAY_BE_NOTHING = frozenset({Leg.UPLOAD, Leg.WAIT})

# Ends that are nobody's failure: done, to be gone on with, or called back.
_FAIR_ENDS = frozenset({0, 6, 9, 130, 143})


class Spans:
    """Makes the spans of one run."""

    def __init__(self, tracer: Tracer, began: RunBegan) -> None:
        self._tracer = tracer
        known = {"batchsync.batch.name": began.batch, "batchsync.run.id": began.run_id}
        self._batch = {name: value for name, value in known.items() if value}
        self._run = tracer.start_span(
            "batchsync.run", attributes=self._batch, start_time=_nanoseconds(began.at)
        )
        self._below_run = set_span_in_context(self._run)
        self._jobs: dict[str, tuple[Span, Context]] = {}

    def leg_begun(self, journey: Journey) -> None:
        """Nothing yet."""

    def leg_ended(self, journey: Journey, until: float, error: str | None) -> None:
        """One stage's span, whole."""
        nothing = until - journey.since < _NOTHING and journey.leg in _MAY_BE_NOTHING
        if nothing and not error and not journey.unfinished:
            return
        _, below_job = self._job(journey)
        attributes: _Attributes = {"batchsync.job.id": journey.job}
        if error:
            attributes["error.type"] = error
        if journey.unfinished:
            attributes["batchsync.unfinished"] = True
        span = self._tracer.start_span(
            f"batchsync.{journey.leg}",
            below_job,
            attributes=attributes,
            start_time=_nanoseconds(journey.since),
        )
        _end(span, until, error)

    def ended(self, journey: Journey, at: float, error: str | None) -> None:
        """The job's span ends."""
        span, _ = self._job(journey)
        span.set_attributes(_outcome(journey, error))
        _end(span, at, error)
        del self._jobs[journey.job]

    def retried(self, event: CallRetried, journey: Journey | None, at: float) -> None:
        """An event on the job's span, or on the run's. Not the reason: it may quote an address."""
        span = self._run if journey is None else self._job(journey)[0]
        attributes: _Attributes = {"batchsync.call": event.call, "batchsync.pause": event.pause}
        span.add_event("batchsync.retry", attributes, _nanoseconds(at))

    def close(self, event: RunEnded) -> None:
        """The run's span ends."""
        fair = event.code in _FAIR_ENDS and event.error is None
        error = None if fair else event.error or _name(event.code)
        self._run.set_attribute("batchsync.exit.code", event.code)
        if error:
            self._run.set_attribute("error.type", error)
        _end(self._run, event.at, error)

    def _job(self, journey: Journey) -> tuple[Span, Context]:
        if (known := self._jobs.get(journey.job)) is not None:
            return known
        span = self._tracer.start_span(
            "batchsync.job",
            self._below_run,
            attributes={**self._batch, "batchsync.job.id": journey.job},
            start_time=_nanoseconds(journey.begun),
        )
        made = self._jobs[journey.job] = (span, set_span_in_context(span))
        return made


def _outcome(journey: Journey, error: str | None) -> _Attributes:
    found = {
        "batchsync.job.state": journey.state and journey.state.value,
        "batchsync.job.attempt": journey.attempt or None,
        "batchsync.project.id": journey.project_id,
        "batchsync.credits.estimated": journey.credits_estimated,
        "batchsync.credits.charged": journey.credits_charged,
        "batchsync.unfinished": journey.unfinished or None,
        "error.type": error,
    }
    return {name: value for name, value in found.items() if value is not None}


def _end(span: Span, at: float, error: str | None) -> None:
    if error:
        # The code alone: a message may quote a path or an address.
        span.set_status(Status(StatusCode.ERROR, error))
    span.end(_nanoseconds(at))


def _name(code: int) -> str:
    return ExitCode(code).name.lower() if code in ExitCode.__members__.values() else str(code)


def _nanoseconds(at: float) -> int:
    return int(at * 1_000_000_000)
