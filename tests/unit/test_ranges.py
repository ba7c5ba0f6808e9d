"""A large file over several connections: in order, of one object, and never anything else."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from test_slots import settle, timeless

from batchsync.api import ranges
from batchsync.api.client import HttpApi
from batchsync.api.protocol import Fetched
from batchsync.api.ranges import Whole, divisible, in_order, pays
from batchsync.errors import AnswerLost, Unavailable

PIECE = 10_000
WHOLE = bytes(range(251)) * 1000
MB = 1 << 20


@dataclass
class Store:
    """An object store with one object."""

    content: bytes = WHOLE
    etag: str | None = '"one"'
    ranged: bool = True
    cut: int | None = None
    held_from: int | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[tuple[str | None, str | None]] = field(default_factory=list)
    url: str = ""

    async def get(self, request: web.Request) -> web.StreamResponse:
        asked, condition = request.headers.get("Range"), request.headers.get("If-Range")
        self.asked.append((asked, condition))
        start, end, status, headers = 0, len(self.content), 200, {}
        if self.etag:
            headers["ETag"] = self.etag
        if self.ranged:
            headers["Accept-Ranges"] = "bytes"
        if asked and self.ranged and condition in (None, self.etag):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            start, end, status = int(first), int(last) + 1 if last else end, 206
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(self.content)}"
        if self.held_from is not None and start >= self.held_from:
            self.held.set()
            await asyncio.sleep(30)
        answer = web.StreamResponse(status=status, headers=headers)
        answer.content_length = end - start
        await answer.prepare(request)
        if start and start == self.cut and request.transport:
            await answer.write(self.content[start : start + 1])
            request.transport.close()
            return answer
        for place in range(start, end, 1000):
            await answer.write(self.content[place : min(place + 1000, end)])
        return answer


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The figures of large files, at the size of a test."""
    monkeypatch.setattr(ranges, "_PIECE", PIECE)
    monkeypatch.setattr(ranges, "_TRIAL", 1)
    monkeypatch.setattr(ranges, "_LEAST_LEFT", PIECE)
    monkeypatch.setattr(ranges, "_FAST", float("inf"))


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / "x.part"


@asynccontextmanager
async def serving(store: Store) -> AsyncIterator[Store]:
    app = web.Application()
    app.add_routes([web.get("/x", store.get)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield store
    finally:
        await runner.cleanup()


async def get(api: HttpApi, store: Store, part: Path) -> Fetched:
    return await api.get(f"{store.url}/x", part, lambda _: None)


def fetched(content: bytes = WHOLE) -> Fetched:
    return Fetched(len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.usefixtures("small")
async def test_pieces_of_one_object_make_the_whole(part: Path) -> None:
    async with serving(Store()) as store, HttpApi(store.url, "k") as api:
        assert await get(api, store, part) == fetched()

    assert part.read_bytes() == WHOLE
    assert store.asked[0] == (None, None)
    assert len(store.asked) > 10
    assert {condition for _, condition in store.asked[1:]} == {'"one"'}


@pytest.mark.usefixtures("small")
async def test_a_download_that_was_cut_off_goes_on_in_pieces(part: Path) -> None:
    part.write_bytes(WHOLE[:12_345])
    async with serving(Store()) as store, HttpApi(store.url, "k") as api:
        assert await get(api, store, part) == fetched()

    assert store.asked[0] == ("bytes=12345-", None)
    assert len(store.asked) > 10


@pytest.mark.usefixtures("small")
async def test_an_object_that_is_replaced_meanwhile_is_not_mixed_with_the_other(
    part: Path,
) -> None:
    store = Store()
    async with HttpApi("http://127.0.0.1", "k") as api:
        real = store.get

        async def replaced(request: web.Request) -> web.StreamResponse:
            if len(store.asked) == 8:
                store.content, store.etag = WHOLE[::-1], '"two"'
            return await real(request)

        store.get = replaced  # type: ignore[method-assign]
        async with serving(store):
            with pytest.raises(AnswerLost) as caught:
                await get(api, store, part)
            assert caught.value.retryable
            assert part.read_bytes() == b""
            assert await get(api, store, part) == fetched(WHOLE[::-1])


@pytest.mark.usefixtures("small")
async def test_a_host_that_refuses_pieces_is_asked_for_the_rest_in_one_go(part: Path) -> None:
    store = Store()
    async with HttpApi("http://127.0.0.1", "k") as api:
        real = store.get

        async def reluctant(request: web.Request) -> web.StreamResponse:
            if "If-Range" in request.headers:
                return web.Response(status=503)
            return await real(request)

        store.get = reluctant  # type: ignore[method-assign]
        async with serving(store):
            with pytest.raises(Unavailable):
                await get(api, store, part)
            kept = part.stat().st_size
            assert await get(api, store, part) == fetched()

    assert store.asked == [(None, None), (f"bytes={kept}-" if kept else None, None)]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "store",
    [Store(etag=None), Store(etag='W/"weak"'), Store(ranged=False)],
    ids=["no tag", "weak tag", "no ranges"],
)
async def test_where_pieces_cannot_be_told_to_be_of_one_object_there_is_one_request(
    part: Path, store: Store
) -> None:
    async with serving(store), HttpApi(store.url, "k") as api:
        assert await get(api, store, part) == fetched()

    assert len(store.asked) == 1


@pytest.mark.usefixtures("small")
async def test_files_that_come_side_by_side_have_one_connection_each(tmp_path: Path) -> None:
    async with (
        serving(Store(held_from=1000)) as store,
        HttpApi(store.url, "k") as api,
    ):
        # The first is held by the server while the second comes.
        held = tmp_path / "held.part"
        held.write_bytes(WHOLE[:2000])
        first = asyncio.create_task(get(api, store, held))
        await store.held.wait()
        assert await get(api, store, tmp_path / "second.part") == fetched()
        assert len(store.asked) == 2
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        store.held_from = None
        assert await get(api, store, tmp_path / "third.part") == fetched()

    assert len(store.asked) > 10


@pytest.mark.usefixtures("small")
async def test_a_download_under_a_limit_uses_one_connection(part: Path) -> None:
    async with serving(Store()) as store, HttpApi(store.url, "k", limit_download=MB) as api:
        assert await get(api, store, part) == fetched()

    assert len(store.asked) == 1


@pytest.mark.usefixtures("small")
async def test_a_piece_that_breaks_off_leaves_the_files_beginning(part: Path) -> None:
    store = Store()
    async with HttpApi("http://127.0.0.1", "k") as api:
        real = store.get

        async def breaking(request: web.Request) -> web.StreamResponse:
            if len(store.asked) == 6:
                first = request.headers["Range"].removeprefix("bytes=").partition("-")[0]
                store.cut = int(first)
            return await real(request)

        store.get = breaking  # type: ignore[method-assign]
        async with serving(store):
            with pytest.raises(AnswerLost):
                await get(api, store, part)
            assert WHOLE.startswith(part.read_bytes())
            store.get = real  # type: ignore[method-assign]
            store.cut = None
        async with serving(store):
            assert await get(api, store, part) == fetched()


@pytest.mark.usefixtures("small")
async def test_a_canceled_download_keeps_the_files_beginning(part: Path) -> None:
    async with (
        serving(Store(held_from=100_000)) as store,
        HttpApi(store.url, "k") as api,
    ):
        task = asyncio.create_task(get(api, store, part))
        await store.held.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert WHOLE.startswith(part.read_bytes())
        store.held_from = None
        assert await get(api, store, part) == fetched()


@timeless
async def test_pieces_come_in_order_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "_PIECE", 10)
    under_way: set[int] = set()
    most = 0

    async def fetch(start: int, end: int) -> list[bytes]:
        nonlocal most
        under_way.add(start)
        most = max(most, len(under_way))
        # The later a piece, the sooner it comes.
        await asyncio.sleep(1000 - start)
        under_way.remove(start)
        return [f"{start}-{end}".encode()]

    came = [piece async for piece in in_order(5, 98, fetch)]

    assert came[:2] == [[b"5-15"], [b"15-25"]]
    assert came[-1] == [b"95-98"]
    assert len(came) == 10
    assert most == 4


@timeless
async def test_a_piece_that_fails_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "_PIECE", 10)
    canceled: list[int] = []

    async def fetch(start: int, _: int) -> list[bytes]:
        if start == 10:
            raise AnswerLost("broken")
        try:
            await asyncio.sleep(0 if start == 0 else 99)
        except asyncio.CancelledError:
            canceled.append(start)
            raise
        return [b"x"]

    came = []
    with pytest.raises(AnswerLost):
        async for piece in in_order(0, 100, fetch):
            came.append(piece)
    await settle()

    assert came == [[b"x"]]
    assert canceled == [20, 30]


@pytest.mark.parametrize(
    ("status", "headers", "size", "whole"),
    [
        (200, {"ETag": '"a"', "Accept-Ranges": "bytes"}, 9, Whole(9, '"a"')),
        (206, {"ETag": '"a"'}, 9, Whole(9, '"a"')),
        (200, {"ETag": '"a"'}, 9, None),
        (200, {"ETag": '"a"', "Accept-Ranges": "none"}, 9, None),
        (200, {"ETag": 'W/"a"', "Accept-Ranges": "bytes"}, 9, None),
        (200, {"Accept-Ranges": "bytes"}, 9, None),
        (206, {"ETag": '"a"'}, None, None),
    ],
)
def test_what_can_be_divided(
    status: int, headers: dict[str, str], size: int | None, whole: Whole | None
) -> None:
    assert divisible(status, headers, size) == whole


@pytest.mark.parametrize(
    ("have", "came", "seconds", "expected"),
    [
        (8 * MB, 8 * MB, 0.4, True),
        (8 * MB, 8 * MB, 0.1, False),  # fast enough
        (4 * MB, 4 * MB, 0.2, False),  # too soon to tell
        (180 * MB, 8 * MB, 0.4, False),  # not worth it any more
    ],
)
def test_further_connections_are_for_large_rests_that_come_slowly(
    have: int, came: int, seconds: float, expected: bool
) -> None:
    assert pays(Whole(200 * MB, '"a"'), have, came, seconds) is expected
