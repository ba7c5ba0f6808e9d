"""Which files are read before they are sent, and which only while."""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from batchsync import survey
from batchsync.api.transfer import BLOCK
from batchsync.engine.contents import Contents
from batchsync.ledger.protocol import FileFacts
from batchsync.ledger.siblings import Elsewhere
from batchsync.model import Asset
from batchsync.stages.upload import Parcel


class Notes:
    """A ledger that only remembers files."""

    def __init__(self) -> None:
        self.kept: dict[str, FileFacts] = {}

    async def keep_files(self, facts: Iterable[FileFacts]) -> None:
        self.kept |= {fact.path: fact for fact in facts}


class Neighbours:
    """Stands for other ledgers."""

    def __init__(self, *assets: Asset, **hashes: str) -> None:
        self.found = Elsewhere(hashes=hashes)
        self.found.add(assets)
        self.asked: list[bool] = []

    def look(self, wanted: Iterable[FileFacts], anew: bool = False) -> Elsewhere:
        self.asked.append(anew)
        return self.found


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def asset(content: bytes, size: int | None = None) -> Asset:
    return Asset(digest(content), "video", "mp4", size or len(content), "api-assets/1", time.time())


def facts_of(path: Path, sha256: str | None = None) -> FileFacts:
    stat = path.stat()
    return FileFacts(str(path), stat.st_size, stat.st_mtime_ns, sha256)


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "v.mp4"
    path.write_bytes(b"moving")
    return path


def contents(notes: Notes, *files: FileFacts, **rest: object) -> Contents:
    return Contents(notes, {each.path: each for each in files}, rest.pop("assets", ()), **rest)


async def test_a_file_like_no_other_is_not_read_before_it_is_sent(
    notes: Notes, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "hash_file", None)
    found = contents(notes, facts_of(video), FileFacts("/x", 99, 1), assets=[asset(b"another")])

    assert (await found.examine(str(video))).sha256 is None
    assert notes.kept == {}


async def test_what_was_hashed_as_it_was_sent_is_remembered(notes: Notes, video: Path) -> None:
    found = contents(notes, facts_of(video))
    facts = await found.examine(str(video))
    parcel = Parcel(str(video), "video", "mp4", facts.size, None, facts.mtime_ns)
    await found.sent(parcel, "vv")

    assert notes.kept == {str(video): facts_of(video, "vv")}


@pytest.mark.parametrize("twin", ["file", "upload", "neighbour"])
async def test_a_file_as_long_as_another_is_read_first_as_it_may_be_the_same(
    notes: Notes, video: Path, twin: str
) -> None:
    other = asset(b"static")
    neighbours = Neighbours(other) if twin == "neighbour" else None
    files = [facts_of(video), *([FileFacts("/x", 6, 1)] if twin == "file" else [])]
    found = contents(notes, *files, assets=[other] if twin == "upload" else [], siblings=neighbours)
    await found.learn([str(video)])

    assert (await found.examine(str(video))).sha256 == digest(b"moving")
    assert notes.kept == {str(video): facts_of(video, digest(b"moving"))}


async def test_a_file_that_changed_since_the_plan_is_read_first(notes: Notes, video: Path) -> None:
    found = contents(notes, facts_of(video))
    os.utime(video, ns=(1, 1))

    assert (await found.examine(str(video))).sha256 == digest(b"moving")


async def test_a_file_that_a_neighbour_has_read_is_not_read_again(
    notes: Notes, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "hash_file", None)
    known = asset(b"moving")
    neighbours = Neighbours(known, **{str(video): known.sha256})
    found = contents(notes, facts_of(video), siblings=neighbours)
    assert await found.learn([str(video)]) == [known]

    assert (await found.examine(str(video))).sha256 == known.sha256
    assert notes.kept == {str(video): facts_of(video, known.sha256)}


async def test_large_files_are_asked_for_once_more_before_they_are_sent(notes: Notes) -> None:
    known = asset(b"large", BLOCK + 1)
    hashed = Parcel("/a.mp4", "video", "mp4", BLOCK + 1, known.sha256, 1)
    unread = Parcel("/b.mp4", "video", "mp4", BLOCK + 1, None, 1)
    unknown = Parcel("/c.mp4", "video", "mp4", BLOCK + 1, None, 1)
    other_role = Parcel("/a.mp4", "audio", "webm", BLOCK + 1, known.sha256, 1)
    neighbours = Neighbours(known, **{"/b.mp4": known.sha256})
    found = contents(notes, siblings=neighbours)

    assert await found.elsewhere([hashed, unread, unknown, other_role]) == {
        hashed.key: known,
        unread.key: known,
    }
    assert neighbours.asked == [True]


async def test_for_small_files_nobody_is_asked_again(notes: Notes) -> None:
    neighbours = Neighbours(asset(b"x"))
    found = contents(notes, siblings=neighbours)

    assert await found.elsewhere([Parcel("/a.mp3", "audio", "mp3", BLOCK, "aa", 1)]) == {}
    assert neighbours.asked == []


async def test_a_run_that_sends_nothing_asks_nobody(notes: Notes) -> None:
    neighbours = Neighbours()
    await contents(notes, siblings=neighbours).learn([])

    assert neighbours.asked == []
