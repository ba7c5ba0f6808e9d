"""What the service says by itself, and whether it was really the service; pure.

CONTRACT, "Webhooks": `magic-hour-event-signature` is the hex HMAC-SHA256 of `"{timestamp}.{raw
body}"` under the secret, `magic-hour-event-timestamp` are unix seconds.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from batchsync.api.wire import Project, read_event_payload
from batchsync.errors import Unintelligible

SIGNATURE = "magic-hour-event-signature"
TIMESTAMP = "magic-hour-event-timestamp"

# Seconds beyond which an event is refused, early or late (CONTRACT, "Webhooks").
FRESH_SECONDS = 300.0


class Kind(StrEnum):
    """The events that the service documents; others may be added, and are let pass."""

    STARTED = "video.started"
    COMPLETED = "video.completed"
    ERRORED = "video.errored"


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """One event about one project. `kind` is kept as text: the service may add words."""

    kind: str
    project: Project


class Unsigned(Exception):
    """It can't be shown that the service has sent this, and now; `str()` says why not."""


def verify(headers: Mapping[str, str], body: bytes, secret: str, now: float) -> None:
    """Check signature and age.

    Args:
        headers: of the request; a mapping that does not regard case.
        body: as it came, byte for byte.
        secret: of the webhook.
        now: unix seconds.

    Raises:
        Unsigned: missing, wrong or stale.
    """
    signature, timestamp = headers.get(SIGNATURE, ""), headers.get(TIMESTAMP, "")
    if not signature or not timestamp:
        raise Unsigned("no signature")
    signed = timestamp.encode("utf-8", "replace") + b"." + body
    expected = hmac.new(secret.encode(), signed, sha256).hexdigest()
    # Bytes: compare_digest takes no text beyond ASCII, and a header may hold any.
    if not hmac.compare_digest(expected.encode(), signature.lower().encode("utf-8", "replace")):
        raise Unsigned("wrong signature")
    # After the signature: whoever can't sign learns nothing about our clock.
    if not (timestamp.isdecimal() and timestamp.isascii() and len(timestamp) <= 12):
        raise Unsigned("no timestamp")
    if abs(now - int(timestamp)) > FRESH_SECONDS:
        raise Unsigned("stale")


def parse(body: bytes) -> WebhookEvent:
    """Read a verified body.

    Raises:
        Unintelligible: not the documented form.
    """
    try:
        content = json.loads(body)
        kind = content["type"]
        payload = content["payload"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise Unintelligible("the event is not what the API documents") from None
    if not isinstance(kind, str):
        raise Unintelligible("the event has no type")
    return WebhookEvent(kind[:40], read_event_payload(payload))
