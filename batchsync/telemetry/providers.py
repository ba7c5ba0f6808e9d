"""Where spans and metrics go: the program's own providers, or ours as the environment says."""

import logging
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from batchsync import __version__
from batchsync.telemetry.environment import Wish, wish

# Seconds that a collector has, at the very end, to take what is left.
CLOSING_SECONDS = 2.0

_log = logging.getLogger("batchsync")


@dataclass(slots=True)
class Providers:
    """The two providers.

    Attributes:
        closers: shut down those that are ours; each may take as long as its collector.
    """

    traces: TracerProvider
    metrics: MeterProvider
    closers: list[Callable[[], object]] = field(default_factory=list)

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Send what is left, for so many seconds at most; blocking."""
        ended = threading.Event()
        self.start_closing(ended.set)
        ended.wait(seconds)

    def start_closing(self, closed: Callable[[], object]) -> None:
        """Send what is left, and call `closed` then, from some thread."""
        closers, self.closers = self.closers, []
        left = len(closers)
        lock = threading.Lock()

        def close(closer: Callable[[], object]) -> None:
            nonlocal left
            try:
                closer()
            finally:
                with lock:
                    left -= 1
                    last = not left
                if last:
                    closed()

        if not closers:
            closed()
        for closer in closers:
            # Daemons: a collector that hangs must not keep the process.
            threading.Thread(target=close, args=(closer,), daemon=True).start()


def chosen(
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    *,
    complain: Callable[[str], object] = _log.warning,
    at_exit: bool = True,
) -> Providers:
    """Those given; else the program's; else ours, if the environment asks for them.

    Args:
        tracer_provider: to be used whatever else there is.
        meter_provider: likewise.
        complain: told of an exporter that can't be made.
        at_exit: ours are shut down when the interpreter exits, if nobody has done so before.
    """
    traces = tracer_provider or _global(trace.get_tracer_provider())
    meters = meter_provider or _global(metrics.get_meter_provider())
    wished = wish()
    closers: list[Callable[[], object]] = []
    try:
        if traces is None and wished.traces:
            traces = _traces(wished, complain, at_exit, closers)
        if meters is None and wished.metrics:
            meters = _metrics(wished, complain, at_exit, closers)
    except Exception as error:  # a variable that the SDK can't read must not stop a run
        complain(f"what the OTEL_ variables say can't be done: {error}")
    return Providers(
        traces or trace.get_tracer_provider(), meters or metrics.get_meter_provider(), closers
    )


def _global(provider: Any) -> Any:
    """A provider that somebody has set, None for the stand-in until then."""
    # The stand-in for metrics has no public name.
    return None if type(provider).__name__.lstrip("_").startswith("Proxy") else provider


def _traces(
    wished: Wish,
    complain: Callable[[str], object],
    at_exit: bool,
    closers: list[Callable[[], object]],
) -> TracerProvider | None:
    from opentelemetry.sdk.trace import TracerProvider as Made  # noqa: PLC0415 - only for ours
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    exporters = _exporters("opentelemetry_traces_exporter", wished.traces, complain)
    if not exporters:
        return None
    provider = Made(resource=_resource(), shutdown_on_exit=at_exit)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    closers.append(provider.shutdown)
    return provider


def _metrics(
    wished: Wish,
    complain: Callable[[str], object],
    at_exit: bool,
    closers: list[Callable[[], object]],
) -> MeterProvider | None:
    from opentelemetry.sdk.metrics import MeterProvider as Made  # noqa: PLC0415 - only for ours
    from opentelemetry.sdk.metrics.export import (  # noqa: PLC0415
        MetricReader,
        PeriodicExportingMetricReader,
    )

    exporters = _exporters("opentelemetry_metrics_exporter", wished.metrics, complain)
    if not exporters:
        return None
    readers = [
        each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each)
        for each in exporters
    ]
    provider = Made(readers, _resource(), shutdown_on_exit=at_exit)
    closers.append(provider.shutdown)
    return provider


def _exporters(group: str, names: tuple[str, ...], complain: Callable[[str], object]) -> list[Any]:
    made = []
    for name in names:
        found = next(iter(entry_points(group=group, name=name)), None)
        if found is None:
            complain(f"no exporter {name!r} is installed")
            continue
        try:
            # Standard output belongs to the summary.
            made.append(found.load()(**({"out": sys.stderr} if name == "console" else {})))
        except Exception as error:  # whatever is wrong with it, the run goes on without it
            complain(f"the exporter {name!r} can't be made: {type(error).__name__}")
    return made


def _resource() -> Any:
    from opentelemetry.sdk.resources import (  # noqa: PLC0415 - only for ours
        SERVICE_NAME,
        SERVICE_VERSION,
        Resource,
    )

    said = Resource.create()
    named = str(said.attributes.get(SERVICE_NAME, "unknown_service"))
    ours = {SERVICE_VERSION: said.attributes.get(SERVICE_VERSION, __version__)}
    if named.startswith("unknown_service"):
        ours[SERVICE_NAME] = "batchsync"
    return said.merge(Resource(ours))
