"""`batchsync config`, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))


def config(*arguments: object, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BATCHSYNC, "config", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environ,
        check=False,
    )


def test_what_it_prints_is_a_manifest_of_the_same_jobs(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(
        "version: 1\njobs:\n  - {id: 'a-${{ matrix.lang }}', matrix: {lang: [es, no]},"
        " video: '${ROOT}/a.mp4', audio: '${{ matrix.lang }}.mp3'}\n"
    )
    first = config(path, ROOT="media")
    again = tmp_path / "again.yaml"
    again.write_text(first.stdout)
    assert first.returncode == 0
    assert config(again).stdout == first.stdout
    again.write_text(config(path, "--json", ROOT="media").stdout)
    assert config(again).stdout == first.stdout
    assert [job["id"] for job in json.loads(again.read_text())["jobs"]] == ["a-es", "a-no"]


def test_a_bad_manifest_ends_with_2_and_prints_nothing(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text("version: 1\njobs: [{id: a, vidoe: a.mp4, audio: a.mp3}]\n")
    found = config(path)
    assert (found.returncode, found.stdout) == (2, "")
    assert "did you mean video?" in found.stderr


def test_help_warns_of_what_came_from_the_environment():
    words = " ".join(config("--help").stdout.split())
    assert "Values that came from the environment by ${NAME} stand in it as they are" in words
