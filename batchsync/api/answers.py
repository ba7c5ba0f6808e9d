"""From an HTTP answer that is not 200 to the error tree."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from batchsync.errors import (
    Forbidden,
    NotFound,
    PaymentRequired,
    Redirected,
    Rejected,
    RemoteError,
    Throttled,
    Unauthorized,
    Unavailable,
    UrlExpired,
)

# How much of somebody else's text is worth keeping in our records.
_LONGEST_MESSAGE = 300

# Seconds. A server that asks for more is asked again after this: a run must not be parked for a
# day by one odd header.
LONGEST_RETRY_AFTER = 600.0
_LONGEST_NUMBER = 18

_BY_STATUS: Mapping[int, type[RemoteError]] = {
    401: Unauthorized,
    402: PaymentRequired,
    403: Forbidden,
    404: NotFound,
    # a request time-out on the server's side: the request was not taken
    408: Unavailable,
    429: Throttled,
}


def api_error(status: int, headers: Mapping[str, str], message: str) -> RemoteError:
    """The error for an answer of the API host; `message` as `message_of` reads it."""
    if 300 <= status < 400:
        return Redirected(f"HTTP {status}: the API host redirects elsewhere", status=status)
    kind = _BY_STATUS.get(status, Unavailable if status >= 500 else Rejected)
    return kind(
        f"HTTP {status}: {message}",
        status=status,
        retry_after=retry_after(headers.get("Retry-After")),
    )


def storage_error(status: int, headers: Mapping[str, str]) -> RemoteError:
    """The error for an answer of the storage host; its body is of no use to a person."""
    wait = retry_after(headers.get("Retry-After"))
    if 300 <= status < 400:
        return Redirected(f"HTTP {status}: the storage host redirects elsewhere", status=status)
    if status in (401, 403):
        return UrlExpired(f"HTTP {status}: the pre-signed URL is not accepted", status=status)
    if status == 429:
        return Throttled("HTTP 429 from storage", status=status, retry_after=wait)
    if status >= 500 or status == 408:
        return Unavailable(f"HTTP {status} from storage", status=status, retry_after=wait)
    kind = NotFound if status == 404 else Rejected
    return kind(f"HTTP {status} from storage", status=status)


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Seconds from a `Retry-After` header, in either of its two forms; None if unreadable."""
    if not value:
        return None
    try:
        if value.strip().isdecimal():
            seconds = float(value[:_LONGEST_NUMBER])
        else:
            moment = parsedate_to_datetime(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)


def message_of(body: bytes) -> str:
    """What an error's body says, as one printable line."""
    try:
        message = json.loads(body)["message"]
    except (ValueError, TypeError, KeyError, RecursionError):
        # A proxy's page instead of JSON: its mark-up tells a person nothing.
        return "no JSON message" if body.strip() else "an empty answer"
    return plain_words(str(message))


def plain_words(text: str) -> str:
    """Somebody else's text as one printable line of bounded length.

    Control codes would act on the terminal, and half an emoji can't be written to a file.
    """
    line = " ".join(text[: 4 * _LONGEST_MESSAGE].split())
    return "".join(letter for letter in line if letter.isprintable())[:_LONGEST_MESSAGE]
