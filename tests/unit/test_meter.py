"""How fast something goes."""

import pytest

from batchsync.report.meter import Meter


def test_a_rate_is_told_once_two_seconds_were_seen() -> None:
    meter = Meter(10)
    assert meter.rate(0) is None
    meter.add(0, 50)
    assert meter.rate(1) is None

    assert meter.rate(2) == 25


def test_only_what_came_by_within_the_window_counts() -> None:
    meter = Meter(10)
    for second in range(100):
        meter.add(second, 1 if second < 50 else 3)

    assert meter.rate(99) == pytest.approx(3, rel=0.15)
    assert meter.rate(200) is None


def test_a_meter_stays_small_however_much_comes_by() -> None:
    meter = Meter(10)
    for number in range(20_000):
        meter.add(number / 1_000, 1)

    assert len(meter._steps) < 70
    assert meter.rate(20) == pytest.approx(1_000, rel=0.05)
