"""When telemetry is on, and what stands in its way."""

import logging
import subprocess
import sys
import threading
import time

import pytest
from opentelemetry import metrics, trace

from batchsync.errors import UsageError
from batchsync.telemetry import instrument
from batchsync.telemetry.complaints import Complaints
from batchsync.telemetry.environment import Wish, wish
from batchsync.telemetry.providers import Providers, chosen

HTTP, GRPC = "otlp_proto_http", "otlp_proto_grpc"
ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}


@pytest.mark.parametrize(
    ("environ", "wished"),
    [
        ({}, Wish()),
        ({"OTEL_SERVICE_NAME": "x", "OTEL_RESOURCE_ATTRIBUTES": "a=b"}, Wish()),
        (ENDPOINT, Wish((HTTP,), (HTTP,))),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, Wish()),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, Wish((HTTP,), ())),
        ({**ENDPOINT, "OTEL_METRICS_EXPORTER": "none"}, Wish((HTTP,), ())),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, Wish()),
        ({**ENDPOINT, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, Wish((GRPC,), (GRPC,))),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, Wish(("console", HTTP), ())),
    ],
)
def test_the_standard_variables_say_what_is_exported(environ, wished):
    assert wish(environ) == wished
    assert bool(wish(environ)) is (wished != Wish())


def test_telemetry_that_is_off_loads_nothing_of_it():
    code = (
        "import sys, batchsync.cli.app, batchsync.cli.running, batchsync.telemetry as t; "
        "from batchsync.cli.monitoring import Monitor; Monitor(None, None); "
        "sys.exit(any('opentelemetry' in name for name in sys.modules))"
    )
    clean = {"PATH": "/usr/bin:/bin", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
    assert subprocess.run([sys.executable, "-c", code], env=clean, check=False).returncode == 0


def test_without_the_extra_a_program_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "batchsync.telemetry.observer", None)
    with pytest.raises(UsageError, match=r"pip install 'batchsync\[otel\]'"):
        instrument()


def test_nothing_is_made_where_nothing_is_asked_for_and_no_global_is_set(monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    providers = chosen()
    assert providers.closers == []
    assert providers.traces is trace.get_tracer_provider()
    assert providers.metrics is metrics.get_meter_provider()


def test_the_programs_own_providers_are_used(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    mine, meters = trace.NoOpTracerProvider(), metrics.NoOpMeterProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: mine)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    providers = chosen()
    assert (providers.traces, providers.metrics, providers.closers) == (mine, meters, [])


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "no exporter 'zipkin' is installed"),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_BSP_MAX_QUEUE_SIZE": "-1"}, "can't be done"),
    ],
)
def test_an_exporter_that_cannot_be_made_is_a_warning(monkeypatch, variables, complaint):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    providers = chosen(complain=said.append, at_exit=False)
    providers.close()
    (line,) = said
    assert complaint in line


def test_a_collector_that_hangs_is_not_waited_for():
    gate, ended = threading.Event(), threading.Event()
    providers = Providers(
        trace.NoOpTracerProvider(), metrics.NoOpMeterProvider(), [gate.wait, ended.set]
    )
    begin = time.monotonic()
    providers.close(0.05)
    assert ended.wait(5)
    assert time.monotonic() - begin < 5
    gate.set()


def test_a_collector_that_complains_all_night_is_one_warning_without_its_password():
    said: list[str] = []
    with Complaints(said.append):
        log = logging.getLogger("opentelemetry.exporter")
        for _ in range(3):
            log.error("no answer from http://me:hush@host/v1/traces?key=hush")
    assert said == ["telemetry: no answer from http://host/v1/traces"]
    assert logging.getLogger("opentelemetry").propagate
