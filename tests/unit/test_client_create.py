"""The create call over HTTP: what came back, and so whether a job was made."""

import asyncio
from typing import Any

import pytest
from test_client_script import (
    HANG_UP,
    HANG_UP_AT_ONCE,
    HOLD,
    RESET,
    RESET_AT_ONCE,
    TRICKLE,
    Answer,
    answer,
    free_port,
    scripted,
)

from batchsync.api import client
from batchsync.api.client import HttpApi
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    Forbidden,
    NotFound,
    NotSent,
    PaymentRequired,
    Redirected,
    Rejected,
    RemoteError,
    Throttled,
    Unauthorized,
    Unavailable,
    Unintelligible,
)
from batchsync.stages.submit import Made, NotMade, Unknown, submit

HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"


async def create(given: Answer, **body: Any) -> Any:
    async with scripted(given) as server, HttpApi(server.url, "the-key") as api:
        try:
            return await api.create(body or {"a": 1})
        finally:
            assert len(server.requests) <= 1, "a create call was repeated"


async def test_an_id_is_a_job() -> None:
    created = await create(answer(200, {"id": "p1", "credits_charged": 450}))

    assert (created.id, created.credits_charged) == ("p1", 450)


async def test_the_deprecated_name_of_the_charge_is_read_too() -> None:
    assert (await create(answer(200, {"id": "p", "estimated_frame_cost": 7}))).credits_charged == 7


@pytest.mark.parametrize("charge", ["12.5", None, "many", [1], 1.5, {"a": 1}, 10**30])
async def test_an_odd_charge_does_not_lose_the_id(charge: object) -> None:
    created = await create(answer(200, {"id": "p1", "credits_charged": charge}))

    assert (created.id, created.credits_charged) == ("p1", None)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 599])
async def test_a_server_error_with_an_id_is_a_job(status: int) -> None:
    assert (await create(answer(status, {"id": "p1", "message": "oh"}))).id == "p1"


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 408])
@pytest.mark.parametrize(
    "body", [b"", HTML, b'{"message": "busy"}', b'{"id": null}', b'{"id": ""}']
)
async def test_a_server_error_without_an_id_made_no_job(status: int, body: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        await create(answer(status, body))

    assert caught.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        HTML,
        b"null",
        b"[]",
        b"{}",
        b'{"id": 5}',
        b'{"id": ""}',
        b'{"id": "."}',
        b'{"id": ".."}',
        b'{"id": "' + b"x" * 300 + b'"}',
        b'{"id": "p1"',
        b"\xff\xfe",
        b"[" * 10_000 + b"]" * 10_000,
        b'{"id": "p1", "x": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"id": "\\ud800"}',
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
async def test_a_good_answer_without_a_usable_id_may_hide_a_job(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        await create(answer(200, body))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (402, PaymentRequired),
        (403, Forbidden),
        (404, NotFound),
        (405, Rejected),
        (409, Rejected),
        (413, Rejected),
        (418, Rejected),
        (422, Rejected),
        (429, Throttled),
    ],
)
async def test_a_refusal_says_why(status: int, kind: type[RemoteError]) -> None:
    with pytest.raises(kind, match="start_seconds: is odd") as caught:
        await create(answer(status, {"message": "start_seconds:\n is odd"}))

    assert type(caught.value) is kind
    assert caught.value.status == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
async def test_a_redirect_is_refused_and_never_followed(status: int) -> None:
    async with scripted(answer(200, {"id": "stolen"})) as elsewhere:
        moved = answer(status, b"", {"Location": f"{elsewhere.url}/v1/lip-sync"})
        with pytest.raises(Redirected):
            await create(moved)

        assert elsewhere.connections == 0


async def test_a_refused_connection_was_sent_nothing() -> None:
    async with HttpApi(f"http://127.0.0.1:{free_port()}", "k") as api:
        with pytest.raises(NotSent, match=r"no connection: 127\.0\.0\.1"):
            await api.create({})


async def test_an_unknown_host_was_sent_nothing() -> None:
    async with HttpApi("http://no-such-host.invalid", "k") as api:
        with pytest.raises(NotSent):
            await api.create({})


@pytest.mark.parametrize("act", [HANG_UP_AT_ONCE, RESET_AT_ONCE])
async def test_a_server_without_tls_at_a_tls_address_was_sent_nothing(act: Answer) -> None:
    async with scripted(act) as server, HttpApi(f"https://127.0.0.1:{server.port}", "k") as api:
        with pytest.raises(NotSent):
            await api.create({})


@pytest.mark.parametrize(
    "act",
    [
        RESET,
        RESET_AT_ONCE,
        HANG_UP,
        b"HTTP/1.1 200 OK\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"id":',
        b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"id"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.1 banana\r\n\r\n",
    ],
    ids=[
        "reset",
        "reset before it was read",
        "hang up",
        "half a head",
        "half a body",
        "half a chunk",
        "no chunk",
        "no gzip",
        "ssh",
        "tls alert",
        "no status",
    ],
)
async def test_a_broken_answer_may_hide_a_job(act: Answer) -> None:
    with pytest.raises(AnswerLost):
        await create(act)


async def test_an_answer_that_does_not_come_may_hide_a_job(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_CREATE_ANSWER", 0.05)
    with pytest.raises(AnswerLost, match="no answer in time"):
        await create(HOLD)


async def test_an_answer_that_trickles_for_ever_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "_CREATE_ANSWER", 0.05)
    with pytest.raises(AnswerLost):
        await create(TRICKLE)


async def test_every_create_has_a_connection_of_its_own() -> None:
    async with scripted(answer(200, {"id": "p"})) as server, HttpApi(server.url, "k") as api:
        for _ in range(3):
            await api.create({})

        assert server.connections == 3


async def test_many_creates_at_once_do_not_wait_for_each_other() -> None:
    """A call that waits for a free connection uses up its patience, and would count as lost."""
    async with scripted(HOLD) as server, HttpApi(server.url, "k") as api:
        calls = [asyncio.ensure_future(api.create({})) for _ in range(80)]
        try:
            async with asyncio.timeout(2):
                while len(server.requests) < len(calls):
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(f"only {len(server.requests)} of {len(calls)} calls have left")
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(200, {"id": "p"}), Made),
        (answer(503), NotMade),
        (answer(429), NotMade),
        (answer(302), Unknown),
        (answer(200), Unknown),
        (RESET, Unknown),
    ],
)
async def test_what_came_back_decides_what_it_means_for_the_money(
    given: Answer, kind: type[object]
) -> None:
    async with scripted(given) as server, HttpApi(server.url, "k") as api:
        assert isinstance(await submit(api, {}), kind)


async def test_a_body_goes_as_it_is() -> None:
    async with scripted(answer(200, {"id": "p"})) as server, HttpApi(server.url, "k") as api:
        await api.create({"name": "été · 7", "start_seconds": 0.1})

    request = server.requests[0]
    assert request.body.decode() == '{"name": "été · 7", "start_seconds": 0.1}'
    assert request.headers["content-type"] == "application/json"
    assert (request.method, request.target) == ("POST", "/v1/lip-sync")


@pytest.mark.parametrize("status", [200, 400, 500])
async def test_an_endless_body_is_not_read_to_its_end(status: int) -> None:
    huge = b'{"message": "' + b"x" * 10_000_000 + b'"}'
    with pytest.raises(BatchsyncError) as caught:
        await create(answer(status, huge))

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000 + b"]" * 10_000,
        b'{"message": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"message": ["a", {"b": null}]}',
        b'["message"]',
        b"\xff\xfe\x00",
        HTML,
    ],
    ids=lambda body: body[:12].decode("latin-1"),
)
async def test_an_odd_error_body_is_no_error_of_ours(body: bytes) -> None:
    with pytest.raises(Rejected):
        await create(answer(400, body))


async def test_a_message_can_be_written_down_whatever_is_in_it() -> None:
    with pytest.raises(Rejected) as caught:
        await create(answer(400, b'{"message": "half a pair: \\ud83d"}'))

    str(caught.value).encode()  # what the ledger, the log and the table do with it
