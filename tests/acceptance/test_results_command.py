"""`batchsync results`: every form, parts and summaries, and ledgers in every condition."""

import csv
import io
import json
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest

from batchsync.cli import main
from batchsync.ledger.file import open_for_writing
from batchsync.model import JobState
from batchsync.report import formats
from batchsync.report.table import COLUMNS
from tests.support.cli import Ended, run_cli, until
from tests.support.dated import run_through, write_batch

_S = JobState
JOBS = [
    {"id": "welcome-es", "tags": {"lang": "es", "show": "welcome"}},
    {"id": "welcome-fr", "tags": {"lang": "fr", "show": "welcome"}},
    {"id": "intro-es", "tags": {"lang": "es", "show": "intro"}},
    {"id": "intro-fr", "tags": {"lang": "fr", "show": "intro"}},
]
STATES = {"welcome-es": _S.DONE, "welcome-fr": _S.DONE, "intro-es": _S.FAILED}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A batch of four jobs: two done, one failed, one pending. Commands are given in it."""
    monkeypatch.chdir(tmp_path)
    run_through(write_batch(tmp_path, JOBS), STATES)
    return tmp_path


@pytest.fixture
def results(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Ended]:
    """`batchsync results batch.yaml …`, in this process."""

    def results(*arguments: object) -> Ended:
        words = ["batchsync", "results", "batch.yaml", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return Ended(int(end.value.code or 0), out, err, 0.0)

    return results


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_suffix_of_the_file_gives_its_form(folder, results):
    for name in ("t.csv", "t.json", "t.jsonl", "deep/t.parquet", "t.XLSX"):
        ended = results("-o", name)
        assert (ended.code, ended.out, ended.err) == (0, "", f"4 rows in {name}\n")
    read = pq.read_table(folder / "deep/t.parquet").to_pylist()
    whole = json.loads((folder / "t.json").read_bytes())
    assert [row["job"] for row in read] == [job["id"] for job in JOBS]
    assert [row["credits_charged"] for row in read] == [250, 250, 0, 0]
    assert [row["credits_charged"] for row in whole] == [250, 250, 0, 0]
    # Relative to the table's own folder, as DESIGN says.
    assert read[0]["output"] == "../outputs/batch/welcome-es.mp4"
    assert whole[0]["output"] == "outputs/batch/welcome-es.mp4"
    [sheet] = openpyxl.load_workbook(folder / "t.XLSX").worksheets
    assert (sheet.title, sheet.max_row, sheet["A5"].value) == ("batch", 5, "intro-fr")


def test_a_form_that_is_named_wins_over_the_suffix(folder, results):
    assert results("-o", "t.txt", "--format", "csv").code == 0
    assert rows((folder / "t.txt").read_text())[0]["job"] == "welcome-es"


def test_without_anything_the_batchs_own_table_is_written_again(folder, results):
    ended = results()
    table = folder / "outputs/batch/results.csv"
    assert ended.code == 0
    assert table.read_text().split("\n")[0] == ",".join([*COLUMNS, "lang", "show"])
    assert results("--format", "parquet").code == 0
    assert pq.read_table(table.with_suffix(".parquet")).num_rows == 4


def test_the_batchs_own_table_keeps_the_name_it_was_given(folder, results):
    assert results("--results", "tables/spring.txt").code == 0
    assert rows((folder / "tables/spring.txt").read_text())[0]["job"] == "welcome-es"


def test_a_part_goes_to_stdout_and_leaves_the_whole_table_alone(folder, results):
    results()
    before = files(folder)
    ended = results("--status", "failed,pending", "--columns", "job,error_code,lang")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "job,error_code,lang",
        "intro-es,no_source_face,es",
        "intro-fr,,fr",
    ]
    named = results("--status", "unconfirmed", "--format", "json")
    assert (named.code, named.json) == (0, [])
    assert files(folder) == before


def test_jobs_and_credits_are_counted_by_tags(folder, results):
    assert results("--by", "lang").out.splitlines() == [
        "lang   jobs  pending  done  failed  credits estimated  credits charged",
        "es        2        0     1       1                600              250",
        "fr        2        1     1       0                600              250",
        "total     4        1     2       1              1,200              500",
    ]
    by_two = results("--by", "show", "--by", "lang", "--status", "done", "--format", "jsonl")
    assert [json.loads(line) for line in by_two.out.splitlines()] == [
        {
            "show": "welcome", "lang": lang, "jobs": 1, "pending": 0, "in_flight": 0, "done": 1,
            "failed": 0, "canceled": 0, "unconfirmed": 0,
            "credits_estimated": 300, "credits_charged": 250,
        }
        for lang in ("es", "fr")
    ]  # fmt: skip
    assert results("--by", "error_code", "-o", "why.csv").code == 0
    assert [row["error_code"] for row in rows((folder / "why.csv").read_text())] == [
        "",
        "no_source_face",
    ]
    assert results("--by", "lang", "--status", "canceled").out == "no jobs\n"


MISTAKES = {
    ("--columns", "credit_charged"): "--columns credit_charged: did you mean credits_charged?",
    ("--status", "faild"): "--status faild: did you mean failed?",
    ("--by", "lnag"): "--by lnag: did you mean lang?",
    ("--by", "lang", "--columns", "job"): "say one of --by and --columns",
    ("-o", "t.ods"): "end it in .csv, .json, .jsonl, .parquet, .xlsx, or say --format",
    ("-o", "t"): "can't tell the form of a table from the name 't'",
    ("-o", "batch.yaml", "--format", "csv"): "-o batch.yaml is the manifest",
    ("-o", ".batchsync/batch.db", "--format", "csv"): "is the ledger",
    ("--status", "done", "--format", "xlsx"): "name a file with -o",
    ("--by", "lang", "--format", "parquet"): "name a file with -o",
    ("--format", "ods"): "is not one of",
}


@pytest.mark.parametrize("arguments", MISTAKES, ids=" ".join)
def test_a_mistake_is_told_and_nothing_is_written(folder, results, arguments):
    before = files(folder)
    ended = results(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert MISTAKES[arguments] in ended.err
    assert files(folder) == before


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_left_as_it_is(folder, results, make):
    make(folder / "t.csv")
    ended = results("-o", "t.csv")
    assert (ended.code, ended.err) == (3, "batchsync: can't write t.csv: it is no file\n")
    assert not (folder / "t.csv").is_file()


def test_a_library_that_is_missing_costs_the_old_table_nothing(folder, results, monkeypatch):
    (folder / "t.xlsx").write_bytes(b"old")
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    ended = results("-o", "t.xlsx")
    assert ended.code == 2
    assert "pip install 'batchsync[xlsx]'" in ended.err
    assert (folder / "t.xlsx").read_bytes() == b"old"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(sys.stdout), "isatty", lambda _: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.usefixtures("terminal")
def test_a_terminal_gets_a_table_and_no_bytes_to_choke_on(results):
    assert "\x1b[1mcredits charged" in results("--by", "lang").out.replace("\n", " ")
    assert "name a file with -o" in results("--format", "parquet", "-o", "-").err


def test_a_pipe_gets_the_bytes_of_any_form(folder):
    for form in ("parquet", "xlsx"):
        ended = _piped(folder, "--format", form, "-o", "-")
        assert ended[:4] == {"parquet": b"PAR1", "xlsx": b"PK\x03\x04"}[form]


def _piped(folder: Path, *arguments: str) -> bytes:
    import subprocess

    from tests.support.cli import SCRIPT, environment

    words = [str(SCRIPT), "results", "batch.yaml", *arguments]
    done = subprocess.run(
        words, cwd=folder, env=environment(None, None), capture_output=True, check=True
    )
    assert done.stderr == b""
    return done.stdout


# Line breaks and control characters are refused by the manifest.
ODD = ['say "no"', "it's", "👩‍👩‍👧", "שלום עולם", "=1+1", "a,b;c", "NULL", "é"]


def test_names_of_any_kind_arrive_whatever_the_consoles_encoding(tmp_path):
    jobs = [
        {"id": f"j{number}", "name": name, "tags": {"lang": name}}
        for number, name in enumerate(ODD)
    ]
    write_batch(tmp_path, jobs)
    run = partial(run_cli, "results", "batch.yaml", cwd=tmp_path, PYTHONIOENCODING="ascii")
    found = rows(run("-o", "-").out)
    assert [row["name"].removeprefix("'") for row in found] == ODD
    assert [row["lang"] for row in found] == [row["name"] for row in found]
    counted = run("--by", "lang")
    assert (counted.code, len(counted.out.splitlines())) == (0, len(ODD) + 2)
    assert all(name in counted.out for name in ODD)


def test_a_run_that_goes_on_is_shown_as_far_as_it_is(batch, cli, long_renders):
    run = cli.start("run", "batch.yaml")
    until(lambda: long_renders.requests["create"] == 4 or not run.alive)
    assert run.alive, run.err
    until(lambda: set(batch.states().values()) == {"submitted"})
    ended = cli("results", "batch.yaml", "--by", "status", "--format", "csv")
    assert ended.out.splitlines()[1].split(",")[:4] == ["submitted", "4", "0", "4"]
    assert cli("results", "batch.yaml", "-o", "now.parquet").code == 0
    read = pq.read_table(batch.folder / "now.parquet").to_pylist()
    assert all(row["submitted_at"] and row["project_id"] for row in read)
    assert all(row["rendered_at"] is None and row["output"] is None for row in read)
    assert run.alive
    assert set(batch.states().values()) == {"submitted"}


def _gone(path: Path) -> None:
    path.unlink()


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _blank(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize("spoil", [_gone, _empty, _blank])
def test_without_a_ledger_every_job_is_pending(folder, results, spoil):
    spoil(folder / ".batchsync/batch.db")
    ended = results("--columns", "status,credits_estimated,credits_charged")
    assert ended.out.splitlines()[1:] == ["pending,300,0"] * 4


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _foreign(path: Path) -> None:
    path.write_bytes(b"Dear diary, today I bought a render.\n" * 200)


@pytest.mark.parametrize(("spoil", "words"), [(_newer, "a newer batchsync"), (_foreign, "is no")])
def test_a_ledger_that_cant_be_read_leaves_the_old_table(folder, results, spoil, words):
    results("-o", "t.parquet")
    old = (folder / "t.parquet").read_bytes()
    spoil(folder / ".batchsync/batch.db")
    ended = results("-o", "t.parquet")
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert (folder / "t.parquet").read_bytes() == old


@pytest.fixture
def locked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Another program has the ledger to itself."""
    path = folder / ".batchsync/batch.db"
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        connect = sqlite3.connect
        # Nobody needs to wait for what will not come.
        monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **k | {"timeout": 0}))
        yield


@pytest.mark.usefixtures("locked")
def test_a_ledger_that_another_program_keeps_locked_is_named(results):
    ended = results("-o", "t.csv")
    assert (ended.code, ended.out) == (2, "")
    assert "another program keeps the ledger" in ended.err
    assert "damaged" not in ended.err
    assert "batch.db" in ended.err
    assert not Path("t.csv").exists()


def test_a_manifest_without_jobs_is_refused_as_ever(folder, results):
    (folder / "batch.yaml").write_text("version: 1\njobs: []\n")
    ended = results("-o", "t.xlsx")
    assert ended.code == 2
    assert "no jobs" in ended.err
    assert not (folder / "t.xlsx").exists()
