"""Files that are no text, text that is no YAML, YAML that means harm."""

import codecs
import time

import pytest

from batchsync.errors import ManifestError
from batchsync.manifest import load, textfile

GOOD = "version: 1\njobs:\n  - {id: é, video: a.mp4, audio: a.mp3}\n"


@pytest.fixture
def message(tmp_path, monkeypatch):
    """The message for some bytes, without the folder's name."""
    path = tmp_path / "m.yaml"

    def message(data: bytes) -> str:
        path.write_bytes(data)
        with pytest.raises(ManifestError) as raised:
            load(path, environ={})
        return str(raised.value).replace(str(path), "m.yaml")

    return message


@pytest.mark.parametrize(
    "data",
    [
        GOOD.encode(),
        codecs.BOM_UTF8 + GOOD.encode(),
        GOOD.encode("utf-16"),
        codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("\n", "\r").encode(),
        b"%YAML 1.2\n---\n" + GOOD.encode() + b"...\n",
        GOOD.rstrip("\n").encode(),
    ],
)
def test_every_way_of_saving_a_manifest(data, tmp_path):
    (tmp_path / "m.yaml").write_bytes(data)
    assert load(tmp_path / "m.yaml", environ={}).jobs[0].id == "é"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"version: 1\nname: \xff\n", "m.yaml:2:7: the text is not valid UTF-8; save"),
        (codecs.BOM_UTF16_LE + b"a", "m.yaml:1:1: the text is not valid UTF-16; save"),
        (b"version: 1\n\0", "m.yaml:2:1: this is no text file (it holds a zero byte)"),
        (b"version: 1\nname: a\x07\n", "m.yaml:2:8: the character U+0007 can't stand in a text"),
        (b"version: 1\nrun:\n\tuploads: 1\n", "m.yaml:3:1: a tab stands in the indentation"),
        (b"version: 1\nname:\t\t@x\n", "m.yaml:2:8: a value begins with @"),
        (b"[" * 100_000, "m.yaml:1:65: lists and maps are nested more than 64 deep"),
        (b"{a: " * 100_000, "m.yaml:1:257: lists and maps are nested more than 64 deep"),
        (b"- " * 100_000, "m.yaml:1:129: lists and maps are nested more than 64 deep"),
        (b"? " * 100_000, "m.yaml:1:129: lists and maps are nested more than 64 deep"),
        (b"x: " + b"9" * 100_000, "m.yaml:1:1: the key 'x' is not known"),
        (b"*a", "m.yaml:1:1: *a refers to an anchor"),
        (b"{[a]: b}", "m.yaml:1:2: a list or map stands where a key should be"),
    ],
)
def test_files_that_are_no_manifest(message, data, expected):
    started = time.perf_counter()
    assert expected in message(data)
    assert time.perf_counter() - started < 2


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(ManifestError, match="there is no such file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(ManifestError, match="this is a folder"):
        load(tmp_path)
    with pytest.raises(ManifestError, match="can't be read"):
        load(tmp_path / ("x" * 300))


def test_a_file_that_is_too_large(message, monkeypatch):
    monkeypatch.setattr(textfile, "SIZE_LIMIT", 1024 * 1024)
    assert "the file is larger than 1 MiB" in message(b"#" * (1024 * 1024 + 1))


def test_many_duplicate_keys_take_no_quadratic_time(message):
    lines = "".join(f"k{n}: 1\n" for n in range(5_000))
    started = time.perf_counter()
    assert "is given twice" in message((lines + lines).encode())
    assert time.perf_counter() - started < 20


def test_the_collector_runs_again_afterwards(tmp_path):
    import gc

    with pytest.raises(ManifestError):
        load(tmp_path / "none.yaml")
    assert gc.isenabled()
