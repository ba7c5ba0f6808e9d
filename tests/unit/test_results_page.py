"""docs/results.md: what it shows is what happens."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from batchsync.cli import main
from batchsync.model import JobState
from batchsync.report.table import KINDS, Kind
from tests.support.dated import run_through, write_batch

PAGE = Path(__file__).parents[2] / "docs" / "results.md"
_BLOCK = re.MULTILINE | re.DOTALL
STATES = {"intro-es": JobState.FAILED, "outro-fr": JobState.PENDING}


@pytest.fixture
def spring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch of the page, in the working directory."""
    pairs = [(show, lang) for show in ("welcome", "intro", "outro") for lang in ("es", "fr")]
    jobs = [{"id": f"{show}-{lang}", "tags": {"lang": lang, "show": show}} for show, lang in pairs]
    manifest = write_batch(tmp_path, jobs, "spring")
    run_through(manifest, {str(job["id"]): JobState.DONE for job in jobs} | STATES)
    monkeypatch.chdir(tmp_path)


def _said(command: str, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> str:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit):
        main()
    out, err = capfd.readouterr()
    # The page names files as somebody in the folder would.
    return (out + err).replace("\r\n", "\n").replace(f"{Path.cwd()}/", "")


@pytest.mark.usefixtures("spring")
def test_every_example_of_the_page_gives_what_the_page_shows(monkeypatch, capfd) -> None:
    for text in re.findall(r"^```console\n(.*?)^```$", PAGE.read_text("utf-8"), _BLOCK):
        for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE):
            assert _said(command, monkeypatch, capfd) == shown
    # In a process of its own: pandas and DuckDB stay out of the tests'.
    words = [sys.executable, "-W", "error", "-m", "doctest", str(PAGE)]
    read = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (read.returncode, read.stdout) == (0, ""), read.stderr


def test_the_page_names_every_column_with_its_kind() -> None:
    words = {
        Kind.TEXT: "text",
        Kind.WHOLE: "integer",
        Kind.NUMBER: "float",
        Kind.TIME: "moment in UTC",
    }
    lines = re.findall(
        r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    said = {name: kind for names, kind in lines for name in re.findall(r"`(\w+)`", names)}

    assert {name: said.get(name) for name in KINDS} == {n: words[k] for n, k in KINDS.items()}


def test_the_page_shows_each_tool() -> None:
    imported = re.findall(r"^>>> import (\w+)", PAGE.read_text("utf-8"), re.MULTILINE)

    assert imported == ["pandas", "duckdb", "openpyxl"]
