"""The key is in no place but the API's requests."""

import secrets
from pathlib import Path

import pytest

from tests.support.cli import sandbox_process, until


def _holding(folder: Path, secret: str) -> list[str]:
    return [
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]


@pytest.mark.parametrize("way", ["environment", "file"])
@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_run_leaves_the_key_nowhere(batch, cli, against, tmp_path_factory, way, log_format):
    secret = f"mhk_{secrets.token_urlsafe(48)}"
    server = against(key=secret, render_seconds=600, faults=("status:503=0.3", "upload:500=0.3"))
    batch.write_pairs(3)
    flags = ["--log-file", "run.log", "--log-format", log_format]
    cli.key = secret
    if way == "file":
        file = tmp_path_factory.mktemp("key") / "key"
        file.write_text(f"{secret}\n")
        flags += ["--api-key-file", str(file)]
        cli.key = None
    run = cli.start("run", "batch.yaml", *flags)
    until(lambda: len(server.projects) == 3 and server.requests["status"])
    assert batch.ledger.with_name("batch.db-wal").stat().st_size > 0
    assert secret.encode() not in Path(f"/proc/{run.pid}/cmdline").read_bytes()
    assert _holding(batch.folder, secret) == []
    server.rules.render_seconds = 0
    for project in list(server.projects.values()):
        project.seconds = 0
    ended = run.end()
    assert ended.code == 0
    assert (batch.folder / "run.log").stat().st_size > 100
    assert secret not in ended.said
    assert _holding(batch.folder, secret) == []
    assert server.key_at_storage == 0


def test_a_service_that_echoes_the_key_does_not_get_it_shown(batch, cli, against):
    secret = f"mhk_{secrets.token_urlsafe(48)}"
    against()
    cli.key = secret
    batch.write_pairs(2)
    for arguments in (
        ["run", "batch.yaml", "--log-file", "run.log"],
        ["run", "batch.yaml", "--json", "--log-format", "json"],
        ["plan", "batch.yaml"],
        ["doctor"],
    ):
        ended = cli(*arguments)
        assert ended.code == 4
        assert secret not in ended.said
    assert _holding(batch.folder, secret) == []


def test_the_sandbox_sees_no_key_at_its_storage(batch, cli, tmp_path_factory):
    secret = f"mhk_{secrets.token_urlsafe(48)}"
    batch.write_pairs(4)
    flags = ("--fast", "--render-seconds", "0", "--key", secret)
    with sandbox_process(tmp_path_factory.mktemp("sandbox"), *flags) as served:
        cli.base_url, cli.key = served.base_url, secret
        ended = cli("run", "batch.yaml", "--json")
        report = served.ask("/_sandbox")
    assert (ended.code, ended.json["jobs"]["done"]) == (0, 4)
    assert (report["creates"], report["duplicates"], report["key_at_storage"]) == (4, [], 0)
    assert report["spent"] == ended.json["credits"]["charged"]
    assert _holding(batch.folder, secret) == []
