"""One rate for all transfers of a direction."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from test_client_script import answer, scripted
from test_slots import now, timeless

from batchsync.api import client
from batchsync.api.bandwidth import Bandwidth
from batchsync.api.client import HttpApi

KB = 1000
CONTENT = bytes(range(250)) * 40


async def transfer(bandwidth: Bandwidth, size: int, passed: Callable[[int], None]) -> None:
    while size > 0:
        piece = min(size, bandwidth.piece)
        await bandwidth.take(piece)
        passed(piece)
        size -= piece


@timeless
async def test_transfers_together_keep_to_the_rate_at_every_moment() -> None:
    bandwidth = Bandwidth(1000 * KB)
    passed: list[tuple[float, int]] = []
    begin = now()
    await asyncio.gather(
        *(
            transfer(bandwidth, 500 * KB, lambda count: passed.append((now() - begin, count)))
            for _ in range(6)
        )
    )

    total = 0
    for moment, count in passed:
        total += count
        # No more than half a second's worth ahead, and never behind by more than a timer's jitter.
        assert total <= 1000 * KB * (moment + 0.5)
    assert total == 3000 * KB
    assert 2.7 <= now() - begin <= 3.1


@timeless
async def test_a_pause_is_not_saved_up() -> None:
    bandwidth = Bandwidth(100 * KB)
    await asyncio.sleep(3600)
    begin = now()
    await transfer(bandwidth, 200 * KB, lambda _: None)

    assert now() - begin >= 1.7


@timeless
async def test_those_that_share_a_rate_get_on_alike() -> None:
    bandwidth = Bandwidth(100 * KB)
    got = [0, 0]

    async def endless(which: int) -> None:
        while True:
            await bandwidth.take(bandwidth.piece)
            got[which] += bandwidth.piece

    tasks = [asyncio.create_task(endless(which)) for which in (0, 1)]
    await asyncio.sleep(20)
    for task in tasks:
        task.cancel()

    assert sum(got) == pytest.approx(2000 * KB, rel=0.03)
    assert got[0] == pytest.approx(got[1], rel=0.05)


@pytest.mark.parametrize("rate", [1 << 10, 100 * KB, 20 << 20, 1 << 40])
def test_pieces_are_a_fraction_of_a_second_and_of_memory(rate: int) -> None:
    piece = Bandwidth(rate).piece

    assert 1 << 10 <= piece <= 1 << 18
    assert piece <= max(1 << 10, rate * 0.1)


async def test_an_upload_that_waits_for_its_share_is_no_stall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def long_wait(_: Bandwidth, __: int) -> None:
        await asyncio.sleep(0.6)

    monkeypatch.setattr(Bandwidth, "take", long_wait)
    monkeypatch.setattr(client, "_STALL", 0.5)
    path = tmp_path / "a.mp3"
    path.write_bytes(CONTENT)
    async with (
        scripted(answer(200)) as server,
        HttpApi(server.url, "k", limit_upload=1 << 20) as api,
    ):
        await api.put(f"{server.url}/x", path, len(CONTENT), lambda _: None)

    assert server.requests[0].body == CONTENT


async def test_an_upload_keeps_to_its_rate_and_arrives_whole(tmp_path: Path) -> None:
    rate = 20 * KB
    path = tmp_path / "a.mp3"
    path.write_bytes(CONTENT)
    begin = now()
    async with (
        scripted(answer(200)) as server,
        HttpApi(server.url, "k", limit_upload=rate, limit_download=1 << 10) as api,
    ):
        await api.put(f"{server.url}/x", path, len(CONTENT), lambda _: None)

    assert server.requests[0].body == CONTENT
    # A quarter of a second's worth may pass at once.
    assert now() - begin >= len(CONTENT) / rate - 0.26


async def test_a_download_keeps_to_its_own_rate_and_arrives_whole(tmp_path: Path) -> None:
    rate = 20 * KB
    part = tmp_path / "x.part"
    begin = now()
    async with (
        scripted(answer(200, CONTENT)) as server,
        HttpApi(server.url, "k", limit_upload=1 << 10, limit_download=rate) as api,
    ):
        await api.get(f"{server.url}/x", part, lambda _: None)

    assert part.read_bytes() == CONTENT
    assert now() - begin >= len(CONTENT) / rate - 0.26
