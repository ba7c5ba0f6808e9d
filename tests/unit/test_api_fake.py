"""The fake's own promises: its books, its clock, its faults."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from batchsync.api.fake import FakeApi
from batchsync.errors import AnswerLost, NotSent, Unavailable

BODY: dict[str, Any] = {
    "start_seconds": 0,
    "end_seconds": 1,
    "assets": {
        "video_source": "youtube",
        "youtube_url": "https://youtu.be/x",
        "audio_file_path": "https://x.example/a.mp3",
    },
}


async def test_the_books_add_up() -> None:
    api = FakeApi(credits=100, fps=20)
    made = [(await api.create(BODY)).id for _ in range(3)]
    assert (api.charged, api.balance) == (90, 10)
    api.finish(made[0])
    api.break_render(made[1], "unknown_error")
    api.cancel(made[2])

    assert (api.charged, api.refunded, api.balance) == (20, 70, 80)


@pytest.mark.parametrize("looks", [0, 1, 4])
async def test_a_render_ends_after_so_many_looks(looks: int) -> None:
    api = FakeApi(looks=looks)
    project_id = (await api.create(BODY)).id
    statuses = [(await api.project(project_id)).status for _ in range(looks + 1)]

    assert statuses == ["rendering"] * looks + ["complete"]


async def test_a_render_may_wait_for_a_word() -> None:
    api = FakeApi(looks=None)
    project_id = (await api.create(BODY)).id
    for _ in range(20):
        assert (await api.project(project_id)).status == "queued"
    api.finish(project_id)

    assert (await api.project(project_id)).status == "complete"


async def test_a_fault_before_has_no_effect_and_one_after_has() -> None:
    api = FakeApi()
    api.fail("create", NotSent("a"), Unavailable("b"))
    api.fail("create", AnswerLost("c"), after=True)
    for kind in (NotSent, Unavailable, AnswerLost):
        with pytest.raises(kind):
            await api.create(BODY)

    assert len(api.jobs) == 1
    assert [name for name, _ in api.calls] == ["create"] * 3


async def test_a_fault_may_look_at_the_call() -> None:
    def hook(name: str, args: tuple[Any, ...]) -> BaseException | None:
        odd = name == "create" and args[0]["end_seconds"] == 2
        return AnswerLost("x") if odd else None

    api = FakeApi(after=hook)
    await api.create(BODY)
    with pytest.raises(AnswerLost):
        await api.create({**BODY, "end_seconds": 2})

    assert len(api.jobs) == 2


async def test_the_same_calls_give_the_same_ids() -> None:
    ids = [[(await api.create(BODY)).id for _ in range(3)] for api in (FakeApi(), FakeApi())]

    assert ids[0] == ids[1]


async def test_calls_at_once_give_way_to_each_other() -> None:
    api = FakeApi(credits=45)
    results = await asyncio.gather(*(api.create(BODY) for _ in range(3)), return_exceptions=True)

    assert len(api.jobs) == 1
    assert sum(isinstance(result, Exception) for result in results) == 2


async def test_cuts_are_told_to_the_byte(tmp_path: Path) -> None:
    api = FakeApi(b"0123456789", looks=0)
    url = (await api.project((await api.create(BODY)).id)).output_url
    assert url is not None
    api.cuts.extend([3, 0, 4])
    sizes = []
    for _ in range(3):
        with pytest.raises(AnswerLost):
            await api.get(url, tmp_path / "part", lambda _: None)
        sizes.append((tmp_path / "part").stat().st_size)
    fetched = await api.get(url, tmp_path / "part", lambda _: None)

    assert sizes == [3, 3, 7]
    assert fetched.size == 10
    assert (tmp_path / "part").read_bytes() == b"0123456789"
