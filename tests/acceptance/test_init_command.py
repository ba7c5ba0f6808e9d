"""`batchsync init`, as a user runs it: unasked, asked, and refused."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))
FILES = ("a.mp4", "a.es.mp3", "a_fr.wav", "de/A.m4a", "b.mp4", "odd.wav")


@pytest.fixture
def folder(tmp_path):
    for name in FILES:
        path = tmp_path / "media" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def init(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BATCHSYNC, "init", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def test_a_folder_becomes_a_manifest_that_loads(folder):
    found = init(folder, "media")
    assert (found.returncode, found.stdout) == (
        0,
        "batch.yaml: 3 jobs\nnext: batchsync plan batch.yaml\n",
    )
    assert found.stderr.splitlines() == [
        "found 3 pairs of 1 video",
        "left out: odd.wav: no video has its name",
        "left out: b.mp4: no audio has its name",
    ]
    lines = (folder / "batch.yaml").read_text().splitlines()
    assert lines[0] == "# yaml-language-server: $schema=./batchsync.schema.json"
    assert (folder / "batchsync.schema.json").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "batch.yaml", "batchsync.schema.json", "media",
    ]  # fmt: skip


def test_what_is_there_is_never_overwritten_without_force(folder):
    (folder / "batch.yaml").write_text("mine")
    found = init(folder, "media", "--yes")
    assert found.returncode == 2
    assert "batch.yaml is there already; --force overwrites it" in found.stderr
    assert (folder / "batch.yaml").read_text() == "mine"
    assert init(folder, "media", "--force").returncode == 0
    assert "version: 1" in (folder / "batch.yaml").read_text()


def test_paths_start_from_the_manifest_s_own_folder(folder):
    (folder / "plans").mkdir()
    assert init(folder, "media", "-o", "plans/spring.yaml").returncode == 0
    assert "../media/a.mp4" in (folder / "plans" / "spring.yaml").read_text()


def test_a_csv_becomes_a_manifest_that_names_it(folder):
    (folder / "pairs.csv").write_text("id;video;audio;tags.lang\na;media/a.mp4;media/a.es.mp3;es\n")
    found = init(folder, "pairs.csv", "-o", "spring.yaml")
    assert found.stdout.startswith("spring.yaml: 1 job\n")
    assert "jobs_from: [pairs.csv]" in (folder / "spring.yaml").read_text()


def test_a_csv_with_mistakes_leaves_no_manifest(folder):
    (folder / "pairs.csv").write_text("name,video,audio\na,media/a.mp4,media/a.es.mp3\n")
    found = init(folder, "pairs.csv")
    assert found.returncode == 2
    assert "pairs.csv:1: there is no column id" in found.stderr
    assert not list(folder.glob("*.yaml")) + list(folder.glob(".*"))


@pytest.mark.parametrize("target", ["nowhere", "media/a.mp4", "media/de"])
def test_where_there_is_nothing_to_pair_it_says_how_to_name_files(folder, target):
    found = init(folder, target)
    assert found.returncode == 2
    assert not list(folder.glob("*.yaml"))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals to be had here")
@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False), ("\n", True)])
def test_on_a_terminal_it_asks(folder, answer, written):
    master, slave = os.openpty()
    process = subprocess.Popen(
        [BATCHSYNC, "init", "media"],
        cwd=folder,
        stdin=slave,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    os.write(master, answer.encode())
    _, errors = process.communicate(timeout=60)
    os.close(master)
    os.close(slave)
    assert b"Write batch.yaml?" in errors
    assert (folder / "batch.yaml").exists() is written
    assert process.returncode == (0 if written else 2)
