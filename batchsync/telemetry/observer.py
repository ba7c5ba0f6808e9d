"""Events of a run -> spans and metrics."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from batchsync import __version__
from batchsync.ended import ended_by
from batchsync.errors import ExitCode
from batchsync.events import CallRetried, Event, RunBegan, RunEnded
from batchsync.telemetry.journeys import Journeys
from batchsync.telemetry.meters import Instruments, Meters
from batchsync.telemetry.providers import Providers
from batchsync.telemetry.spans import Spans

_SCOPE = "batchsync"


class _Run:
    """What is known of the run that goes on."""

    def __init__(self, telemetry: "Telemetry", began: RunBegan) -> None:
        self.spans = Spans(telemetry.tracer, began)
        self.meters = Meters(telemetry.instruments, began)
        self.now = telemetry.now
        self.journeys = Journeys(self.meters, self.spans, goal=began.goal, now=self.now)

    def take(self, event: Event) -> None:
        now = self.now()
        self.meters(event, now)
        if isinstance(event, CallRetried):
            self.spans.retried(event, self.journeys.get(event.job or ""), now)
        else:
            self.journeys(event)

    def close(self, event: RunEnded) -> None:
        self.journeys.close(event.at)
        self.meters.close(event)
        self.spans.close(event)


class Telemetry:
    """An observer (see `batchsync.telemetry.instrument`); a context manager that ends its spans."""

    def __init__(
        self,
        providers: Providers,
        batch: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._providers = providers
        self._batch = batch
        self.now = now
        self.tracer = providers.traces.get_tracer(_SCOPE, __version__)
        self.instruments = Instruments(providers.metrics.get_meter(_SCOPE, __version__))
        self._run: _Run | None = None

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if isinstance(event, RunBegan):
            self._end(RunEnded(event.at, ExitCode.INTERRUPTED))
            self._run = _Run(self, event)
        elif isinstance(event, RunEnded):
            self._end(event)
        else:
            self._going_on().take(event)

    def requested(self, endpoint: str, outcome: str, error: str | None = None) -> None:
        """A request has ended; `outcome` is ok, error or interrupted, `error` its code."""
        self._going_on().meters.requested(endpoint, outcome, error, self.now())

    def close(self, error: BaseException | None = None) -> None:
        """End what is open; providers that were made for this observer are closed, too."""
        if error is None:
            self._end(RunEnded(self.now(), ExitCode.OK))
        else:
            self._end(ended_by(error))
        self._providers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(error)

    def _going_on(self) -> _Run:
        if self._run is None:
            # Whoever sends the events does not say when a run begins.
            self._run = _Run(self, RunBegan(self._batch or "", "", self.now()))
        return self._run

    def _end(self, event: RunEnded) -> None:
        run, self._run = self._run, None
        if run is not None:
            run.close(event)
