"""Credits that run out cost nobody a job: the rest waits."""


def test_what_was_paid_is_done_and_the_rest_waits_for_more_credits(batch, cli, against):
    server = against(credits=4 * 60, render_seconds=0.5)
    batch.write_pairs(24)
    ended = cli("run", "batch.yaml", "--json")
    assert ended.code == 5
    counts = ended.json["jobs"]
    assert counts["failed"] == counts["unconfirmed"] == counts["in_flight"] == 0
    assert (counts["done"], counts["pending"]) == (4, 20)
    assert ended.json["credits"]["charged"] == server.spent == 200
    assert "covers 4 of 24 jobs" in ended.err
    assert batch.wrong_outputs(server) == batch.strays() == []
    server.rules.credits = 100_000
    ended = cli.follow(ended.json["next"])
    assert (ended.code, ended.json["jobs"]["done"], ended.json["jobs"]["skipped"]) == (0, 20, 4)
    assert ended.json["credits"]["charged"] == server.spent == 24 * 50
    assert server.duplicates() == {}
    assert batch.wrong_outputs(server) == []


def test_the_cap_counts_what_all_runs_have_spent(batch, cli, against):
    server = against()
    batch.write_pairs(6)
    ended = cli("run", "batch.yaml", "--max-credits", "130", "--json")
    assert (ended.code, ended.json["jobs"]["done"], ended.json["jobs"]["pending"]) == (5, 2, 4)
    ended = cli("run", "batch.yaml", "--max-credits", "130", "--json")
    assert (ended.code, ended.json["jobs"]["done"]) == (5, 0)
    assert server.spent == 100
    ended = cli("run", "batch.yaml", "--max-credits", "225", "--json")
    assert (ended.code, ended.json["jobs"]["done"], ended.json["jobs"]["pending"]) == (5, 2, 2)
    assert server.spent == 200
    assert cli("run", "batch.yaml", "--max-credits", "1000").code == 0
    assert server.requests["create"] == 6


def test_a_key_that_is_revoked_midway_collects_what_renders(batch, cli, against):
    server = against(render_seconds=0.5)

    def revoke(server, request, count):
        if count == 3:
            server.rules.deny = {"create": 401}

    server.hooks["create"] = revoke
    batch.write_pairs(6, run={"max_in_flight": 1})
    ended = cli("run", "batch.yaml", "--json")
    assert ended.code == 4
    counts = ended.json["jobs"]
    assert (counts["done"], counts["pending"], counts["failed"]) == (2, 4, 0)
    server.rules.deny = {}
    ended = cli.follow(ended.json["next"])
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 4)
