"""Times, counts and addresses in words; what must not be shown is taken out."""

import re
from datetime import UTC, datetime

# Whatever follows the path of a URL may be a signature; a name before its host, a password.
_URL = re.compile(r"(?i)\b(https?://)(?:[^\s/?#@]*@)?([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?")

# More would let a few wordy failures make the page too heavy to send.
MOST_CHARACTERS = 300


def public(text: str) -> str:
    """A text that may be shown: URLs without their query, fragment and password, and not long."""
    if "://" in text:
        text = _URL.sub(lambda url: f"{url[1]}{url[2]}{'?…' if url[3] else ''}", text)
    return text if len(text) <= MOST_CHARACTERS else f"{text[: MOST_CHARACTERS - 1]}…"


def duration(seconds: float) -> str:
    """Seconds in the two largest units that say something: `3 h 05 min`, `4.2 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min" if minutes >= 10 else f"{minutes} min {rest:02} s"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours:02} h" if days else f"{hours} h {minutes:02} min"


def moment(at: float) -> str:
    """A moment in UTC, to the minute."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def counted(count: int, noun: str) -> str:
    """`1 job`, `1,200 jobs`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
