"""Whether an event is the service's, and what it says."""

import json
import time
from hashlib import sha256
from hmac import new as hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.errors import Unintelligible
from batchsync.sandbox.webhooks import sign
from batchsync.webhook.event import SIGNATURE, TIMESTAMP, Unsigned, parse, verify

SECRET = "whsec_1"
NOW = 1_790_000_000
BODY = b'{"type": "video.completed", "payload": {"id": "p1", "status": "complete"}}'


def headers(body: bytes = BODY, secret: str = SECRET, at: object = NOW) -> dict[str, str]:
    signed = f"{at}.".encode() + body
    return {SIGNATURE: hmac(secret.encode(), signed, sha256).hexdigest(), TIMESTAMP: str(at)}


def test_what_the_vendor_documents_is_accepted() -> None:
    verify(headers(), BODY, SECRET, NOW)
    verify(sign(SECRET.encode(), BODY, NOW + 0.7), BODY, SECRET, NOW)


@pytest.mark.parametrize("age", [300, 0, -300])
def test_five_minutes_are_fresh_either_way(age: int) -> None:
    verify(headers(at=NOW - age), BODY, SECRET, NOW)


@pytest.mark.parametrize(
    ("given_headers", "body", "why"),
    [
        (headers(at=NOW - 301), BODY, "stale"),
        (headers(at=NOW + 301), BODY, "stale"),
        (headers(secret="other"), BODY, "wrong signature"),
        (headers(), BODY + b" ", "wrong signature"),
        ({**headers(), TIMESTAMP: str(NOW + 1)}, BODY, "wrong signature"),
        ({TIMESTAMP: str(NOW)}, BODY, "no signature"),
        ({SIGNATURE: "0" * 64}, BODY, "no signature"),
        ({}, BODY, "no signature"),
        ({**headers(), SIGNATURE: "é"}, BODY, "wrong signature"),
        (headers(at="soon"), BODY, "no timestamp"),
        (headers(at="-5"), BODY, "no timestamp"),
        (headers(at="1e9"), BODY, "no timestamp"),
        (headers(at="9" * 5000), BODY, "no timestamp"),
        (headers(at="١٢٣"), BODY, "no timestamp"),
    ],
)
def test_all_else_is_refused(given_headers: dict[str, str], body: bytes, why: str) -> None:
    with pytest.raises(Unsigned, match=f"^{why}$"):
        verify(given_headers, body, SECRET, NOW)


@given(st.text(max_size=80), st.text(max_size=20), st.binary(max_size=50))
def test_no_header_makes_the_check_fall_over_or_pass(sig: str, at: str, body: bytes) -> None:
    with pytest.raises(Unsigned):
        verify({SIGNATURE: sig, TIMESTAMP: at}, body, SECRET, time.time())


def test_an_event_is_about_a_project() -> None:
    event = parse(BODY)

    assert (event.kind, event.project.id, event.project.status) == (
        "video.completed",
        "p1",
        "complete",
    )


def test_an_event_of_a_new_kind_passes() -> None:
    assert parse(BODY.replace(b"completed", b"paused")).kind == "video.paused"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"type": "video.started"}',
        b'{"type": 5, "payload": {"id": "p", "status": "complete"}}',
        b'{"type": "video.started", "payload": null}',
        b'{"type": "video.started", "payload": {"id": "", "status": "x"}}',
        b'{"type": "video.started", "payload": {"id": "..", "status": "x"}}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_event_is_said_to_be_none(body: bytes) -> None:
    with pytest.raises(Unintelligible):
        parse(body)


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists))
def test_any_json_is_an_event_or_none(content: object) -> None:
    with pytest.raises(Unintelligible):
        parse(json.dumps({"type": "video.started", "payload": content}).encode())
