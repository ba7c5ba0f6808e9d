"""Looking at local files, and not looking twice."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batchsync import survey as surveying
from batchsync.errors import SourceUnfit
from batchsync.ledger.protocol import FileFacts
from batchsync.sandbox.samples import write_audio
from batchsync.survey import examine, hash_file, survey


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_audio(tmp_path_factory.mktemp("m") / "a.mp3", seconds=0.5).read_bytes()


@pytest.fixture
def voice(tmp_path: Path, sample: bytes) -> str:
    path = tmp_path / "voice.mp3"
    path.write_bytes(sample)
    return str(path)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was opened: `probe …` and `hash …`."""
    seen: list[str] = []
    for name, real in (("probe", surveying.probe), ("hash_file", surveying.hash_file)):

        def spy(path: Path, name: str = name, real: Any = real) -> Any:
            seen.append(name)
            return real(path)

        monkeypatch.setattr(surveying, name, spy)
    yield seen


async def test_a_file_is_probed_and_hashed_as_far_as_is_asked(
    voice: str, reads: list[str], sample: bytes
) -> None:
    found = await survey([voice], [], {})
    assert found.facts[voice].sha256 is None
    assert found.facts[voice].media is not None
    assert found.facts[voice].media.has_audio
    assert reads == ["probe"]
    found = await survey([voice], [voice], found.facts)

    assert reads == ["probe", "hash_file"]
    assert found.facts[voice].sha256 == hashlib.sha256(sample).hexdigest()


async def test_a_file_that_stands_as_it_was_is_not_read(voice: str, reads: list[str]) -> None:
    first = await survey([voice], [voice], {})
    reads.clear()
    second = await survey([voice], [voice], first.facts)

    assert not reads
    assert second.facts == first.facts


@pytest.mark.parametrize("what", ["size", "time"])
async def test_a_file_that_changed_is_read_again(voice: str, reads: list[str], what: str) -> None:
    first = await survey([], [voice], {})
    stat = Path(voice).stat()
    if what == "size":
        with Path(voice).open("ab") as file:
            file.write(b"x")
        os.utime(voice, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
    else:
        os.utime(voice, ns=(stat.st_mtime_ns, stat.st_mtime_ns + 1))
    reads.clear()
    await survey([], [voice], first.facts)

    assert reads == ["hash_file"]


def test_what_was_known_of_a_changed_file_is_forgotten(voice: str) -> None:
    stale = FileFacts(voice, 1, 1, "old", None)

    assert examine(voice, stale).sha256 is None


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("missing", "missing_file"),
        ("directory", "is_directory"),
        ("empty", "empty_file"),
        ("text", "not_media"),
        ("pipe", "not_a_file"),
        ("dangling link", "missing_file"),
        ("too long", "unreadable"),
        ("below a file", "unreadable"),
    ],
)
async def test_an_unfit_file_says_why(tmp_path: Path, kind: str, code: str) -> None:
    path = tmp_path / "x.mp3"
    if kind == "directory":
        path.mkdir()
    elif kind == "empty":
        path.touch()
    elif kind == "text":
        path.write_text("not a sound " * 50)
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "too long":
        path = tmp_path / ("x" * 300)
    elif kind == "below a file":
        (tmp_path / "f").touch()
        path = tmp_path / "f" / "x.mp3"
    found = await survey([str(path)], [str(path)], {})

    assert found.unfit[str(path)].code == code
    assert not found.facts


async def test_a_file_that_may_not_be_read_says_so(
    voice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    found = await survey([voice], [], {})

    assert found.unfit[voice].code == "unreadable"


async def test_many_files_are_looked_at_in_one_go(tmp_path: Path, sample: bytes) -> None:
    paths = [tmp_path / f"{number}.mp3" for number in range(150)]
    for number, path in enumerate(paths):
        path.write_bytes(sample if number % 3 else b"")
    found = await survey([], map(str, paths), {})

    assert len(found.facts) == 100
    assert len(found.unfit) == 50


async def test_nothing_to_look_at_is_no_error() -> None:
    assert (await survey([], [], {})).facts == {}


def test_a_file_that_vanishes_before_it_is_hashed_is_unfit(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfit):
        hash_file(tmp_path / "gone")
