"""`batchsync report`, the command."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from batchsync.cli.app import app
from batchsync.errors import OutputUnwritable, UsageError
from batchsync.report.html import page
from tests.support.told import Told, tell

KEY = "mhk_live_0123456789"


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three jobs, all done, whose outputs are gone."""
    return tell(tmp_path, Told(3, failed=0))


def _report(*words: object) -> Result:
    return CliRunner().invoke(app, ["report", *map(str, words)], env={"MAGIC_HOUR_API_KEY": KEY})


def test_the_page_lies_beside_the_results_table_and_the_key_is_not_in_it(manifest: Path) -> None:
    ended = _report(manifest)
    place = manifest.parent / "outputs" / "batch" / "report.html"

    assert ended.exit_code == 0, ended.output
    assert f"3 jobs in {place}" in ended.stderr
    assert f"3 outputs are missing; to get them again, free: batchsync fetch {manifest}" in (
        ended.stderr
    )
    assert KEY.encode() not in place.read_bytes()
    assert [path.name for path in place.parent.iterdir()] == ["report.html"]


def test_a_dash_is_stdout(manifest: Path) -> None:
    ended = _report(manifest, "-o", "-")

    assert ended.stdout.startswith("<!doctype html>")
    assert not (manifest.parent / "outputs").exists()


def test_the_commands_in_the_page_find_the_same_ledger(manifest: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    (tmp_path / ".batchsync" / "batch.db").rename(elsewhere)
    out = tmp_path / "r.html"
    _report(manifest, "-o", out, "--state", elsewhere)

    assert f"batchsync fetch {manifest} --state {elsewhere}" in out.read_text()


def test_a_folder_that_can_not_be_written_leaves_the_old_page(manifest: Path) -> None:
    ended = _report(manifest, "-o", manifest.parent)

    assert isinstance(ended.exception, OutputUnwritable)
    assert manifest.parent.is_dir()


@pytest.mark.parametrize("library", ["plotly", "jinja2"])
def test_a_missing_library_is_named_with_the_way_to_get_it(
    manifest: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    page._charting_library.cache_clear()
    page._environment.cache_clear()
    ended = _report(manifest, "-o", manifest.with_suffix(".html"))

    assert isinstance(ended.exception, UsageError)
    assert "pip install 'batchsync[report]'" in str(ended.exception)
    assert not manifest.with_suffix(".html").exists()
