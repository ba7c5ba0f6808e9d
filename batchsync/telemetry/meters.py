"""Events and journeys -> metrics, named as OpenTelemetry names them, units in UCUM."""

from collections import Counter as Tally

from opentelemetry.metrics import Counter, Meter, UpDownCounter

from batchsync.events import (
    BytesMoved,
    CallRetried,
    Event,
    JobMoved,
    LimitChanged,
    RunBegan,
    RunEnded,
    UploadSaved,
)
from batchsync.model import JobState
from batchsync.telemetry.journeys import Journey, Leg

# Seconds. A render takes tens of seconds to half an hour, the rest moments to minutes.
_RENDER_BUCKETS = (1, 2.5, 5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600)
_STAGE_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_RUN_BUCKETS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 57600, 86400)

# Seconds between two reports of what was counted: to add a number to OpenTelemetry costs twenty
# times what it costs to add it up here.
_SUM_SECONDS = 1.0

_Labels = tuple[tuple[str, str], ...]


class Instruments:
    """All that is measured; made once a meter."""

    def __init__(self, meter: Meter) -> None:
        counter, histogram = meter.create_counter, meter.create_histogram
        self.requests = counter("batchsync.requests", "{request}", "Requests that have ended.")
        self.retries = counter("batchsync.retries", "{retry}", "Calls that were made again.")
        self.estimated = counter(
            "batchsync.credits.estimated", "{credit}", "Credits held for submitted jobs."
        )
        self.charged = counter(
            "batchsync.credits.charged", "{credit}", "Credits charged for ended renders."
        )
        self.refunded = counter(
            "batchsync.credits.refunded", "{credit}", "Credits held and given back."
        )
        self.moved = counter("batchsync.transfer.io", "By", "Bytes uploaded and downloaded.")
        self.saved = counter("batchsync.upload.saved", "By", "Bytes that the service had already.")
        self.jobs = counter("batchsync.jobs", "{job}", "Jobs that a run has done with, by state.")
        self.in_flight = meter.create_up_down_counter(
            "batchsync.renders.in_flight", "{render}", "Renders that are waited for."
        )
        self.limit = meter.create_gauge(
            "batchsync.renders.limit", "{render}", "Renders that may be in flight."
        )
        self.render = histogram(
            "batchsync.render.duration",
            "s",
            "From a job's being taken to its render.",
            explicit_bucket_boundaries_advisory=_RENDER_BUCKETS,
        )
        self.stage = histogram(
            "batchsync.stage.duration",
            "s",
            "Uploading, waiting for a slot, submitting, downloading.",
            explicit_bucket_boundaries_advisory=_STAGE_BUCKETS,
        )
        self.run = histogram(
            "batchsync.run.duration",
            "s",
            "Whole runs.",
            explicit_bucket_boundaries_advisory=_RUN_BUCKETS,
        )


class Meters:
    """Measures one run."""

    def __init__(self, instruments: Instruments, began: RunBegan) -> None:
        self._to = instruments
        self._began = began.at
        self._batch = {"batchsync.batch.name": began.batch} if began.batch else {}
        self._sums: Tally[tuple[Counter | UpDownCounter, _Labels]] = Tally()
        self._summed = began.at
        if began.limit is not None:
            self._to.limit.set(began.limit, self._batch)

    def __call__(self, event: Event, now: float) -> None:
        """Count what an event tells by itself."""
        match event:
            case BytesMoved(direction, count):
                word = "transmit" if direction == "up" else "receive"
                self._add(self._to.moved, count, ("network.io.direction", word))
            case JobMoved():
                self._credits(event)
            case UploadSaved(count):
                self._add(self._to.saved, count)
            case CallRetried(call):
                self._add(self._to.retries, 1, ("batchsync.call", call))
            case LimitChanged(limit):
                self._to.limit.set(limit, self._batch)
            case _:
                pass
        self._tick(now)

    def requested(self, endpoint: str, outcome: str, error: str | None, now: float) -> None:
        """A request has ended."""
        labels = (("batchsync.endpoint", endpoint), ("batchsync.outcome", outcome))
        self._add(self._to.requests, 1, *labels, *_failed(error))
        self._tick(now)

    def leg_begun(self, journey: Journey) -> None:
        """A stage begins."""
        if journey.leg is Leg.RENDER:
            self._add(self._to.in_flight, 1)

    def leg_ended(self, journey: Journey, until: float, error: str | None) -> None:
        """A stage is over; of one that the run's end cut short nobody knows how long it takes."""
        if journey.leg is Leg.RENDER:
            self._add(self._to.in_flight, -1)
            if journey.submitted is not None and not error and not journey.unfinished:
                self._to.render.record(max(0.0, until - journey.submitted), self._batch)
        elif not journey.unfinished:
            attributes = {
                **self._batch,
                "batchsync.stage": str(journey.leg),
                **dict(_failed(error)),
            }
            self._to.stage.record(until - journey.since, attributes)

    def ended(self, journey: Journey, at: float, error: str | None) -> None:
        """The run has done with a job."""
        if journey.unfinished:
            return
        state = ("batchsync.job.state", str(journey.state))
        self._add(self._to.jobs, 1, state, *_failed(error))

    def close(self, event: RunEnded) -> None:
        """The run is over."""
        self._report(event.at)
        attributes: dict[str, str | int] = {**self._batch, "batchsync.exit.code": event.code}
        self._to.run.record(max(0.0, event.at - self._began), attributes)

    def _credits(self, event: JobMoved) -> None:
        held, charged = event.credits_estimated or 0, event.credits_charged
        if event.target is JobState.SUBMITTED:
            self._add(self._to.estimated, held)
        if charged is not None:
            self._add(self._to.charged, charged)
            self._add(self._to.refunded, max(0, held - charged))

    def _add(self, counter: Counter | UpDownCounter, amount: int, *labels: tuple[str, str]) -> None:
        self._sums[counter, labels] += amount

    def _tick(self, now: float) -> None:
        if now - self._summed >= _SUM_SECONDS:
            self._report(now)

    def _report(self, now: float) -> None:
        self._summed = now
        for (counter, labels), amount in self._sums.items():
            counter.add(amount, {**self._batch, **dict(labels)})
        self._sums.clear()


def _failed(error: str | None) -> _Labels:
    return (("error.type", error),) if error else ()
