"""From an answer to an error, and what a wait header says."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.api.answers import (
    LONGEST_RETRY_AFTER,
    api_error,
    message_of,
    retry_after,
    storage_error,
)
from batchsync.errors import Redirected, Rejected, RemoteError, Throttled, Unavailable, UrlExpired

NOW = datetime(2026, 9, 1, 10, 0, 0, tzinfo=UTC)


@given(st.integers(0, 10**9))
def test_seconds_are_read(seconds: int) -> None:
    assert retry_after(str(seconds)) == min(float(seconds), LONGEST_RETRY_AFTER)


@given(st.integers(-100_000, 100_000))
def test_a_date_is_read_and_the_past_is_now(seconds: int) -> None:
    text = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)

    assert retry_after(text, NOW) == min(max(0.0, float(seconds)), LONGEST_RETRY_AFTER)


@given(st.text())
def test_nothing_that_stands_there_is_an_error_of_ours(value: str) -> None:
    seconds = retry_after(value, NOW)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        (" 7 ", 7.0),
        ("1.5", None),
        ("Tue, 01 Sep 2026 10:00:30 -0000", 30.0),
        ("Tue, 01 Sep 2026 12:00:30 +0200", 30.0),
        ("Tuesday, 01-Sep-26 10:00:30 GMT", 30.0),
        ("9" * 400, LONGEST_RETRY_AFTER),
        ("9" * 5000, LONGEST_RETRY_AFTER),
    ],
)
def test_both_forms_and_odd_ones(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.integers(300, 599), st.binary(max_size=200))
def test_every_answer_is_one_error_of_the_tree(status: int, body: bytes) -> None:
    error = api_error(status, {"Retry-After": "3"}, message_of(body))

    assert isinstance(error, RemoteError)
    assert error.status == status
    assert len(str(error)) < 400
    if status >= 500:
        assert isinstance(error, Unavailable)
    if status < 400:
        assert isinstance(error, Redirected)


@given(st.text(max_size=2000))
def test_a_message_is_one_short_line(message: str) -> None:
    text = str(api_error(400, {}, message_of(json.dumps({"message": message}).encode())))

    assert "\n" not in text
    assert len(text) <= 320


@given(st.integers(300, 599))
def test_storage_errors_are_of_the_tree_too(status: int) -> None:
    error = storage_error(status, {})

    assert isinstance(error, RemoteError)
    assert error.status == status


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (403, UrlExpired, True),
        (429, Throttled, True),
        (503, Unavailable, True),
        (400, Rejected, False),
    ],
)
def test_storage_says_what_may_be_tried_again(
    status: int, kind: type[RemoteError], again: bool
) -> None:
    error = storage_error(status, {"Retry-After": "4"})

    assert type(error) is kind
    assert error.retryable is again
