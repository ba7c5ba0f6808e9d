"""What machines see of a run: OpenTelemetry traces and metrics, and a text file for Prometheus.

OpenTelemetry is loaded only where it is asked for: by `instrument` in a program, by the standard
OTEL_* variables for the command line.
"""

from typing import TYPE_CHECKING

from batchsync.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

    from batchsync.telemetry.observer import Telemetry

__all__ = ["INSTALL", "instrument"]

INSTALL = "pip install 'batchsync[otel]'"


def instrument(
    *,
    batch: str | None = None,
    tracer_provider: "TracerProvider | None" = None,
    meter_provider: "MeterProvider | None" = None,
) -> "Telemetry":
    """An observer that makes spans and metrics of a run's events.

        with instrument() as telemetry:
            Batch.load("batch.yaml").run(on_event=telemetry)

    Leaving the block ends what is open, also where the run was interrupted. One observer serves
    one run at a time, and as many as you like one after the other.

    Args:
        batch: the name that spans and metrics carry, where the events do not tell it.
        tracer_provider: makes the spans; default is the program's global one, if it has set one,
            else one of our own as the OTEL_* variables say, else none.
        meter_provider: makes the metrics; default likewise. Global providers are never set here.

    Raises:
        UsageError: OpenTelemetry is not installed.
    """
    try:
        from batchsync.telemetry.observer import Telemetry  # noqa: PLC0415
        from batchsync.telemetry.providers import chosen  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"telemetry needs OpenTelemetry: {INSTALL}") from error
    return Telemetry(chosen(tracer_provider, meter_provider), batch)
