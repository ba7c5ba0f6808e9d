"""The file that node_exporter's textfile collector reads."""

from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from batchsync.errors import ExitCode
from batchsync.report.summary import Bytes, Credits, JobCounts, Summary
from batchsync.telemetry.textfile import record, record_mishap

SUMMARY = Summary(
    batch="spring",
    run_id="r",
    exit=ExitCode.OK,
    jobs=JobCounts(9, 3, 2, 1, 1, 1, 1, 0),
    credits=Credits(300, 250, 50, 900),
    bytes=Bytes(10, 5, 20),
    requests={"create": 4, "status": 12},
    elapsed_seconds=61.5,
    results="results.csv",
    failures=(),
    next=None,
)


def samples(path: Path) -> dict[str, float]:
    """Every sample by its name and the values of its labels but the batch's."""
    return {
        " ".join(
            [sample.name, *(v for k, v in sample.labels.items() if k != "batch")]
        ): sample.value
        for family in text_string_to_metric_families(path.read_text("utf-8"))
        for sample in family.samples
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics" / "batchsync.prom"


def test_a_run_is_told_whole(path: Path) -> None:
    record(path, SUMMARY, 1000.5)

    assert samples(path) == {
        "batchsync_build_info 0.1.0": 1,
        "batchsync_last_run_timestamp_seconds": 1000.5,
        "batchsync_last_success_timestamp_seconds": 1000.5,
        "batchsync_last_run_exit_code": 0,
        "batchsync_last_run_duration_seconds": 61.5,
        "batchsync_jobs done": 5,
        "batchsync_jobs failed": 1,
        "batchsync_jobs canceled": 1,
        "batchsync_jobs unconfirmed": 1,
        "batchsync_jobs pending": 1,
        "batchsync_jobs in_flight": 0,
        "batchsync_credits_estimated": 300,
        "batchsync_credits_charged": 250,
        "batchsync_credits_refunded": 50,
        "batchsync_credits_balance": 900,
        "batchsync_runs_total 0": 1,
        "batchsync_requests_total create": 4,
        "batchsync_requests_total status": 12,
        "batchsync_transferred_bytes_total up": 10,
        "batchsync_transferred_bytes_total down": 20,
        "batchsync_upload_saved_bytes_total": 5,
    }
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_every_family_has_its_help_and_type(path: Path) -> None:
    record(path, SUMMARY, 1000)

    for family in text_string_to_metric_families(path.read_text("utf-8")):
        assert family.documentation
        counts = any(sample.name.endswith("_total") for sample in family.samples)
        assert family.type == ("counter" if counts else "gauge")


def test_counters_go_on_and_gauges_are_replaced(path: Path) -> None:
    record(path, SUMMARY, 1000)
    record(path, replace(SUMMARY, exit=ExitCode.SOME_FAILED, jobs=JobCounts(1, *[0] * 7)), 2000)
    found = samples(path)

    assert found["batchsync_requests_total status"] == 24
    assert found["batchsync_jobs done"] == 0
    assert (found["batchsync_runs_total 0"], found["batchsync_runs_total 3"]) == (1, 1)
    assert found["batchsync_last_run_exit_code"] == 3
    assert found["batchsync_last_run_timestamp_seconds"] == 2000
    assert found["batchsync_last_success_timestamp_seconds"] == 1000


def test_a_run_that_ended_by_an_error_leaves_how_the_batch_stands(path: Path) -> None:
    record(path, SUMMARY, 1000)
    record_mishap(path, None, 2, 2000, 0.1)
    found = samples(path)

    assert found["batchsync_jobs done"] == 5
    assert (found["batchsync_last_run_exit_code"], found["batchsync_runs_total 2"]) == (2, 1)
    assert found["batchsync_last_success_timestamp_seconds"] == 1000
    assert 'batch="spring"' in path.read_text() and "spring" in path.read_text()


def test_a_batch_that_never_succeeded_says_so(path: Path) -> None:
    record_mishap(path, None, 2, 2000, 0.1)

    assert samples(path)["batchsync_last_success_timestamp_seconds"] == 0
    assert 'batch="batchsync"' in path.read_text()


def test_nothing_to_do_is_a_success(path: Path) -> None:
    record(path, replace(SUMMARY, exit=ExitCode.NOTHING_TO_DO), 3000)

    assert samples(path)["batchsync_last_success_timestamp_seconds"] == 3000


@pytest.mark.parametrize("name", ['a"b', "a\\n", "a\nb", 'ü, {x="1"} 5', "a\u2028b", ""])
def test_any_name_comes_through(path: Path, name: str) -> None:
    for now in (1000, 2000):
        record(path, replace(SUMMARY, batch=name), now)
    record_mishap(path, None, 1, 3000, 0.1)
    families = list(text_string_to_metric_families(path.read_text("utf-8")))

    assert {sample.labels["batch"] for family in families for sample in family.samples} == {name}
    assert samples(path)["batchsync_runs_total 0"] == 2


@pytest.mark.parametrize(
    "before",
    [b"", b"\xff\xfe", b"nonsense\n", b'batchsync_runs_total{batch="spring",exit_code="0"} many\n'],
)
def test_a_file_that_is_none_of_ours_is_replaced(path: Path, before: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(before)
    record(path, SUMMARY, 1000)

    assert samples(path)["batchsync_runs_total 0"] == 1


def test_another_batchs_figures_are_not_carried_on(path: Path) -> None:
    record(path, replace(SUMMARY, batch="autumn"), 1000)
    record(path, SUMMARY, 2000)

    assert "autumn" not in path.read_text()


def test_a_place_that_takes_no_file_is_an_error_that_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="it is no file"):
        record(tmp_path, SUMMARY, 1000)

    assert list(tmp_path.iterdir()) == []
