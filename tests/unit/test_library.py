"""One content, one upload, whoever needs it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from test_slots import timeless

from batchsync.engine.library import REUSE_SECONDS, Library
from batchsync.errors import NotSent, SourceUnfit
from batchsync.model import Asset
from batchsync.stages.upload import Key, Parcel

VIDEO = Parcel("/in/v.mp4", "video", "mp4", 100, "vv")
AUDIOS = [Parcel(f"/in/{n}.mp3", "audio", "mp3", 10, f"a{n}") for n in range(20)]


def asset(parcel: Parcel) -> Asset:
    name = f"api-assets/{parcel.sha256}.{parcel.role}.{parcel.extension}"
    return Asset(parcel.sha256, parcel.role, parcel.extension, parcel.size, name, 0.0)


class Storage:
    """Takes a second for each upload."""

    def __init__(self, *known: Asset) -> None:
        self.sent: Counter[str] = Counter()
        self.saved: list[int] = []
        self.hashed = "unread"
        self.fails: Callable[[Parcel], Exception | None] = lambda _: None
        self.now = 0.0
        self.elsewhere: dict[Key, Asset] = {}
        self.library = Library(
            known, self._send, self.saved.append, lambda: self.now, self._elsewhere
        )

    async def _elsewhere(self, parcels: Sequence[Parcel]) -> dict[Key, Asset]:
        return {
            each.key: self.elsewhere[each.key] for each in parcels if each.key in self.elsewhere
        }

    async def _send(self, parcels: Sequence[Parcel]) -> list[Asset]:
        self.sent.update(parcel.path for parcel in parcels)
        await asyncio.sleep(1)
        for parcel in parcels:
            if error := self.fails(parcel):
                raise error
        return [asset(replace(each, sha256=each.sha256 or self.hashed)) for each in parcels]


async def names_of(storage: Storage, parcels: list[Parcel]) -> list[str]:
    return [asset.file_path for asset in await storage.library.assets(parcels)]


@timeless
async def test_a_content_that_many_jobs_share_goes_up_once() -> None:
    storage = Storage()
    names = await asyncio.gather(*(names_of(storage, [VIDEO, audio]) for audio in AUDIOS))

    assert storage.sent == {VIDEO.path: 1} | {audio.path: 1 for audio in AUDIOS}
    assert {pair[0] for pair in names} == {"api-assets/vv.video.mp4"}
    assert len({pair[1] for pair in names}) == len(AUDIOS)
    assert sum(storage.saved) == 100 * (len(AUDIOS) - 1)


@timeless
async def test_what_an_earlier_run_sent_is_not_sent_again() -> None:
    storage = Storage(asset(VIDEO))

    assert await names_of(storage, [VIDEO]) == ["api-assets/vv.video.mp4"]
    assert (storage.sent, storage.saved) == ({}, [100])


@timeless
async def test_an_upload_that_has_grown_old_is_made_again() -> None:
    storage = Storage(asset(VIDEO))
    storage.now = REUSE_SECONDS + 1.0
    await names_of(storage, [VIDEO])

    assert storage.sent == {VIDEO.path: 1}


@timeless
async def test_the_same_bytes_in_another_role_or_form_are_sent_again() -> None:
    storage = Storage(asset(VIDEO))
    other = [replace(VIDEO, path="/a", role="audio"), replace(VIDEO, path="/b", extension="mov")]
    await names_of(storage, other)

    assert storage.sent == {"/a": 1, "/b": 1}


@timeless
async def test_a_job_without_local_files_sends_nothing() -> None:
    storage = Storage()

    assert await names_of(storage, []) == []
    assert not storage.sent


@timeless
async def test_a_bad_file_does_not_poison_the_same_content_elsewhere() -> None:
    storage = Storage()
    bad = replace(VIDEO, path="/in/changed.mp4")
    storage.fails = lambda parcel: SourceUnfit("changed") if parcel == bad else None
    results = await asyncio.gather(
        names_of(storage, [bad]),
        names_of(storage, [VIDEO]),
        names_of(storage, [VIDEO]),
        return_exceptions=True,
    )

    assert isinstance(results[0], SourceUnfit)
    assert results[1:] == [["api-assets/vv.video.mp4"]] * 2
    assert storage.sent == {bad.path: 1, VIDEO.path: 1}


@timeless
async def test_a_bad_audio_does_not_poison_the_video_that_others_share() -> None:
    storage = Storage()
    storage.fails = lambda parcel: SourceUnfit("x") if parcel == AUDIOS[0] else None
    results = await asyncio.gather(
        *(names_of(storage, [VIDEO, audio]) for audio in AUDIOS[:4]),
        return_exceptions=True,
    )

    assert isinstance(results[0], SourceUnfit)
    assert all(isinstance(result, list) for result in results[1:])


@timeless
async def test_an_outage_fails_all_that_wait_and_the_next_may_try_again() -> None:
    storage = Storage()
    storage.fails = lambda _: NotSent("down")
    results = await asyncio.gather(
        *(names_of(storage, [VIDEO]) for _ in range(3)), return_exceptions=True
    )
    assert all(isinstance(result, NotSent) for result in results)
    storage.fails = lambda _: None

    assert await names_of(storage, [VIDEO]) == ["api-assets/vv.video.mp4"]


@timeless
async def test_a_canceled_wait_does_not_stop_the_upload() -> None:
    storage = Storage()
    first = asyncio.create_task(names_of(storage, [VIDEO]))
    second = asyncio.create_task(names_of(storage, [VIDEO]))
    await asyncio.sleep(0.5)
    second.cancel()

    assert await first == ["api-assets/vv.video.mp4"]
    assert storage.sent == {VIDEO.path: 1}


@timeless
async def test_a_canceled_upload_is_taken_over_by_the_next_that_waits() -> None:
    storage = Storage()
    first = asyncio.create_task(names_of(storage, [VIDEO]))
    second = asyncio.create_task(names_of(storage, [VIDEO]))
    await asyncio.sleep(0.5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    assert await second == ["api-assets/vv.video.mp4"]


@timeless
async def test_a_file_hashed_as_it_is_sent_goes_up_once_and_is_then_known_by_its_content() -> None:
    storage = Storage()
    storage.hashed = "vv"
    unread = replace(VIDEO, sha256=None)
    names = await asyncio.gather(*(names_of(storage, [unread]) for _ in range(5)))

    assert storage.sent == {VIDEO.path: 1}
    assert names == [["api-assets/vv.video.mp4"]] * 5
    assert await names_of(storage, [replace(VIDEO, path="/copy.mp4")]) == names[0]
    assert storage.sent == {VIDEO.path: 1}


@timeless
async def test_a_file_that_could_not_be_sent_unread_is_tried_again_by_the_next() -> None:
    storage = Storage()
    storage.hashed = "vv"
    unread = replace(VIDEO, sha256=None)
    storage.fails = lambda _: NotSent("down")
    with pytest.raises(NotSent):
        await names_of(storage, [unread])
    storage.fails = lambda _: None

    assert await names_of(storage, [unread]) == ["api-assets/vv.video.mp4"]


@timeless
async def test_what_another_batch_has_sent_meanwhile_is_not_sent_again() -> None:
    storage = Storage()
    unread = replace(VIDEO, sha256=None)
    storage.elsewhere = {unread.key: asset(VIDEO)}
    names = await asyncio.gather(*(names_of(storage, [unread, AUDIOS[0]]) for _ in range(2)))

    assert names == [["api-assets/vv.video.mp4", "api-assets/a0.audio.mp3"]] * 2
    assert storage.sent == {AUDIOS[0].path: 1}
    assert sorted(storage.saved) == [10, 100, 100]
    assert await names_of(storage, [VIDEO]) == ["api-assets/vv.video.mp4"]


@timeless
async def test_the_youngest_upload_of_a_content_counts() -> None:
    storage = Storage(asset(VIDEO))
    younger = replace(asset(VIDEO), file_path="api-assets/young", uploaded_at=99.0)
    storage.library.add([younger, asset(VIDEO)])
    storage.now = REUSE_SECONDS + 50.0

    assert await names_of(storage, [VIDEO]) == ["api-assets/young"]
    assert not storage.sent
