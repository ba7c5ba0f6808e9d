"""Flags, environment and `run:` as one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from batchsync.errors import UsageError
from batchsync.settings import (
    OFFICIAL_BASE_URL,
    Halt,
    RunSettings,
    is_loopback,
    parse_duration,
    settle,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("45m", 2700.0),
        ("90s", 90.0),
        ("90", 90.0),
        ("1.5h", 5400.0),
        ("1H2M3S", 3723.0),
        (" 5m ", 300.0),
        (7, 7),
        (0.5, 0.5),
    ],
)
def test_a_duration_is_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59))
def test_durations_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == hours * 3600 + minutes * 60 + seconds


@given(st.text())
def test_a_duration_is_read_or_refused(text: str) -> None:
    try:
        settings = settle({}, {"poll_timeout": text})
    except UsageError as error:
        assert "poll" in str(error)
    else:
        assert settings.poll_timeout >= 0


@pytest.mark.parametrize("text", ["", "   ", "h", "-5", "1d", "1m1h", "5 m", "nan", "inf", "1e400"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="poll-timeout"):
        settle({}, {"poll_timeout": text})


@pytest.mark.parametrize(
    ("text", "failed", "total", "reached"),
    [
        ("now,fail=3", 2, 100, False),
        ("now,fail=3", 3, 100, True),
        ("soon,fail=1", 0, 5, False),
        ("soon,fail=1", 1, 5, True),
        ("soon,fail=10%", 9, 100, False),
        ("soon,fail=10%", 10, 100, True),
        ("soon,fail=10%", 1, 3, True),
        ("soon,fail=0%", 0, 10, False),
        ("soon,fail=0%", 1, 10, True),
        ("soon,fail=100%", 10, 10, True),
    ],
)
def test_failures_halt_a_run_when_they_are_too_many(
    text: str, failed: int, total: int, reached: bool
) -> None:
    assert settle({"halt": text}, {}).halt == text
    assert Halt.parse(text).reached(failed, total) is reached
    assert Halt.parse(text).now is text.startswith("now")


@pytest.mark.parametrize("text", ["now", "fail=3", "later,fail=1", "now,fail=-1", "now,fail=x", ""])
def test_another_rule_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="halt"):
        settle({}, {"halt": text})
    with pytest.raises(ValueError, match=r".*"):
        Halt.parse(text)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.magichour.ai", "https://api.magichour.ai"),
        ("https://api.magichour.ai/", "https://api.magichour.ai"),
        ("http://localhost:8765", "http://localhost:8765"),
        ("http://127.0.0.1:1/", "http://127.0.0.1:1"),
        ("http://[::1]:5", "http://[::1]:5"),
        ("http://api.localhost:5", "http://api.localhost:5"),
        ("https://gateway.example.com/mh", "https://gateway.example.com/mh"),
    ],
)
def test_a_base_url_is_taken(url: str, kept: str) -> None:
    assert settle({}, {"base_url": url}).base_url == kept


@pytest.mark.parametrize(
    "url",
    [
        "http://api.magichour.ai",
        "http://127.evil.example",
        "http://localhost.evil.example",
        "ftp://api.magichour.ai",
        "api.magichour.ai",
        "localhost:8765",
        "",
        "https://",
        "https://[bad",
        "http://10.0.0.1",
    ],
)
def test_a_base_url_that_would_show_the_key_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="base-url"):
        settle({}, {"base_url": url})


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "https://api.magichour.ai.evil.example",
        "https://evil.example/api.magichour.ai",
        "https://api.magichour.ai@evil.example",
        "http://api.magichour.ai",
        "https://[bad",
    ],
)
def test_a_manifest_cannot_send_the_key_elsewhere(url: str) -> None:
    with pytest.raises(UsageError):
        settle({"base_url": url}, {})


def test_a_persons_word_may_send_the_key_elsewhere() -> None:
    given = settle({"base_url": "https://a.example"}, {"base_url": "https://b.example"})

    assert given.base_url == "https://b.example"


@pytest.mark.parametrize("url", ["http://localhost:5", OFFICIAL_BASE_URL])
def test_a_manifest_may_name_this_machine_or_the_vendor(url: str) -> None:
    assert settle({"base_url": url}, {}).base_url == url


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost", True),
        ("http://127.8.9.1", True),
        ("http://127.evil.example", False),
        ("http://example.com", False),
    ],
)
def test_this_machine_is_told_by_its_address(url: str, here: bool) -> None:
    assert is_loopback(URL(url)) is here


def test_flags_win_over_the_manifest() -> None:
    manifest = {"uploads": 2, "downloads": 3, "max_credits": 5}
    settings = settle(manifest, {"uploads": 9, "downloads": None})

    assert (settings.uploads, settings.downloads, settings.max_credits) == (9, 3, 5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("uploads", 0),
        ("uploads", 1001),
        ("downloads", "many"),
        ("max_in_flight", 0),
        ("max_in_flight", "automatic"),
        ("max_credits", -1),
        ("max_credits", 1.5),
        ("poll_min", -1),
        ("poll_max", float("nan")),
        ("nonsense", 1),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        settle({name: value}, {})

    assert f"--{name.replace('_', '-')}" in str(caught.value)


@pytest.mark.parametrize("value", ["auto", 5, "5"])
def test_a_width_may_be_a_number_or_auto(value: object) -> None:
    assert settle({"max_in_flight": value}, {}).max_in_flight in ("auto", 5)


def test_pauses_must_be_in_order() -> None:
    with pytest.raises(UsageError, match="poll_max"):
        settle({"poll_min": 40}, {})


def test_without_a_word_everything_has_its_default() -> None:
    assert settle({}, {}) == RunSettings()


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20M", 20 << 20),
        ("20MiB", 20 << 20),
        ("500k", 500 << 10),
        ("1.5G", 3 << 29),
        ("1T", 1 << 40),
        ("1024", 1024),
        ("2048B", 2048),
        (4096, 4096),
        (" 1K ", 1024),
        ("off", 0),
        (0, 0),
    ],
)
def test_a_rate_is_bytes_per_second_in_binary_units(text: object, rate: int) -> None:
    assert settle({"limit_upload": text}, {}).limit_upload == rate
    assert settle({"limit_download": "7M"}, {"limit_download": text}).limit_download == rate


@pytest.mark.parametrize(
    "text", ["", "20", "0.5K", "20MB", "20Mbit", "-1", "-1M", "1e9", "nan", "20 M", "fast", 1.5]
)
def test_a_rate_of_another_form_or_too_low_to_get_anywhere_is_refused(text: object) -> None:
    with pytest.raises(UsageError, match="--limit-upload"):
        settle({}, {"limit_upload": text})
