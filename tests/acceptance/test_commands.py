"""The commands around `run`, tried as users give them."""

import csv
import io
import json

import pytest

from tests.support.cli import Cli, run_cli

_COMMANDS = (
    *("run", "plan", "validate", "status", "results", "retry", "fetch", "resolve", "init"),
    *("spend", "config", "schema", "doctor", "sandbox", "report", "review"),
)


@pytest.mark.parametrize("command", ["", *_COMMANDS])
def test_help_is_shown(tmp_path, command):
    ended = run_cli(*command.split(), "--help", cwd=tmp_path, key=None)
    assert ended.code == 0
    assert "Usage: batchsync" in ended.out
    assert ended.err == ""


def test_validate_and_plan_send_nothing_that_matters_and_write_nothing(batch, cli, against):
    server = against()
    batch.write_pairs(3)
    files = batch.snapshot()
    ended = cli("validate", "batch.yaml")
    assert (ended.code, ended.out) == (0, "batch.yaml: 3 jobs, no problem found\n")
    ended = cli("plan", "batch.yaml", "--offline")
    assert ended.code == 0
    assert server.requests.total() == 0
    assert "180" in ended.out
    ended = cli("plan", "batch.yaml", "--json")
    assert ended.code == 0
    assert ended.json
    ended = cli("run", "batch.yaml", "--dry-run")
    assert ended.code == 0
    assert set(server.requests) == {"account"}
    assert cli("plan", "batch.yaml", "--offline", "--max-credits", "100").code == 5
    assert batch.snapshot() == files


def test_status_and_results_tell_what_the_ledger_holds(batch, cli, against):
    server = against(fates={"ann-en": "error:no_source_face"})
    batch.write([job | {"tags": {"lang": job["id"][-2:]}} for job in batch.pairs(3)])
    ended = cli("status", "batch.yaml", "--json")
    assert (ended.code, [job["state"] for job in ended.json["jobs"]]) == (0, ["pending"] * 3)
    assert cli("run", "batch.yaml").code == 3
    asked, files = server.requests.total(), batch.snapshot()
    ended = cli("status", "batch.yaml")
    assert ended.code == 0
    assert "2 done · 1 failed" in ended.out
    ended = cli("status", "batch.yaml", "--json")
    assert ended.code == 0
    assert ended.json["running"] is False
    assert [job["state"] for job in ended.json["jobs"]] == ["done", "failed", "done"]
    written = {
        form: cli("results", "batch.yaml", "--format", form, "-o", "-")
        for form in ("csv", "json", "jsonl")
    }
    assert [ended.code for ended in written.values()] == [0, 0, 0]
    tables = {
        "csv": list(csv.DictReader(io.StringIO(written["csv"].out))),
        "json": written["json"].json,
        "jsonl": [json.loads(line) for line in written["jsonl"].out.splitlines()],
    }
    for table in tables.values():
        assert [row["job"] for row in table] == ["ann-de", "ann-en", "ann-es"]
        assert [str(row["credits_charged"]) for row in table] == ["50", "0", "50"]
        assert [row["lang"] for row in table] == ["de", "en", "es"]
    assert tables["json"] == tables["jsonl"]
    # As written, the table's outputs are found from where the command was given.
    assert (batch.folder / tables["csv"][0]["output"]).exists()
    assert (server.requests.total(), batch.snapshot()) == (asked, files)
    whole = batch.results.read_bytes()
    batch.results.unlink()
    assert cli("results", "batch.yaml").code == 0
    assert batch.results.read_bytes() == whole


def test_doctor_says_what_is_wrong_in_words(tmp_path, against, cli):
    against()
    ended = cli("doctor")
    assert ended.code == 0
    assert "BAD" not in ended.out
    cli.key = "a-key-that-nobody-knows"
    ended = cli("doctor")
    assert ended.code == 4
    assert "BAD  account" in ended.out
    dead = Cli(tmp_path, "http://127.0.0.1:9")
    ended = dead("doctor")
    assert "BAD  account" in ended.out
    assert ended.code not in (0, 1, 3)
    assert "Traceback" not in ended.said
    ended = Cli(tmp_path, None, None)("doctor")
    assert ended.code == 4
    assert "MAGIC_HOUR_API_KEY" in ended.out
