"""Bringing files to the storage, on the fake."""

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from test_slots import now, timeless

from batchsync.api.fake import FakeApi
from batchsync.api.protocol import Progress
from batchsync.api.retry import Patience
from batchsync.errors import AnswerLost, Rejected, SourceUnfit, UrlExpired
from batchsync.model import Asset
from batchsync.stages.upload import Parcel, upload


def parcel(path: Path, content: bytes) -> Parcel:
    path.write_bytes(content)
    role = "video" if path.suffix == ".mp4" else "audio"
    digest = hashlib.sha256(content).hexdigest()
    return Parcel(str(path), role, path.suffix[1:], len(content), digest)  # type: ignore[arg-type]


@pytest.fixture
def pair(tmp_path: Path) -> list[Parcel]:
    return [parcel(tmp_path / "v.mp4", b"video" * 9), parcel(tmp_path / "a.mp3", b"audio" * 7)]


async def send(api: FakeApi, parcels: list[Parcel]) -> list[Asset]:
    return await upload(api, parcels, Patience(tries=3), lambda _: None, now=lambda: 50.0)


@timeless
async def test_a_pair_goes_up_with_one_question_for_its_places(pair: list[Parcel]) -> None:
    api = FakeApi()
    assets = await send(api, pair)

    assert [name for name, _ in api.calls].count("upload_urls") == 1
    assert [(asset.sha256, asset.role, asset.uploaded_at) for asset in assets] == [
        (each.sha256, each.role, 50.0) for each in pair
    ]
    for asset in assets:
        assert api.uploads[asset.file_path].sha256 == asset.sha256
        assert api.uploads[asset.file_path].role == asset.role


@timeless
async def test_a_further_try_asks_for_a_place_of_its_own(pair: list[Parcel]) -> None:
    api = FakeApi()
    api.fail("upload", UrlExpired("403", status=403))
    assets = await send(api, pair)

    assert [name for name, _ in api.calls].count("upload_urls") == 2
    assert {asset.file_path for asset in assets} == set(api.uploads)
    assert len({asset.file_path for asset in assets}) == 2


@timeless
async def test_patience_has_an_end(pair: list[Parcel]) -> None:
    api = FakeApi()
    api.fail("upload", *[AnswerLost("x") for _ in range(99)])
    with pytest.raises(AnswerLost):
        await send(api, pair[:1])

    assert [name for name, _ in api.calls].count("upload") == 3
    assert now() < 60


@timeless
async def test_a_file_with_other_bytes_than_were_checked_is_unfit(
    pair: list[Parcel],
) -> None:
    Path(pair[0].path).write_bytes(b"VIDEO" * 9)
    with pytest.raises(SourceUnfit) as caught:
        await send(FakeApi(), pair)

    assert caught.value.code == "source_changed"


@timeless
async def test_a_file_that_vanished_is_unfit_and_not_tried_again(pair: list[Parcel]) -> None:
    Path(pair[0].path).unlink()
    api = FakeApi()
    with pytest.raises(SourceUnfit):
        await send(api, pair[:1])

    assert [name for name, _ in api.calls].count("upload") == 1


@timeless
async def test_a_refused_place_ends_it(tmp_path: Path) -> None:
    odd = Parcel(str(tmp_path / "x.exe"), "audio", "exe", 1, "aa")
    with pytest.raises(Rejected):
        await send(FakeApi(), [odd])


def unread(parcel: Parcel) -> Parcel:
    """The same, to be hashed as it is sent."""
    return replace(parcel, sha256=None, mtime_ns=Path(parcel.path).stat().st_mtime_ns)


@timeless
async def test_a_file_that_was_not_read_before_is_known_by_what_was_sent(
    pair: list[Parcel],
) -> None:
    api = FakeApi()
    assets = await send(api, [unread(each) for each in pair])

    assert [asset.sha256 for asset in assets] == [each.sha256 for each in pair]
    assert {api.uploads[asset.file_path].sha256 for asset in assets} == {
        each.sha256 for each in pair
    }


@timeless
@pytest.mark.parametrize("change", ["touched", "other bytes", "replaced"])
async def test_a_file_that_was_not_read_before_must_be_the_version_that_was_looked_at(
    pair: list[Parcel], change: str
) -> None:
    looked_at = unread(pair[0])
    path = Path(looked_at.path)
    if change == "replaced":
        path.unlink()
    if change != "touched":
        path.write_bytes(b"VIDEO" * 9)
    os.utime(path, ns=(1, 1))
    with pytest.raises(SourceUnfit) as caught:
        await send(FakeApi(), [looked_at])

    assert caught.value.code == "source_changed"


@timeless
async def test_a_file_that_vanishes_after_it_was_sent_is_unfit(
    pair: list[Parcel], monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = unread(pair[0])
    api = FakeApi()
    real = api.put

    async def vanishing(url: str, path: Path, size: int, progress: Progress) -> str:
        sent = await real(url, path, size, progress)
        path.unlink()
        return sent

    monkeypatch.setattr(FakeApi, "put", staticmethod(vanishing))
    with pytest.raises(SourceUnfit) as caught:
        await send(api, [looked_at])

    assert caught.value.code == "unreadable"


def test_files_that_were_not_read_are_told_apart_by_their_paths(pair: list[Parcel]) -> None:
    video = unread(pair[0])

    assert len({each.key for each in (video, pair[0], replace(video, path="/other"))}) == 3
