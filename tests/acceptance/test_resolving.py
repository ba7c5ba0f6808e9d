"""Lost answers wait for a person's word, and do what it says."""

import os
import pty
import re

import pytest
from aiohttp import web

from tests.support.cli import until


@pytest.fixture
def lost(batch, cli, against):
    """Twenty jobs, the answers of a fifth of whose create calls were lost."""
    server = against(faults=("create:lost=0.2",), seed=2)
    batch.write_pairs(20)
    ended = cli("run", "batch.yaml", "--json")
    count = server.struck["create:lost"]
    assert count == 4
    assert ended.code == 7
    counts = ended.json["jobs"]
    assert (counts["unconfirmed"], counts["done"]) == (count, 20 - count)
    server._faults.clear()
    return server


def _unconfirmed(batch):
    return [job for job, state in batch.states().items() if state == "unconfirmed"]


def _project(server, job):
    return server.of_job(job)[0].id


def test_lost_answers_are_unconfirmed_and_three_reruns_send_nothing(batch, cli, lost):
    asked, files = lost.requests.total(), batch.snapshot()
    for _ in range(3):
        assert cli("run", "batch.yaml").code == 7
    assert lost.requests.total() == asked
    assert batch.snapshot() == files
    assert lost.requests["create"] == 20
    assert batch.wrong_outputs(lost) == batch.strays() == []
    ended = cli("status", "batch.yaml")
    (tag,) = batch.query("SELECT tag FROM attempts WHERE job = ?", _unconfirmed(batch)[0])[0]
    assert tag in ended.out
    assert any(tag in body["name"] for body in lost.bodies)


def test_the_next_command_adopts_the_right_project_and_refuses_all_others(batch, cli, lost):
    first, second, *_ = _unconfirmed(batch)
    done = next(job for job, state in batch.states().items() if state == "done")
    following = cli("run", "batch.yaml", "--json").json["next"]
    assert following == f"batchsync resolve batch.yaml {first} --adopt PROJECT_ID"
    books = batch.query("SELECT * FROM attempts ORDER BY job")
    for project, words in (
        (_project(lost, second), "is not in that name"),
        (_project(lost, done), f"belongs to job {done}"),
        ("cm-of-nobody", "knows no project"),
        ("../account", "project"),
    ):
        ended = cli("resolve", "batch.yaml", first, "--adopt", project)
        assert (ended.code, ended.out) == (2, "")
        assert words in ended.err
        assert "Traceback" not in ended.err
    ended = cli("resolve", "batch.yaml", done, "--resubmit")
    assert ended.code == 2
    assert batch.query("SELECT * FROM attempts ORDER BY job") == books
    ended = cli.follow(following.replace("PROJECT_ID", _project(lost, first)))
    assert ended.code == 0
    following = re.search(r"next: (batchsync .*)", ended.out)[1]
    ended = cli.follow(following)
    assert ended.code == 7
    row = batch.rows()[first]
    assert (row["status"], row["project_id"]) == ("done", _project(lost, first))
    assert (row["attempt"], row["credits_charged"]) == ("1", "50")
    assert lost.requests["create"] == 20
    assert batch.wrong_outputs(lost) == []


def test_resubmitting_takes_a_persons_word_and_counts_a_new_attempt(batch, cli, lost):
    first, *others = _unconfirmed(batch)
    ended = cli("resolve", "batch.yaml", "--all", "--resubmit")
    assert ended.code == 2
    assert "--yes" in ended.err
    assert _unconfirmed(batch) == [first, *others]
    ended = cli("resolve", "batch.yaml", first, "--resubmit")
    assert ended.code == 0
    assert cli("run", "batch.yaml", "--only", first).code == 0
    assert batch.rows()[first]["attempt"] == "2"
    assert lost.requests["create"] == 21
    ended = cli("resolve", "batch.yaml", "--all", "--resubmit", "--yes")
    assert ended.code == 0
    assert cli("run", "batch.yaml").code == 0
    assert lost.requests["create"] == 21 + len(others)
    assert all(len(lost.of_job(job)) == 2 for job in (first, *others))
    assert batch.wrong_outputs(lost) == []


@pytest.mark.parametrize(("answer", "code", "left"), [(b"y\n", 0, False), (b"n\n", 2, True)])
def test_at_a_terminal_the_person_is_asked(batch, cli, lost, answer, code, left):
    names = _unconfirmed(batch)
    ours, theirs = pty.openpty()
    try:
        run = cli.start("resolve", "batch.yaml", "--all", "--resubmit", stdin=theirs)
        until(lambda: "Buy " in run.err or not run.alive)
        os.write(ours, answer)
        ended = run.end()
    finally:
        os.close(ours)
        os.close(theirs)
    assert ended.code == code
    assert all(name in ended.err for name in names)
    assert _unconfirmed(batch) == (names if left else [])


def test_the_next_command_asks_the_service_that_the_run_asked(batch, cli, against):
    server = against(faults=("create:lost=1",))
    batch.write_pairs(1)
    url, cli.base_url = cli.base_url, None
    ended = cli("run", "batch.yaml", "--base-url", url, "--json")
    assert ended.code == 7
    following = ended.json["next"].replace("PROJECT_ID", _project(server, "ann-de"))
    # Nobody else is asked, not even by mistake.
    ended = cli.follow(following, HTTPS_PROXY="http://127.0.0.1:9")
    assert (ended.code, ended.err) == (0, "")


def test_no_next_command_repeats_the_word_that_unconfirmed_jobs_may_be_bought(batch, cli, against):
    server = against(credits=200, faults=("create:lost=1",))
    batch.write_pairs(2, run={"max_in_flight": 1})
    assert cli("run", "batch.yaml").code == 7
    server.hooks["create"] = lambda server, _, count: server._faults.clear() if count > 3 else None
    ended = cli("run", "batch.yaml", "--resubmit-unconfirmed", "--json")
    # The first was lost once more, for the second the credits did not reach.
    assert (ended.code, ended.json["jobs"]["unconfirmed"], len(server.projects)) == (5, 1, 3)
    server.rules.credits = 10_000
    cli.follow(ended.json["next"])
    assert len(server.of_job("ann-de")) == 2


def test_adopting_gets_through_a_moments_outage(batch, cli, against):
    server = against(faults=("create:lost=1",))
    batch.write_pairs(1)
    assert cli("run", "batch.yaml").code == 7
    server.hooks["status"] = lambda _, __, count: web.Response(status=503) if count < 3 else None
    ended = cli("resolve", "batch.yaml", "ann-de", "--adopt", _project(server, "ann-de"))
    assert ended.code == 0, ended.err
