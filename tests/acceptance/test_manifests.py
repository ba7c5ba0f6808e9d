"""Every manifest of the repository does its whole job against the sandbox."""

import shutil
from pathlib import Path

import pytest

from tests.support.cli import ROOT, Cli

_FOLDER = ROOT / "manifests"
_MANIFESTS = sorted(path.name for path in _FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", _MANIFESTS)
def test_a_manifest_of_the_repository_runs_to_the_end(tmp_path: Path, demo_media, sandbox, name):
    for path in _FOLDER.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    (tmp_path / "media").symlink_to(demo_media)
    command = Cli(tmp_path, sandbox.base_url, "sandbox")
    ended = command("run", name, "--json")
    assert ended.code == 0, ended.err
    summary = ended.json
    assert summary["jobs"]["done"] == summary["jobs"]["total"] > 0
    made = list((tmp_path / "outputs").rglob("*.mp4"))
    assert len(made) == summary["jobs"]["total"]
    ended = command("run", name, "--json")
    assert (ended.code, sum(ended.json["requests"].values())) == (0, 0)
