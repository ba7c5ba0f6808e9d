"""Signals end a run quickly and in order; the same command goes on."""

import signal
import time
from pathlib import Path

import pytest

from tests.support.cli import until
from tests.support.media import with_free_box

# DESIGN says 5 s; the machine that runs this may be busy.
_SOON = 8


def _finish_renders(server):
    server.rules.render_seconds = 0
    for project in list(server.projects.values()):
        project.seconds = 0


def test_ctrl_c_while_rendering_writes_results_and_the_next_run_collects(batch, cli, long_renders):
    run = cli.start("run", "batch.yaml", "--json")
    until(lambda: len(long_renders.projects) == 4 and long_renders.requests["status"])
    ended = run.send(signal.SIGINT).end()
    assert (ended.code, ended.seconds < _SOON) == (130, True)
    assert ended.json["exit"] == {"code": 130, "name": "interrupted"}
    assert ended.json["jobs"]["in_flight"] == 4
    assert {row["status"] for row in batch.rows().values()} == {"submitted"}
    assert ended.json["next"] == "batchsync run batch.yaml --json"
    _finish_renders(long_renders)
    ended = cli.follow(ended.json["next"])
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 4)
    assert long_renders.requests["create"] == 4
    assert batch.wrong_outputs(long_renders) == batch.strays() == []


@pytest.mark.parametrize(
    ("hanging", "states", "after"),
    [
        ("account", {"pending"}, 0),
        ("upload", {"pending"}, 0),
        ("create", {"unconfirmed", "pending"}, 7),
        ("download", {"submitted", "rendered"}, 0),
    ],
)
def test_ctrl_c_while_the_service_does_not_answer(batch, cli, against, hanging, states, after):
    server = against(hang=(hanging,))
    batch.write_pairs(3, run={"max_in_flight": 2})
    run = cli.start("run", "batch.yaml")
    until(lambda: server.requests[hanging])
    ended = run.send(signal.SIGINT).end()
    assert (ended.code, ended.seconds < _SOON) == (130, True)
    assert {row["status"] for row in batch.rows().values()} <= states
    server.rules.hang = ()
    ended = cli("run", "batch.yaml", "--json")
    assert ended.code == after
    counts = ended.json["jobs"]
    assert counts["done"] + counts["unconfirmed"] == 3
    assert server.requests["create"] == 3
    assert server.duplicates() == {}
    assert batch.wrong_outputs(server) == batch.strays() == []


def test_ctrl_c_while_waiting_for_the_lock(cli, long_renders):
    first = cli.start("run", "batch.yaml")
    until(lambda: len(long_renders.projects) == 4)
    second = cli.start("run", "batch.yaml", "--lock-wait", "600")
    until(lambda: _heeds(second.pid, signal.SIGUSR1) and _waits(second.pid))
    ended = second.send(signal.SIGINT).end()
    assert (ended.code, ended.seconds < _SOON) == (130, True)
    assert first.alive
    _finish_renders(long_renders)
    assert first.end().code == 0
    assert long_renders.requests["create"] == 4


def _heeds(pid: int, number: signal.Signals) -> bool:
    words = Path(f"/proc/{pid}/status").read_text().split()
    return bool(int(words[words.index("SigCgt:") + 1], 16) & 1 << number - 1)


def _waits(pid: int) -> bool:
    """Whether a process does hardly anything."""
    before = _ticks(pid)
    time.sleep(0.4)
    return _ticks(pid) - before <= 2


def _ticks(pid: int) -> int:
    return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))


def test_ctrl_c_while_a_huge_file_is_hashed(batch, cli, against, media):
    server = against()
    huge = batch.folder / "huge.mp4"
    huge.write_bytes(with_free_box(media.clip.read_bytes(), b"x"))
    with huge.open("r+b") as file:
        # A box that goes on to the end of the file, of which the disk holds nothing.
        file.seek(-9, 2)
        file.write(bytes(4) + b"free")
        file.truncate(1 << 38)
    batch.write([batch.job() | {"video": "huge.mp4"}])
    run = cli.start("run", "batch.yaml")
    until(lambda: _bytes_read(run.pid) > 200_000_000 or not run.alive)
    assert run.alive, run.err
    ended = run.send(signal.SIGINT).end()
    assert (ended.code, ended.seconds < _SOON) == (130, True)
    assert server.requests["create"] == 0
    if batch.ledger.exists():
        assert {row["status"] for row in batch.rows().values()} == {"pending"}


def _bytes_read(pid: int) -> int:
    words = Path(f"/proc/{pid}/io").read_text().split()
    return int(words[words.index("rchar:") + 1])


def test_a_second_ctrl_c_leaves_at_once(batch, cli, against):
    server = against(hang=("create",))
    batch.write_pairs(1)
    run = cli.start("run", "batch.yaml")
    until(lambda: server.requests["create"])
    run.send(signal.SIGINT)
    until(lambda: "SIGINT" in run.err)
    ended = run.send(signal.SIGINT).end()
    assert (ended.code, ended.seconds < 1.5) == (130, True)
    server.rules.hang = ()
    assert cli("run", "batch.yaml").code == 7
    assert server.requests["create"] == 1


def test_sigusr1_says_where_the_run_stands_and_sigterm_ends_it(batch, cli, long_renders):
    run = cli.start("run", "batch.yaml", "-q")
    until(lambda: len(long_renders.projects) == 4 and long_renders.requests["status"])
    run.send(signal.SIGUSR1)
    until(lambda: "submitted" in run.err)
    assert run.err.splitlines()[-1].startswith("4 submitted")
    ended = run.send(signal.SIGTERM).end()
    assert (ended.code, ended.seconds < _SOON) == (143, True)
    assert {row["status"] for row in batch.rows().values()} == {"submitted"}


def test_sighup_collects_what_renders_and_submits_no_more(batch, cli, against):
    server = against(render_seconds=600)
    batch.write_pairs(5, run={"max_in_flight": 2})
    run = cli.start("run", "batch.yaml", "--json")
    until(lambda: len(server.projects) == 2 and server.requests["status"])
    run.send(signal.SIGHUP)
    until(lambda: "SIGHUP" in run.err)
    _finish_renders(server)
    ended = run.end()
    assert ended.code == 6
    counts = ended.json["jobs"]
    assert (counts["done"], counts["pending"], counts["failed"]) == (2, 3, 0)
    ended = cli.follow(ended.json["next"])
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 3)
    assert batch.wrong_outputs(server) == batch.strays() == []
