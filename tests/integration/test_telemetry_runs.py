"""A real run as machines see it, and collectors that are not there."""

import signal
import socket
from collections import Counter

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from batchsync.telemetry import instrument
from tests.support.cli import Cli, until


@pytest.fixture
def cli(tmp_path):
    command = Cli(tmp_path)
    yield command
    command.close()


@pytest.fixture
def nobody():
    """An address of which it is certain that nobody listens there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


async def test_retries_failures_and_endings_of_a_run_are_spans_that_have_ended(bench):
    work = bench(
        faults=("status:503=0.5",),
        fates={"ann-de": "error:NO_FACE"},
        seed=3,
        render_seconds=0.1,
    )
    work.batch.write_pairs(4)
    exporter = InMemorySpanExporter()
    traces = TracerProvider(shutdown_on_exit=False)
    traces.add_span_processor(SimpleSpanProcessor(exporter))
    metrics = MeterProvider(shutdown_on_exit=False)
    with instrument(tracer_provider=traces, meter_provider=metrics) as work.watch:
        await work.run()
    traces.shutdown()
    metrics.shutdown()

    spans = exporter.get_finished_spans()
    names = Counter(span.name.removeprefix("batchsync.") for span in spans)
    assert (names["run"], names["job"], names["render"], names["download"]) == (1, 4, 4, 3)
    jobs = {span.attributes["batchsync.job.id"]: span for span in spans if "job" in span.name}
    ids = {job.id: job for job in work.server.projects.values()}
    assert {span.attributes["batchsync.project.id"] for span in jobs.values()} == set(ids)
    failed = jobs["ann-de"]
    assert (failed.attributes["error.type"], failed.status.description) == ("NO_FACE", "NO_FACE")
    retried = [event for span in jobs.values() for event in span.events]
    assert len(retried) == work.server.struck.total() > 0


def test_a_collector_that_refuses_changes_nothing_but_one_warning(batch, serve, cli, nobody):
    batch.write_pairs(2)
    cli.base_url = serve().base_url
    ended = cli(
        "run",
        "batch.yaml",
        "--json",
        "--metrics-file",
        "m.prom",
        OTEL_EXPORTER_OTLP_ENDPOINT=nobody,
    )

    assert (ended.code, ended.json["jobs"]["done"]) == (0, 2)
    assert ended.err.count("telemetry:") == 1
    assert "Traceback" not in ended.err
    assert 'batchsync_last_run_exit_code{batch="batch"} 0' in (cli.cwd / "m.prom").read_text()


def test_a_run_that_is_called_back_tells_so(batch, serve, cli, nobody):
    server = serve(render_seconds=60)
    batch.write_pairs(1)
    cli.base_url = server.base_url
    run = cli.start(
        "run", "batch.yaml", BATCHSYNC_METRICS_FILE="m.prom", OTEL_TRACES_EXPORTER="console"
    )
    until(lambda: server.requests["status"])
    ended = run.send(signal.SIGINT).end()

    assert ended.code == 130
    assert '"name": "batchsync.run"' in ended.err
    assert '"batchsync.unfinished": true' in ended.err
    assert "batchsync.run" not in ended.out
    told = (cli.cwd / "m.prom").read_text()
    assert 'batchsync_jobs{batch="batch",state="in_flight"} 1' in told
    assert 'batchsync_last_run_exit_code{batch="batch"} 130' in told


def test_a_metrics_file_that_cannot_be_written_is_a_warning(batch, serve, cli):
    batch.write_pairs(1)
    cli.base_url = serve().base_url
    (cli.cwd / "taken").mkdir()
    ended = cli("run", "batch.yaml", "--metrics-file", "taken")

    assert ended.code == 0
    assert "can't write the metrics file" in ended.err


def test_a_manifest_that_is_wrong_reaches_the_metrics_file(batch, cli):
    batch.manifest.write_text("version: 1\njobs: [{}]\n")
    ended = cli("run", "batch.yaml", "--metrics-file", "m.prom")

    assert ended.code == 2
    assert 'batchsync_last_run_exit_code{batch="m"} 2' in (cli.cwd / "m.prom").read_text()
