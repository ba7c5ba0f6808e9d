"""One process a batch, and no lock that a dead one leaves behind."""

import signal
import socket
import sqlite3

from tests.support.cli import until


def _finish(server):
    server.rules.render_seconds = 0
    for project in list(server.projects.values()):
        project.seconds = 0


def test_a_second_run_is_refused_by_name_and_one_that_waits_succeeds(batch, cli, long_renders):
    first = cli.start("run", "batch.yaml")
    until(lambda: len(long_renders.projects) == 4)
    asked = long_renders.requests["create"]
    for arguments in (
        ["run", "batch.yaml"],
        ["retry", "batch.yaml", "ann-de"],
        ["resolve", "batch.yaml", "--all", "--resubmit", "--yes"],
    ):
        ended = cli(*arguments)
        assert ended.code == 11
        assert f"pid {first.pid}" in ended.err
        assert socket.gethostname() in ended.err
        assert "--lock-wait" in ended.err or arguments[0] != "run"
    ended = cli("run", "batch.yaml", "--lock-wait", "0.5")
    assert ended.code == 11
    ended = cli("status", "batch.yaml", "--json")
    assert (ended.code, ended.json["running"]) == (0, True)
    waiting = cli.start("run", "batch.yaml", "--lock-wait", "60", "--json")
    _finish(long_renders)
    assert first.end().code == 0
    ended = waiting.end()
    assert (ended.code, ended.json["jobs"]["skipped"]) == (0, 4)
    assert long_renders.requests["create"] == asked == 4


def test_kill_9_leaves_no_lock_behind(batch, cli, long_renders):
    run = cli.start("run", "batch.yaml")
    until(lambda: _submitted(batch) == 4)
    run.send(signal.SIGKILL).end()
    assert batch.ledger.with_name("batch.db.lock").exists()
    _finish(long_renders)
    ended = cli("run", "batch.yaml", "--json")
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 4)
    assert long_renders.requests["create"] == 4


def _submitted(batch):
    try:
        return list(batch.states().values()).count("submitted")
    except sqlite3.OperationalError:
        return 0  # the ledger is not there yet


def test_two_runs_started_together_buy_nothing_twice(batch, cli, against):
    server = against(render_seconds=0.3)
    batch.write_pairs(8)
    runs = [cli.start("run", "batch.yaml") for _ in range(3)]
    codes = sorted(run.end().code for run in runs)
    assert codes[0] == 0
    assert set(codes) <= {0, 11}
    assert server.requests["create"] == 8
    assert server.duplicates() == {}


def test_the_ledger_of_another_manifest_is_refused(batch, cli, against):
    server = against()
    batch.write_pairs(2)
    assert cli("run", "batch.yaml").code == 0
    other = batch.folder / "other.yaml"
    other.write_text(batch.manifest.read_text() + "name: batch\n")
    asked, before = server.requests.total(), batch.ledger.read_bytes()
    for command in ("run", "plan"):
        ended = cli(command, "other.yaml")
        assert ended.code == 2
        assert "batch.yaml" in ended.err
    assert (server.requests.total(), batch.ledger.read_bytes()) == (asked, before)
