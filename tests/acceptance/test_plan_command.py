"""`batchsync plan`, as a user runs it: what it says, what it asks, what it leaves alone."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.strict import KEY

BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))


def command(*arguments: object, server=None) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "MAGIC_HOUR_API_KEY": KEY}
    if server is not None:
        environ["MAGIC_HOUR_BASE_URL"] = server.base_url
    return subprocess.run(
        [BATCHSYNC, *map(str, arguments)], capture_output=True, text=True, env=environ, check=False
    )


def test_it_asks_for_the_balance_alone_and_writes_nothing(batch, serve):
    server = serve(credits=1000)
    path = batch.write_pairs(4, name="batch")
    before = batch.snapshot()
    found = command("plan", path, "--json", server=server)
    plan = json.loads(found.stdout)
    assert found.returncode == 0
    assert dict(server.requests) == {"account": 1}
    assert batch.snapshot() == before
    assert plan["credits"]["balance"] == 1000
    assert plan["credits"]["estimated"] == 4 * 60
    assert plan["credits"]["balance_after"] == 1000 - 4 * 60
    assert plan["uploads"]["files"] == 5
    assert plan["uploads"]["saved_files"] == 3


def test_it_ends_with_5_where_balance_or_cap_does_not_cover_it(batch, serve):
    path = batch.write_pairs(4)
    assert command("plan", path, server=serve(credits=100)).returncode == 5
    capped = command("plan", path, "--offline", "--max-credits", "100")
    assert capped.returncode == 5
    assert "it covers the first 1 of 4 jobs" in capped.stdout
    assert command("plan", path, "--offline").returncode == 0


def test_after_a_run_it_settles_as_expected_and_knows_what_changed(batch, serve):
    server = serve(credits=100_000)
    jobs = batch.pairs(4)
    path = batch.write(jobs)
    expected = json.loads(command("plan", path, "--json", server=server).stdout)["credits"]
    assert command("run", path, "--poll-min", "0.05", server=server).returncode == 0
    assert server.spent == expected["expected"]
    jobs[0]["end_seconds"] = 1.5
    batch.write(jobs)
    plan = json.loads(command("plan", path, "--json", server=server).stdout)
    assert [job["action"] for job in plan["jobs"]] == ["again", "skip", "skip", "skip"]
    assert plan["jobs"][0]["changed"] == ["end_seconds"]
    # Both files of the changed job are with the service still.
    assert (plan["uploads"]["files"], plan["uploads"]["saved_files"]) == (0, 2)
    assert plan["render_seconds"] is not None


def test_it_adds_up_by_tag_and_knows_no_other(batch):
    jobs = batch.pairs(3)
    for job, lang in zip(jobs, ("es", "es", "fr"), strict=True):
        job["tags"] = {"lang": lang}
    path = batch.write(jobs)
    found = command("plan", path, "--offline", "--by", "lang", "--csv")
    assert [line.split(",")[:3] for line in found.stdout.splitlines()] == [
        ["lang", "jobs", "to_work_on"], ["es", "2", "2"], ["fr", "1", "1"],
    ]  # fmt: skip
    wrong = command("plan", path, "--offline", "--by", "show")
    assert wrong.returncode == 2
    assert "expected one of mode, lang" in wrong.stderr


def test_only_narrows_it(batch):
    path = batch.write_pairs(3)
    found = command("plan", path, "--offline", "--only", "*-de", "--json")
    assert [job["job"] for job in json.loads(found.stdout)["jobs"]] == ["ann-de"]


def test_a_pipe_gets_every_row(batch):
    path = batch.write([batch.job(id=f"j{n:03}") for n in range(60)])
    found = command("plan", path, "--offline")
    assert sum(line.startswith("j") for line in found.stdout.splitlines()) == 61
    assert "more …" not in found.stdout
