"""The four endpoints as the client asks them; what a server answers is mocked."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aioresponses import aioresponses

from batchsync.api.client import HttpApi
from batchsync.api.protocol import Traffic, UploadItem
from batchsync.errors import PaymentRequired, Rejected, Throttled, Unauthorized, Unavailable

BASE = "https://api.example.test"


class Answer(aiohttp.ClientResponse):
    """aioresponses 0.7.9 does not know an argument that aiohttp 3.14 asks for."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **kwargs)


@pytest.fixture
def server() -> Iterator[aioresponses]:
    with aioresponses() as mocked:
        yield mocked


def sent(server: aioresponses) -> dict[str, Any]:
    """How the one request was made."""
    [[call]] = server.requests.values()
    return dict(call.kwargs)


async def test_the_account_is_asked_with_the_key(server: aioresponses) -> None:
    payload = {"id": "a1", "credits": 7, "tier": "pro", "email": None, "subscription": None}
    server.get(f"{BASE}/v1/account", payload=payload, response_class=Answer)
    async with HttpApi(BASE, "the-key") as api:
        account = await api.account()
    assert (account.credits, account.tier, account.id) == (7, "pro", "a1")
    assert sent(server)["headers"]["Authorization"] == "Bearer the-key"


async def test_both_files_of_a_pair_are_asked_for_in_one_call(server: aioresponses) -> None:
    items = [
        {"upload_url": f"https://store.test/{n}", "expires_at": "x", "file_path": f"api-assets/{n}"}
        for n in ("v.mp4", "a.mp3")
    ]
    server.post(f"{BASE}/v1/files/upload-urls", payload={"items": items}, response_class=Answer)
    async with HttpApi(BASE, "k") as api:
        tickets = await api.upload_urls([UploadItem("video", "mp4"), UploadItem("audio", "mp3")])
    assert [ticket.file_path for ticket in tickets] == ["api-assets/v.mp4", "api-assets/a.mp3"]
    assert b'"type": "video", "extension": "mp4"' in sent(server)["data"]


async def test_the_create_call_is_made_once_and_follows_no_redirect(server: aioresponses) -> None:
    server.post(
        f"{BASE}/v1/lip-sync", payload={"id": "p1", "credits_charged": 450}, response_class=Answer
    )
    traffic = Traffic()
    async with HttpApi(BASE, "k", traffic=traffic) as api:
        created = await api.create({"start_seconds": 0})
    assert (created.id, created.credits_charged) == ("p1", 450)
    assert traffic.requests["create"] == 1
    assert sent(server)["allow_redirects"] is False


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (402, PaymentRequired),
        (422, Rejected),
        (429, Throttled),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
async def test_each_refusal_of_a_create_call_is_its_own_error(
    server: aioresponses, status: int, kind: type[Exception]
) -> None:
    server.post(
        f"{BASE}/v1/lip-sync", status=status, payload={"message": "no"}, response_class=Answer
    )
    async with HttpApi(BASE, "k") as api:
        with pytest.raises(kind, match=f"HTTP {status}: no"):
            await api.create({})
