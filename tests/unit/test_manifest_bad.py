"""Bad manifests with the complete message that each must give (`manifest_cases/bad.txt`).

A case there is `=== title`, the manifest, more files after `@@ name`, and after `~~~` the message.
"""

from pathlib import Path

import pytest
import yaml

from batchsync.errors import ManifestError
from batchsync.manifest import document, load

CASES = {
    block.partition("\n")[0]: block.partition("\n")[2]
    for block in (Path(__file__).parent / "manifest_cases" / "bad.txt")
    .read_text(encoding="utf-8")
    .split("=== ")[1:]
}


def _write(files: str, folder: Path) -> None:
    manifest, *others = files.split("@@ ")
    (folder / "m.yaml").write_text(manifest, encoding="utf-8")
    for other in others:
        name, _, text = other.partition("\n")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("title", CASES)
def test_every_mistake_is_said_with_its_place_and_its_remedy(title, tmp_path, monkeypatch):
    files, _, expected = CASES[title].partition("~~~\n")
    _write(files, tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ManifestError) as raised:
        load(Path("m.yaml"), environ={})
    assert str(raised.value).replace(str(tmp_path), "FOLDER") == expected.strip("\n")


@pytest.mark.parametrize("title", CASES)
def test_the_pure_python_parser_refuses_the_same(title, tmp_path, monkeypatch):
    files, _, _ = CASES[title].partition("~~~\n")
    _write(files, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    with pytest.raises(ManifestError) as raised:
        load(Path("m.yaml"), environ={})
    assert "the YAML is not right here" not in str(raised.value)


def test_there_are_enough_cases_to_mean_something():
    assert len(CASES) >= 60


def test_problems_come_in_reading_order(tmp_path):
    path = tmp_path / "m.yaml"
    path.write_text(
        "version: 1\nrun: {uploads: 0}\njobs:\n  - {id: a, video: a, audio: a}\nzzz: 1\n"
    )
    with pytest.raises(ManifestError) as raised:
        load(path)
    lines = [problem.where.rsplit(":", 2)[1:] for problem in raised.value.problems]
    assert lines == sorted(lines)
    assert [problem.field for problem in raised.value.problems] == [
        "run.uploads",
        "video",
        "audio",
        None,
    ]
