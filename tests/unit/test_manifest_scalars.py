"""YAML 1.2 core scalars, numbers as text, timecodes."""

import math

import pytest

from batchsync.manifest.scalars import resolve, seconds_in


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("tRUE", "tRUE"),
        ("null", None),
        ("~", None),
        ("", None),
        ("010", 10),
        ("-7", -7),
        ("+7", 7),
        ("0o10", 8),
        ("0o8", "0o8"),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("1e", "1e"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("inf", "inf"),
        ("nan", "nan"),
        ("٣", "٣"),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_plain_scalars(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number_that_is_none():
    assert math.isnan(resolve(".nan"))


@pytest.mark.parametrize("text", ["1", "true", "null", ""])
def test_texts_in_quotes_stay_texts(text):
    assert resolve(text, plain=False) == text


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15", 15),
        ("12.5", 12.5),
        ("1:30", 90),
        ("01:05.25", 65.25),
        ("0:01:30.5", 90.5),
        ("90:00", 5400),
        ("1:00:00", 3600),
        ("1:75", None),
        ("1:60:00", None),
        ("1:2:3:4", None),
        (":30", None),
        ("-1:30", None),
        ("1:30s", None),
        ("1_000", None),
        ("", None),
        ("1:٣0", None),
    ],
)
def test_seconds_and_timecodes(text, seconds):
    assert seconds_in(text) == seconds
