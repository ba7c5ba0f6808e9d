"""The receiver: what it takes, what it refuses and with which status, and that it never falls."""

import asyncio
import socket
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest

from batchsync.errors import UsageError
from batchsync.sandbox.webhooks import sign
from batchsync.webhook.address import Address
from batchsync.webhook.event import WebhookEvent
from batchsync.webhook.receiver import Receiver, listening

SECRET = "whsec_1"
NOW = 1_790_000_000.0
BODY = b'{"type": "video.completed", "payload": {"id": "p1", "status": "complete"}}'


class Post:
    """Sends to a receiver that is listening."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session = session
        self.url = f"http://127.0.0.1:{port}"
        self.heard: list[WebhookEvent] = []
        self.clock = [NOW]

    async def __call__(
        self, body: bytes = BODY, secret: str = SECRET, at: float = NOW, path: str = "/hook"
    ) -> int:
        headers = sign(secret.encode(), body, at)
        async with self._session.post(
            self.url + path, data=BytesIO(body), headers=headers
        ) as answer:
            assert await answer.text() in ("", "404: Not Found")
            return answer.status


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    heard: list[WebhookEvent] = []
    clock = [NOW]
    receiver = Receiver(SECRET, heard.append, lambda: clock[0])
    async with (
        listening(receiver, Address("127.0.0.1", 0, "/hook")) as port,
        aiohttp.ClientSession() as session,
    ):
        made = Post(session, port)
        made.heard, made.clock = heard, clock
        made.receiver = receiver  # type: ignore[attr-defined]
        yield made


async def test_an_event_is_heard_once_however_often_it_is_sent(post: Post) -> None:
    assert [await post() for _ in range(3)] == [200, 200, 200]
    assert [event.project.id for event in post.heard] == ["p1"]
    assert post.receiver.counts == {"accepted": 1, "repeated": 2}  # type: ignore[attr-defined]


async def test_what_is_refused_is_refused_with_its_status_and_counted(post: Post) -> None:
    assert await post(secret="other") == 401
    assert await post(at=NOW - 301) == 401
    assert await post(body=b"not json") == 400
    assert await post(body=b"x" * (1 << 20) + b"y") == 413
    assert await post(path="/") == 404
    async with aiohttp.ClientSession() as session:
        async with session.get(post.url + "/hook") as answer:
            assert answer.status == 405
        async with session.post(post.url + "/hook", data=BODY) as answer:
            assert answer.status == 401
    assert post.heard == []
    assert post.receiver.counts == {  # type: ignore[attr-defined]
        "wrong signature": 1,
        "stale": 1,
        "not an event": 1,
        "too large": 1,
        "no signature": 1,
    }


async def test_a_repeated_event_is_known_until_it_would_be_stale(post: Post) -> None:
    assert await post(at=NOW + 299) == 200
    post.clock[0] = NOW + 598
    assert await post(at=NOW + 299) == 200
    assert len(post.heard) == 1


async def test_the_secret_is_not_shown() -> None:
    assert SECRET not in repr(Receiver(SECRET, lambda _: None))


async def test_an_address_in_use_is_a_usage_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}.*in use"):
            async with listening(Receiver(SECRET, lambda _: None), Address("127.0.0.1", port)):
                pass


async def test_a_sender_that_hangs_up_midway_harms_nothing(post: Post) -> None:
    host, port = post.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /hook HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    assert await post() == 200


@pytest.mark.parametrize(
    ("text", "path", "address"),
    [
        ("0.0.0.0:8080", "/x/y", Address("0.0.0.0", 8080, "/x/y")),
        (":0", "/", Address("127.0.0.1", 0)),
        ("[::1]:80", "/", Address("::1", 80)),
        ("hooks.example.com:443", "/", Address("hooks.example.com", 443)),
    ],
)
def test_addresses(text: str, path: str, address: Address) -> None:
    assert Address.parse(text, path) == address


@pytest.mark.parametrize(
    ("text", "path"),
    [("8080", "/"), ("h:p", "/"), ("h:99999", "/"), ("", "/"), ("h:1", "x"), ("h:1", "/{a}")],
)
def test_what_is_no_address(text: str, path: str) -> None:
    with pytest.raises(UsageError):
        Address.parse(text, path)
