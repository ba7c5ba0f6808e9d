"""The storage host behaves as an object store behind signed URLs does."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from batchsync.sandbox import SandboxSettings, rules
from batchsync.sandbox.intake import ShortBody, store
from batchsync.sandbox.testing import Visitor, visited


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def visitor(clock: Clock) -> AsyncIterator[Visitor]:
    async with visited(SandboxSettings(fast=True), clock=clock) as found:
        yield found


@pytest.fixture
async def output(visitor: Visitor) -> str:
    job = await visitor.create()
    url: str = (await visitor.ended(job["id"]))["downloads"][0]["url"]
    return url


async def fetch(visitor: Visitor, url: str, method: str = "GET", **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with visitor.session.request(method, url, headers=named) as answer:
        return answer.status, await answer.read(), answer.headers


async def put(visitor: Visitor, url: str, data, **headers: str):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with visitor.session.put(url, data=data, headers=named) as answer:
        return answer.status, await answer.text()


async def test_an_upload_is_stored_whole(visitor: Visitor) -> None:
    content = b"0123456789" * 300_000
    place = await visitor.upload_url("video", "mp4")

    assert (await put(visitor, place["upload_url"], BytesIO(content)))[0] == 200

    stored = visitor.sandbox._shelf.file(place["file_path"])
    assert stored.read_bytes() == content
    assert visitor.sandbox._shelf.digest(place["file_path"]) == hashlib.sha256(content).hexdigest()
    report = visitor.sandbox.report()
    assert (report["uploads"], report["uploaded_bytes"]) == (1, len(content))


async def test_a_second_upload_replaces_the_first(visitor: Visitor) -> None:
    place = await visitor.upload_url("audio", "mp3")
    for content in (b"first", b"second"):
        await put(visitor, place["upload_url"], content)

    assert visitor.sandbox._shelf.file(place["file_path"]).read_bytes() == b"second"


async def test_an_upload_without_a_length_is_refused(visitor: Visitor) -> None:
    async def pieces():
        yield b"some"

    place = await visitor.upload_url("video", "mp4")

    status, body = await put(visitor, place["upload_url"], pieces())

    assert (status, "Transfer-Encoding" in body) == (501, True)


async def raw(visitor: Visitor, text: bytes, *, leave: bool = False) -> bytes:
    """Send bytes, and leave if told so; what comes back."""
    port = urlsplit(visitor.sandbox.storage_url).port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    if leave:
        writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def put_head(visitor: Visitor, url: str, *headers: str) -> bytes:
    parts = urlsplit(url)
    lines = [f"PUT {parts.path}?{parts.query} HTTP/1.1", f"Host: {parts.netloc}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def test_an_upload_that_says_no_length_at_all_is_refused(visitor: Visitor) -> None:
    place = await visitor.upload_url("video", "mp4")

    answer = await raw(visitor, put_head(visitor, place["upload_url"], "Connection: close"))

    assert answer.startswith(b"HTTP/1.1 411 ")


async def test_a_short_upload_is_not_stored(visitor: Visitor) -> None:
    place = await visitor.upload_url("video", "mp4")
    head = put_head(visitor, place["upload_url"], "Content-Length: 1000")

    await raw(visitor, head + b"only this much", leave=True)

    while not visitor.sandbox.report()["uploads_aborted"]:
        await asyncio.sleep(0.01)
    stored = visitor.sandbox._shelf.file(place["file_path"])
    assert list(stored.parent.iterdir()) == []
    body = {"start_seconds": 0, "end_seconds": 1}
    assets = {"video_source": "file", "video_file_path": place["file_path"]}
    assets["audio_file_path"] = "https://media.example.com/a.mp3"
    status, answer = await visitor.call("POST", "/v1/lip-sync", {**body, "assets": assets})
    assert (status, "was not uploaded" in answer["message"]) == (422, True)


class Body:
    """What an upload's body is read from."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    async def readany(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


async def test_a_body_that_ends_early_and_quietly_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ShortBody):
        await store(Body(b"only ", b"this"), 10, tmp_path / "file")

    assert list(tmp_path.iterdir()) == []
    await store(Body(b"only ", b"this"), 9, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"only this"


async def test_an_upload_beyond_the_plan_is_refused(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visitor.sandbox._storage, "_most_bytes", 10)
    place = await visitor.upload_url("video", "mp4")

    status, body = await put(visitor, place["upload_url"], b"eleven bytes")

    assert (status, "<Code>EntityTooLarge</Code>" in body) == (400, True)


def test_plans_allow_what_is_published() -> None:
    assert rules.UPLOAD_BYTES == {
        "free": 200_000_000,
        "creator": 2_000_000_000,
        "pro": 5_000_000_000,
        "business": 10_000_000_000,
    }


async def test_a_wrong_signature_is_refused(visitor: Visitor) -> None:
    place = await visitor.upload_url("video", "mp4")
    other = await visitor.upload_url("video", "mp4")
    stolen = f"{urlsplit(place['upload_url']).query}"
    url = other["upload_url"].partition("?")[0]

    for forged in (url, f"{url}?{stolen}", f"{place['upload_url']}0"):
        status, body = await put(visitor, forged, b"x")
        assert (status, "<Code>SignatureDoesNotMatch</Code>" in body) == (403, True)


async def test_an_upload_url_cannot_be_read_from(visitor: Visitor, output: str) -> None:
    assert (await put(visitor, output, b"x"))[0] in {404, 405}


async def test_urls_expire(visitor: Visitor, output: str, clock: Clock) -> None:
    place = await visitor.upload_url("video", "mp4")
    clock.now += 3601
    status, body = await put(visitor, place["upload_url"], b"x")
    assert (status, "Request has expired" in body) == (403, True)

    assert (await fetch(visitor, output))[0] == 200
    clock.now += 86_400
    assert (await fetch(visitor, output))[0] == 403


async def test_a_fresh_look_gives_a_fresh_url(visitor: Visitor, clock: Clock) -> None:
    job = await visitor.create()
    await visitor.ended(job["id"])
    clock.now += 2 * 86_400

    shown = await visitor.show(job["id"])

    assert (await fetch(visitor, shown["downloads"][0]["url"]))[0] == 200


async def test_uploads_expire_after_seven_days(visitor: Visitor, clock: Clock, tmp_path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"sound")
    path = await visitor.upload("audio", tmp_path / "a.mp3")
    assets = {
        "video_source": "file",
        "video_file_path": "https://media.example.com/v.mp4",
        "audio_file_path": path,
    }
    clock.now += 7 * 86_400 - 1
    await visitor.create(assets=assets)
    clock.now += 1

    body = {"start_seconds": 0, "end_seconds": 1, "assets": assets}
    status, answer = await visitor.call("POST", "/v1/lip-sync", body)

    assert (status, "has expired" in answer["message"]) == (422, True)


async def test_a_key_at_the_storage_is_refused_and_remembered(
    visitor: Visitor, output: str
) -> None:
    status, _, _ = await fetch(visitor, output, Authorization="Bearer secret")

    assert status == 400
    assert visitor.sandbox.report()["key_at_storage"] == 1


@pytest.mark.parametrize(
    ("asked", "slice_of"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=10-", slice(10, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999", slice(5, None)),
    ],
)
async def test_a_part_can_be_asked_for(
    visitor: Visitor, output: str, asked: str, slice_of: slice
) -> None:
    _, whole, _ = await fetch(visitor, output)

    status, part, headers = await fetch(visitor, output, Range=asked)

    assert (status, part) == (206, whole[slice_of])
    first, last, _ = slice_of.indices(len(whole))
    assert headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(whole)}"


@pytest.mark.parametrize("asked", ["bytes=9-3", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "all"])
async def test_a_range_that_makes_no_sense_is_passed_over(
    visitor: Visitor, output: str, asked: str
) -> None:
    status, _, headers = await fetch(visitor, output, Range=asked)

    assert (status, "Content-Range" in headers) == (200, False)


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(visitor: Visitor, output: str, asked: str) -> None:
    _, whole, _ = await fetch(visitor, output)

    status, _, headers = await fetch(visitor, output, Range=asked)

    assert (status, headers["Content-Range"]) == (416, f"bytes */{len(whole)}")


async def test_a_part_comes_only_of_the_same_content(visitor: Visitor, output: str) -> None:
    _, whole, headers = await fetch(visitor, output)

    for validator, status in (
        (headers["ETag"], 206), (headers["Last-Modified"], 206), ('"other"', 200),
    ):  # fmt: skip
        found, body, _ = await fetch(visitor, output, Range="bytes=3-", If_Range=validator)
        assert (found, body) == (status, whole[3:] if status == 206 else whole)


async def test_head_is_a_get_without_its_body(visitor: Visitor, output: str) -> None:
    _, whole, headers = await fetch(visitor, output)

    status, body, head = await fetch(visitor, output, "HEAD")

    assert (status, body, head["Content-Length"]) == (200, b"", str(len(whole)))
    assert head["ETag"] == headers["ETag"]
    assert visitor.sandbox.report()["downloads"] == 1


async def test_a_deleted_output_is_gone(visitor: Visitor) -> None:
    job = await visitor.create()
    url = (await visitor.ended(job["id"]))["downloads"][0]["url"]

    assert (await visitor.call("DELETE", f"/v1/video-projects/{job['id']}"))[0] == 204

    assert (await fetch(visitor, url))[0] == 404
    assert (await visitor.call("GET", f"/v1/video-projects/{job['id']}"))[0] == 404


async def test_api_and_storage_do_not_answer_for_each_other(visitor: Visitor, output: str) -> None:
    sandbox = visitor.sandbox
    assert urlsplit(sandbox.base_url).hostname != urlsplit(sandbox.storage_url).hostname

    status, body, _ = await fetch(
        visitor, f"{sandbox.storage_url}/v1/account", Authorization="Bearer test"
    )
    assert (status, b"<Error>" in body) == (404, True)
    moved = output.replace(sandbox.storage_url, sandbox.base_url)
    status, body, _ = await fetch(visitor, moved)
    assert (status, b'"message"' in body) == (404, True)
