"""Every way to go on: retry, fetch, and runs that stopped early on purpose."""

import pytest


def _books(batch):
    return [batch.query(f"SELECT * FROM {table}") for table in ("jobs", "attempts", "history")]


def test_retry_buys_failed_jobs_again_and_keeps_what_all_attempts_cost(batch, cli, against):
    server = against(fates={"ann-en": "error:no_source_face"})
    batch.write_pairs(3)
    assert cli("run", "batch.yaml").code == 3
    server.rules.fates = {}
    before = _books(batch)
    ended = cli("retry", "batch.yaml", "--failed", "--dry-run")
    assert (ended.code, ended.out) == (0, "ann-en: would be bought again by the next run\n")
    ended = cli("retry", "batch.yaml", "ann-*", "--dry-run")
    assert ended.code == 0
    assert "ann-de: left alone, done" in ended.out
    assert batch.states()["ann-en"] == "failed"
    assert _books(batch) == before
    # A glob that fits jobs that are done leaves them alone, whatever it sets.
    ended = cli("retry", "batch.yaml", "ann-*", "--set", "style.generation_mode=pro")
    assert ended.code == 0
    assert batch.states() == {"ann-de": "done", "ann-en": "pending", "ann-es": "done"}
    ended = cli("run", "batch.yaml", "--json")
    assert (ended.code, ended.json["jobs"]["done"], ended.json["jobs"]["skipped"]) == (0, 1, 2)
    rows = batch.rows()
    assert (rows["ann-en"]["attempt"], rows["ann-en"]["generation_mode"]) == ("2", "pro")
    assert rows["ann-de"]["generation_mode"] == "lite"
    assert server.requests["create"] == 4
    _a_done_job_is_bought_again_only_by_its_full_name(batch, cli, server)


def _a_done_job_is_bought_again_only_by_its_full_name(batch, cli, server):
    asked = server.requests.total()
    assert cli("run", "batch.yaml").code == 0
    assert server.requests.total() == asked
    ended = cli("retry", "batch.yaml", "ann-de", "--set", "style.generation_mode=pro")
    assert ended.code == 0
    assert cli("run", "batch.yaml").code == 0
    row = batch.rows()["ann-de"]
    assert (row["attempt"], row["generation_mode"]) == ("2", "pro")
    assert row["credits_charged"] == str(50 + 100)
    asked = server.requests.total()
    assert cli("run", "batch.yaml").code == 0
    assert server.requests.total() == asked
    assert server.spent == sum(int(each["credits_charged"]) for each in batch.rows().values())
    assert batch.wrong_outputs(server) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["batch.yaml"], "--failed"),
        (["batch.yaml", "nobody"], "nobody"),
        (["batch.yaml", "ann-de", "--set", "style.generation_mode=best"], "generation_mode"),
        (["batch.yaml", "ann-de", "--set", "video=x.mp4"], "expected FIELD=VALUE"),
    ],
)
def test_a_retry_that_makes_no_sense_is_refused(batch, cli, against, arguments, words):
    against()
    batch.write_pairs(1)
    assert cli("run", "batch.yaml").code == 0
    before = _books(batch)
    ended = cli("retry", *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert _books(batch) == before


def test_fetch_brings_back_deleted_and_damaged_outputs_and_no_others(batch, cli, against):
    server = against()
    batch.write_pairs(4)
    assert cli("run", "batch.yaml").code == 0
    outputs = batch.outputs
    (outputs / "ann-de.mp4").unlink()
    damaged = (outputs / "ann-en.mp4").read_bytes()
    (outputs / "ann-en.mp4").write_bytes(bytes(9) + damaged[9:])
    (outputs / "ann-es.mp4").write_bytes(damaged[:1000])
    ended = cli("fetch", "batch.yaml", "--json")
    assert ended.code == 0
    assert ended.json["requests"] == {"create": 0, "status": 3, "upload": 0, "download": 3}
    assert batch.wrong_outputs(server) == batch.strays() == []
    asked = server.requests.total()
    assert cli("fetch", "batch.yaml").code == 0
    assert server.requests.total() == asked
    ended = cli("fetch", "batch.yaml", "ann-f*", "--json")
    assert (ended.code, ended.json["requests"]["download"]) == (0, 1)
    assert server.requests["create"] == 4
    assert server.spent == 200


def test_no_wait_then_no_download_then_run_each_go_one_step_further(batch, cli, against):
    server = against(render_seconds=0.3)
    batch.write_pairs(3)
    ended = cli("run", "batch.yaml", "--no-wait", "--json")
    assert (ended.code, ended.json["jobs"]["in_flight"]) == (6, 3)
    assert set(batch.states().values()) == {"submitted"}
    ended = cli("run", "batch.yaml", "--no-download", "--json")
    assert (ended.code, ended.json["jobs"]["in_flight"]) == (6, 3)
    assert set(batch.states().values()) == {"rendered"}
    assert list(batch.outputs.glob("*.mp4")) == []
    ended = cli.follow(ended.json["next"])
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 3)
    assert (server.requests["create"], server.downloads) == (3, 3)
    assert batch.wrong_outputs(server) == []
