"""Bytes up and down: lengths, resuming, files that change underway."""

import asyncio
import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import IO

import pytest
from test_client_script import HANG_UP, HOLD, RESET, Answer, Scripted, answer, scripted

from batchsync.api import client, receiving, transfer
from batchsync.api.client import HttpApi
from batchsync.api.protocol import Fetched
from batchsync.api.transfer import BLOCK, Outgoing
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    NotFound,
    NotSent,
    OutputInvalid,
    OutputUnwritable,
    SourceUnfit,
    Throttled,
    Unavailable,
    Unintelligible,
    UrlExpired,
)

WHOLE = bytes(range(256)) * 40
HALF = len(WHOLE) // 2


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def put(
    path: Path, size: int, given: Answer, progress: Callable[[int], None] = lambda _: None
) -> tuple[str, Scripted]:
    async with scripted(given) as server, HttpApi(server.url, "k") as api:
        return await api.put(f"{server.url}/a?sig=%2F+%7e", path, size, progress), server


async def get(
    part: Path, *given: Answer, progress: Callable[[int], None] = lambda _: None
) -> tuple[Fetched, Scripted]:
    async with scripted(*given) as server, HttpApi(server.url, "k") as api:
        return await api.get(f"{server.url}/o?sig=%2F+%7e", part, progress), server


def ranged(content: bytes, span: str) -> bytes:
    return answer(206, content, {"Content-Range": f"bytes {span}"})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "voice.mp3"
    path.write_bytes(WHOLE)
    return path


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return tmp_path / ".batchsync-x.part"


async def test_an_upload_streams_with_its_length_and_nothing_that_a_signature_lacks(
    source: Path,
) -> None:
    moved: list[int] = []
    sent, server = await put(source, len(WHOLE), answer(200), moved.append)

    [request] = server.requests
    assert sent == digest(WHOLE)
    assert (request.method, request.target, request.body) == ("PUT", "/a?sig=%2F+%7e", WHOLE)
    assert request.headers["content-length"] == str(len(WHOLE))
    assert "transfer-encoding" not in request.headers
    assert "content-type" not in request.headers
    assert "expect" not in request.headers
    assert sum(moved) == len(WHOLE)


async def test_a_large_file_goes_up_block_by_block(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    content = b"x" * (3 * BLOCK + 17)
    path.write_bytes(content)
    moved: list[int] = []
    sent, server = await put(path, len(content), answer(201), moved.append)

    assert (sent, server.requests[0].body) == (digest(content), content)
    assert moved == [BLOCK, BLOCK, BLOCK, 17]


@pytest.mark.parametrize("size", [len(WHOLE) - 1, len(WHOLE) + 1, 1, len(WHOLE) * 3])
@pytest.mark.parametrize("given", [answer(200), HOLD])
async def test_a_file_that_has_shrunk_or_grown_is_unfit(
    source: Path, size: int, given: Answer
) -> None:
    with pytest.raises(SourceUnfit, match="changed while it was uploaded") as caught:
        await put(source, size, given)

    assert caught.value.code == "source_changed"


async def test_a_file_that_vanished_is_unfit(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfit, match="can't read") as caught:
        await put(tmp_path / "gone.mp3", 5, HOLD)

    assert caught.value.code == "unreadable"


async def test_a_directory_is_unfit(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfit):
        await put(tmp_path, 5, HOLD)


async def test_a_file_that_shrinks_between_two_blocks_is_unfit(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    path.write_bytes(b"x" * 4 * BLOCK)
    with pytest.raises(SourceUnfit):
        await put(path, 4 * BLOCK, HOLD, lambda _: os.truncate(path, BLOCK))


async def test_a_file_that_grows_between_two_blocks_is_unfit_or_goes_up_as_it_was(
    tmp_path: Path,
) -> None:
    """The server may have thanked for the announced bytes before the growth is seen."""
    path = tmp_path / "large.mp4"
    content = b"x" * 4 * BLOCK
    path.write_bytes(content)
    with suppress(SourceUnfit):
        sent, server = await put(
            path, len(content), answer(200), lambda _: os.truncate(path, len(content) + 10)
        )
        assert server.requests[0].body == content
        assert sent == digest(content)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(400), BatchsyncError),
        (answer(401), UrlExpired),
        (answer(403), UrlExpired),
        (answer(404), NotFound),
        (answer(429, b"", {"Retry-After": "3"}), Throttled),
        (answer(500), Unavailable),
        (answer(503), Unavailable),
        (RESET, AnswerLost),
        (HANG_UP, AnswerLost),
    ],
)
async def test_an_upload_that_storage_refuses_says_why(
    source: Path, given: Answer, kind: type[BatchsyncError]
) -> None:
    with pytest.raises(kind):
        await put(source, len(WHOLE), given)


async def test_an_upload_without_a_byte_moving_is_given_up(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_STALL", 0.05)
    with pytest.raises(AnswerLost, match="no answer in time"):
        await put(source, len(WHOLE), HOLD)


async def test_a_canceled_upload_stays_canceled(source: Path) -> None:
    task = asyncio.create_task(put(source, len(WHOLE), HOLD))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_download_is_counted_and_hashed(part: Path) -> None:
    moved: list[int] = []
    fetched, server = await get(part, answer(200, WHOLE), progress=moved.append)

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))
    assert part.read_bytes() == WHOLE
    assert sum(moved) == len(WHOLE)
    assert "range" not in server.requests[0].headers
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert server.requests[0].target == "/o?sig=%2F+%7e"


async def test_a_download_larger_than_a_block_comes_whole(part: Path) -> None:
    content = WHOLE * 300
    fetched, _ = await get(part, answer(200, content))

    assert fetched == Fetched(len(content), digest(content))
    assert part.read_bytes() == content


async def test_a_download_goes_on_where_it_stopped(part: Path) -> None:
    part.write_bytes(WHOLE[:HALF])
    span = f"{HALF}-{len(WHOLE) - 1}/{len(WHOLE)}"
    fetched, server = await get(part, ranged(WHOLE[HALF:], span))

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))
    assert part.read_bytes() == WHOLE
    assert server.requests[0].headers["range"] == f"bytes={HALF}-"


async def test_a_server_that_ignores_the_range_is_read_from_the_start(part: Path) -> None:
    part.write_bytes(b"?" * HALF)
    fetched, _ = await get(part, answer(200, WHOLE))

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))
    assert part.read_bytes() == WHOLE


async def test_a_part_that_is_whole_already_is_finished(part: Path) -> None:
    part.write_bytes(WHOLE)
    given = answer(416, b"", {"Content-Range": f"bytes */{len(WHOLE)}"})
    fetched, _ = await get(part, given)

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))


async def test_the_words_of_a_refused_range_do_not_get_into_the_file(part: Path) -> None:
    part.write_bytes(WHOLE)
    body = b"<Error><Code>InvalidRange</Code></Error>"
    given = answer(416, body, {"Content-Range": f"bytes */{len(WHOLE)}"})
    fetched, _ = await get(part, given)

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))
    assert part.read_bytes() == WHOLE


@pytest.mark.parametrize("total", [1, len(WHOLE) - 1, len(WHOLE) + 1])
async def test_a_part_of_another_length_is_begun_anew(part: Path, total: int) -> None:
    part.write_bytes(WHOLE)
    given = answer(416, b"", {"Content-Range": f"bytes */{total}"})
    with pytest.raises(Unintelligible) as caught:
        await get(part, given)

    assert caught.value.retryable
    assert part.read_bytes() == b""


@pytest.mark.parametrize(
    "span", [f"0-99/{len(WHOLE)}", "nonsense", "", f"{HALF + 1}-99/200", f"*/{len(WHOLE)}"]
)
async def test_a_range_that_was_not_asked_for_is_not_put_into_the_file(
    part: Path, span: str
) -> None:
    part.write_bytes(WHOLE[:HALF])
    with pytest.raises(Unintelligible):
        await get(part, ranged(WHOLE[HALF:], span))

    assert part.read_bytes() == b""


async def test_a_416_without_a_range_asked_is_an_error(part: Path) -> None:
    with pytest.raises(BatchsyncError):
        await get(part, answer(416, b"", {"Content-Range": "bytes */0"}))


async def test_a_range_shorter_than_announced_is_lost_and_its_bytes_stay(part: Path) -> None:
    part.write_bytes(WHOLE[:HALF])
    span = f"{HALF}-{len(WHOLE) - 1}/{len(WHOLE)}"
    with pytest.raises(AnswerLost):
        await get(part, ranged(WHOLE[HALF:-5], span))

    assert part.read_bytes() == WHOLE[:-5]


async def test_a_range_of_unknown_length_is_taken_as_it_is(part: Path) -> None:
    part.write_bytes(WHOLE[:HALF])
    fetched, _ = await get(part, ranged(WHOLE[HALF:], f"{HALF}-{len(WHOLE) - 1}/*"))

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))


async def test_an_empty_download_is_zero_bytes(part: Path) -> None:
    fetched, _ = await get(part, answer(200, b""))

    assert fetched == Fetched(0, digest(b""))


async def test_a_body_without_a_length_ends_with_the_connection(part: Path) -> None:
    fetched, _ = await get(part, answer(200, WHOLE, length=-1))

    assert fetched == Fetched(len(WHOLE), digest(WHOLE))


async def test_a_download_shorter_than_announced_is_lost_and_its_bytes_stay(part: Path) -> None:
    with pytest.raises(AnswerLost):
        await get(part, answer(200, WHOLE[:HALF], length=len(WHOLE)))

    assert part.read_bytes() == WHOLE[:HALF]


async def test_a_download_that_breaks_again_and_again_still_ends(part: Path) -> None:
    """Each try adds what came, however little that is."""
    total = len(WHOLE)
    step = total // 4
    url = "/o?x"
    async with HttpApi("http://127.0.0.1", "k") as api:
        for start in range(0, total, step):
            held = part.stat().st_size if part.exists() else 0
            if held < start:
                break
            head = {"Content-Range": f"bytes {start}-{total - 1}/{total}"} if start else {}
            given = answer(
                206 if start else 200,
                WHOLE[start : start + step],
                head,
                length=total - start,
            )
            async with scripted(given) as server:
                with suppress(AnswerLost):
                    await api.get(server.url + url, part, lambda _: None)

    assert part.read_bytes() == WHOLE


async def test_more_bytes_than_announced_are_not_taken(part: Path) -> None:
    with suppress(AnswerLost):
        await get(part, answer(200, b"rightwrong", length=5))

    assert part.read_bytes() in (b"", b"right")


async def test_a_download_without_end_is_given_up(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "_LARGEST_OUTPUT", 1000)
    with pytest.raises(OutputInvalid, match="does not end"):
        await get(part, answer(200, WHOLE))


async def test_a_download_without_a_byte_moving_is_given_up(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_STALL", 0.05)
    with pytest.raises(AnswerLost, match="no answer in time"):
        await get(part, HOLD)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
async def test_a_refused_download_leaves_the_part_alone(part: Path, status: int) -> None:
    part.write_bytes(WHOLE[:HALF])
    with pytest.raises(BatchsyncError):
        await get(part, answer(status, b"<Error>no</Error>"))

    assert part.read_bytes() == WHOLE[:HALF]


async def test_a_storage_that_is_not_there_was_sent_nothing(part: Path) -> None:
    async with HttpApi("http://127.0.0.1", "k") as api:
        with pytest.raises(NotSent):
            await api.get("http://storage.invalid/x", part, lambda _: None)


async def test_a_disk_that_is_full_is_told_as_such(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transfer.Incoming, "_write", full)
    with pytest.raises(OutputUnwritable, match="No space left"):
        await get(part, answer(200, WHOLE))


async def test_a_disk_that_is_full_is_told_as_such_at_the_sync(
    part: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputUnwritable):
        await get(part, answer(200, WHOLE))


async def test_a_folder_that_cannot_be_made_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputUnwritable):
        await get(tmp_path / "file" / "x.part", answer(200, WHOLE))


async def test_a_canceled_download_keeps_what_came(part: Path) -> None:
    moved = asyncio.Event()
    given = answer(200, WHOLE[:HALF], length=len(WHOLE)).replace(b"Connection: close\r\n", b"")

    async def held_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(given)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(held_open, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, HttpApi(url, "k") as api:
        task = asyncio.create_task(api.get(f"{url}/x", part, lambda _: moved.set()))
        await moved.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert part.read_bytes() == WHOLE[:HALF]


async def test_an_outgoing_file_hashes_what_it_yields(source: Path) -> None:
    with ThreadPoolExecutor(1) as executor:
        outgoing = Outgoing(source, len(WHOLE), executor)
        blocks = [block async for block in outgoing]

    assert b"".join(blocks) == WHOLE
    assert outgoing.sha256 == digest(WHOLE)
    assert outgoing.error is None


def meddling(monkeypatch: pytest.MonkeyPatch, at: int, meddle: Callable[[], object]) -> None:
    """Do something to the file before its n-th block is read."""
    real = Outgoing._block
    read: list[None] = []

    def block(outgoing: Outgoing, file: IO[bytes]) -> bytes:
        read.append(None)
        if len(read) == at:
            meddle()
        return real(outgoing, file)

    monkeypatch.setattr(Outgoing, "_block", block)


def large(path: Path) -> bytes:
    content = os.urandom(2 * BLOCK + 5)
    path.write_bytes(content)
    # Some file systems keep times to within milliseconds only.
    os.utime(path, ns=(1, 1))
    return content


async def test_a_file_that_is_rewritten_underneath_never_arrives_whole(
    source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = large(source)

    def rewrite() -> None:
        with source.open("r+b") as file:
            file.write(b"other")

    meddling(monkeypatch, 2, rewrite)
    sent: list[int] = []
    with pytest.raises(SourceUnfit, match="changed while it was uploaded"):
        await put(source, len(content), HOLD, sent.append)

    assert sum(sent) < len(content)


@pytest.mark.parametrize("meddle", ["touch", "chmod", "link"])
async def test_a_file_that_is_only_touched_meanwhile_is_sent(
    source: Path, monkeypatch: pytest.MonkeyPatch, meddle: str
) -> None:
    content = large(source)
    acts: dict[str, Callable[[], object]] = {
        "touch": source.touch,
        "chmod": lambda: source.chmod(0o600),
        "link": lambda: os.link(source, source.with_suffix(".bak")),
    }
    meddling(monkeypatch, 2, acts[meddle])
    sent, server = await put(source, len(content), answer(200))

    assert sent == digest(content)
    assert server.requests[0].body == content
