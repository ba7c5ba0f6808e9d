"""`batchsync review`, as a command: its link, its end, and what it leaves behind."""

import csv
import http.client
import io
import signal
import socket
import threading
import time
from urllib.parse import urlsplit

from tests.support.cli import until
from tests.support.finished import apart, fill
from tests.support.reviewing import reviewing


def table(cli):
    ended = cli("results", "batch.yaml", "-o", "-")
    assert ended.code == 0, ended.err
    return {row["job"]: row for row in csv.DictReader(io.StringIO(ended.out, newline=""))}


def test_verdicts_survive_a_kill_right_after_the_answer_and_close_the_loop(batch, cli, against):
    server = against()
    batch.write_pairs(3)
    assert cli("run", "batch.yaml").code == 0
    assert "verdict" not in table(cli)["ann-de"]
    with reviewing(batch.manifest) as review:
        review.enter()
        review.judge("ann-de", "approved")
        review.judge("ann-en", "rejected", "=late lips\n“quoted”")
        review.process.kill()
        review.process.wait()
    assert batch.strays() == []
    rows = table(cli)
    assert [row["verdict"] for row in rows.values()] == ["approved", "rejected", ""]
    assert rows["ann-en"]["note"] == "'=late lips\n“quoted”"
    assert list(rows["ann-de"])[-2:] == ["verdict", "note"]

    ended = cli("retry", "batch.yaml", "--rejected", "--set", "style.generation_mode=pro")
    assert ended.code == 0
    assert "ann-en: bought again" in ended.out.replace("would be ", "").replace("will be ", "")
    assert "ann-de" not in ended.out
    assert cli("run", "batch.yaml").code == 0
    assert server.requests["create"] == 4
    rows = table(cli)
    assert (rows["ann-en"]["attempt"], rows["ann-en"]["generation_mode"]) == ("2", "pro")
    # A new attempt needs a fresh verdict; the run's own table says the same.
    assert [row["verdict"] for row in rows.values()] == ["approved", "", ""]
    assert [row["verdict"] for row in batch.rows().values()] == ["approved", "", ""]
    ended = cli("retry", "batch.yaml", "--rejected")
    assert (ended.code, ended.out) == (0, "no job to bring back\n")


def test_it_is_judged_while_a_run_is_at_work(batch, cli, against, media):
    """One job is done already; the other one renders until the test says otherwise."""
    server = against(render_seconds=600)
    made = apart(fill(batch.write_pairs(1), media.clip))
    batch.write_pairs(2)
    run = cli.start("run", "batch.yaml", "--keep-changed")
    until(lambda: batch.states().get("ann-en") == "submitted")
    with reviewing(batch.manifest) as review:
        review.enter()
        assert b'"running": true' in review.ask("/api/batch")[2]
        review.judge(made.jobs[0].id, "rejected", "while it runs")
        for project in server.projects.values():
            project.seconds = 0
        assert run.end().code == 0
        until(lambda: b'"done": 2' in review.ask("/api/batch")[2])
        review.judge("ann-en", "approved")
    assert {job: row["verdict"] for job, row in table(cli).items()} == {
        "ann-de": "rejected",
        "ann-en": "approved",
    }
    # The run's own table, written at its end, knew of the word that was given meanwhile.
    assert batch.rows()["ann-de"]["note"] == "while it runs"


def test_ctrl_c_ends_it_at_once_and_brings_the_results_table_up_to_date(batch, media):
    apart(fill(batch.write_pairs(2), media.clip))
    with reviewing(batch.manifest) as review:
        review.enter()
        review.judge("ann-de", "approved", "good")
        connection = http.client.HTTPConnection(urlsplit(review.link).netloc, timeout=30)
        connection.request("GET", "/api/events", headers={"Cookie": review.cookie})
        stream = connection.getresponse()
        ended = threading.Thread(target=stream.read)
        ended.start()
        begin = time.monotonic()
        review.process.send_signal(signal.SIGINT)
        assert review.process.wait(10) == 0
        ended.join(10)
        assert time.monotonic() - begin < 5
        connection.close()
    assert batch.rows()["ann-de"]["note"] == "good"
    assert batch.strays() == []


def test_what_it_cannot_do_it_says_with_exit_2(batch, cli):
    batch.write_pairs(1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = cli("review", "batch.yaml", "--no-open", "--port", port)
    assert (ended.code, ended.out) == (2, "")
    assert f"port {port} is in use" in ended.err
    assert "--port" in ended.err
    ended = cli("review", "batch.yaml", "--no-open", "--host", "0.0.0.0")
    assert ended.code == 2
    assert "SSH tunnel" in ended.err
    batch.write([])
    assert cli("review", "batch.yaml", "--no-open").code == 2
    batch.write_pairs(1)
    batch.ledger.parent.mkdir()
    batch.ledger.write_bytes(b"Dear diary\n" * 500)
    ended = cli("review", "batch.yaml", "--no-open", "--port", "0")
    assert (ended.code, ended.out) == (2, "")
    assert "batch.db" in ended.err


def test_retry_needs_to_be_told_which(batch, cli):
    batch.write_pairs(1)
    ended = cli("retry", "batch.yaml")
    assert ended.code == 2
    assert "--rejected" in ended.err
