"""What the standard OTEL_* variables ask for; loads nothing of OpenTelemetry."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

# The names under which exporters announce themselves to `importlib.metadata`.
_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Exporters by their entry points' names; none of either kind means telemetry is off."""

    traces: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.traces or self.metrics)


def wish(environ: Mapping[str, str] | None = None) -> Wish:
    """What is asked for.

    A signal is on where its exporter or an OTLP endpoint is named. The specification would send it
    to localhost otherwise, but a batch that nobody wants to trace is to be left alone.
    """
    environ = os.environ if environ is None else environ
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Wish()
    return Wish(_exporters(environ, "TRACES"), _exporters(environ, "METRICS"))


def _exporters(environ: Mapping[str, str], signal: str) -> tuple[str, ...]:
    named = environ.get(f"OTEL_{signal}_EXPORTER", "")
    names = [name.strip() for name in named.split(",") if name.strip()]
    if not names:
        endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        names = ["otlp"] if any(environ.get(name, "").strip() for name in endpoints) else []
    if "none" in names:
        return ()
    return tuple(_protocol(environ, signal) if name == "otlp" else name for name in names)


def _protocol(environ: Mapping[str, str], signal: str) -> str:
    variables = (f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    said = [value for name in variables if (value := environ.get(name, "").strip())]
    protocol = said[0] if said else "http/protobuf"
    return _OTLP.get(protocol, f"otlp over {protocol}")
