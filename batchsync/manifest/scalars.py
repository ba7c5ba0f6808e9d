"""What a scalar means: YAML 1.2 core types, numbers written as text, timecodes."""

import re
from functools import lru_cache

_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_WORDS: dict[str, bool | None] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
NULLS = frozenset(word for word, value in _WORDS.items() if value is None)
_TIMECODE = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-9]{1,2}(?:\.[0-9]*)?)")

# Longer digit strings are no number that anybody means, and Python refuses to read 4,301 digits.
_LONGEST_NUMBER = 300

CoreValue = str | int | float | bool | None


@lru_cache(maxsize=4096)
def resolve(text: str, plain: bool = True) -> CoreValue:
    """The value of a scalar: text in quotes is text, plain text may be a number, a word or null."""
    if not plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = number_in(text)
    if number is not None:
        return number
    if match := _INFINITE.fullmatch(text):
        return float(match[1] + "inf")
    if text in (".nan", ".NaN", ".NAN"):
        return float("nan")
    return text


def number_in(text: str) -> int | float | None:
    """The number that a text spells (`010` is ten), or None."""
    if len(text) > _LONGEST_NUMBER:
        return None
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _HEX.fullmatch(text):
        return int(text, 16)
    return float(text) if _FLOAT.fullmatch(text) else None


def seconds_in(text: str) -> int | float | None:
    """Seconds as a number, as `minutes:seconds` or as `hours:minutes:seconds`; else None."""
    number = number_in(text)
    match = _TIMECODE.fullmatch(text)
    if number is not None or match is None or len(text) > _LONGEST_NUMBER:
        return number
    hours, minutes, seconds = match[1], int(match[2]), float(match[3])
    if seconds >= 60 or (hours is not None and minutes >= 60):
        return None
    total = int(hours or 0) * 3600 + minutes * 60
    return total + (int(seconds) if seconds.is_integer() else seconds)
