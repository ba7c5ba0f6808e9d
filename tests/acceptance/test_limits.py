"""`--limit-upload` and `--limit-download`, as a user gives them."""

import pytest


@pytest.mark.parametrize("value", ["fast", "10"])
def test_a_limit_that_is_none_is_a_usage_error_and_nothing_is_sent(cli, against, batch, value):
    server = against()
    batch.write_pairs(1)
    ended = cli("run", batch.manifest, "--limit-upload", value)

    assert ended.code == 2
    assert "--limit-upload" in ended.err
    assert sum(server.requests.values()) == 0


def test_a_limit_of_the_manifest_is_refused_with_its_place(cli, against, batch):
    server = against()
    batch.write_pairs(1, run={"limit_download": "soon"})
    ended = cli("run", batch.manifest)

    assert ended.code == 2
    assert "limit_download" in ended.err and "batch.yaml:" in ended.err
    assert sum(server.requests.values()) == 0


def test_a_run_keeps_to_its_limits_wherever_they_were_given(cli, against, batch):
    against(pad=100_000)
    batch.write_pairs(1, run={"limit_upload": "1K"})
    # A kilobyte a second would take minutes: the environment wins over the manifest.
    ended = cli(
        "run", batch.manifest, "--limit-download", "64K", "--json", BATCHSYNC_LIMIT_UPLOAD="10M"
    )

    assert ended.code == 0
    assert ended.json["jobs"]["done"] == 1
    # A quarter of a second's worth may come at once.
    least = ended.json["bytes"]["downloaded"] / (64 << 10) - 0.26
    assert least > 1
    assert ended.json["elapsed_seconds"] > least
