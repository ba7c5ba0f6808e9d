"""`batchsync spend`, as a user runs it, after a real run."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.strict import KEY

BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))


def command(*arguments: object, cwd=None, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BATCHSYNC, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "MAGIC_HOUR_API_KEY": KEY, **environ},
    )


def test_what_the_service_charged_is_what_it_shows(batch, serve):
    server = serve()
    jobs = batch.pairs(3)
    for job, lang in zip(jobs, ("es", "es", "fr"), strict=True):
        job["tags"] = {"lang": lang}
    path = batch.write(jobs)
    before = command("spend", path)
    assert (before.returncode, before.stdout) == (0, "nothing has been spent yet\n")
    run = command("run", path, "--poll-min", "0.05", MAGIC_HOUR_BASE_URL=server.base_url)
    assert run.returncode == 0
    named = json.loads(command("spend", path, "--json").stdout)
    assert named["total"]["charged"] == server.spent
    assert [(e["value"], e["charged"]) for e in named["by"]["tags.lang"]] == [
        ("es", 100), ("fr", 50),
    ]  # fmt: skip
    # Without a manifest, the ledgers of this folder, whose manifests give the tags.
    here = json.loads(command("spend", "--json", cwd=batch.folder).stdout)
    assert here == named


def test_it_takes_one_kind_and_says_which_there_are(batch):
    path = batch.write_pairs(1)
    wrong = command("spend", path, "--by", "show")
    assert wrong.returncode == 2
    assert "expected one of batch, run, mode, day" in wrong.stderr
    assert command("spend", path, "--by", "batch", "--csv").stdout.splitlines() == [
        "by,value,attempts,estimated,charged,refunded,open,settled_estimate",
        "batch,batch,0,0,0,0,0,0",
    ]


def test_a_folder_without_ledgers_is_told_what_to_name(tmp_path):
    found = command("spend", cwd=tmp_path)
    assert found.returncode == 2
    assert "name the manifests" in found.stderr
