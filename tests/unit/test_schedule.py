"""Where looks are placed when it is known how long renders take; no clock at all."""

import math
from bisect import bisect_left
from itertools import pairwise
from statistics import NormalDist, fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.engine.schedule import Timing

# The documented case: median 3 min 49 s (CONTRACT).
DOCUMENTED = Timing(229.0, 0.3)


def ages(timing: Timing, price: float, until: float) -> list[float]:
    """All looks at a render that never ends, up to an age."""
    looks = [timing.next_look(0.0, price)]
    while looks[-1] < until:
        looks.append(timing.next_look(looks[-1], price))
    return looks


def cost(looks: list[float], timing: Timing) -> tuple[float, float]:
    """Looks a job and mean lag, over lognormal renders."""
    seconds = [
        timing.typical * math.exp(timing.sigma * NormalDist().inv_cdf((number + 0.5) / 4000))
        for number in range(4000)
    ]
    places = [bisect_left(looks, each) for each in seconds]
    lag = fmean(looks[place] - each for place, each in zip(places, seconds, strict=True))
    return fmean(place + 1 for place in places), lag


@pytest.mark.parametrize(
    # The least of price x looks + lag that any schedule reaches, by dynamic programming over a
    # grid of half seconds.
    ("price", "least"),
    [(0.4, 9.795), (1.75, 20.599), (4.0, 31.487), (20.0, 74.925)],
)
def test_looks_cost_hardly_more_than_the_best_schedule_there_is(price: float, least: float) -> None:
    looks, lag = cost(ages(DOCUMENTED, price, 1200), DOCUMENTED)

    assert least * 0.999 < price * looks + lag < least * 1.02


def test_looks_stand_closest_where_ends_are_likely() -> None:
    looks = ages(DOCUMENTED, 0.4, 400)
    gaps = [after - before for before, after in pairwise(looks)]

    assert 120 < looks[0] < 140
    assert min(gaps) < 12 < gaps[0]


def test_what_is_overdue_is_looked_at_ever_more_rarely() -> None:
    looks = [age for age in ages(DOCUMENTED, 0.4, 5000) if age > 700]
    gaps = [after - before for before, after in pairwise(looks)]

    assert gaps[0] > 15
    assert gaps[-1] > gaps[0] * 1.5


@given(
    st.floats(0.05, 1e5),
    st.floats(0.03, 1.5),
    st.floats(0, 20),
    st.floats(1e-4, 0.1),
)
def test_the_next_look_is_always_ahead_and_the_later_the_dearer(
    typical: float, sigma: float, ratio: float, price: float
) -> None:
    timing, age = Timing(typical, sigma), ratio * typical
    cheap = timing.next_look(age, price * typical)
    dear = timing.next_look(age, 2 * price * typical)

    assert age < cheap <= dear <= typical * 31


@given(st.floats(0.01, 1000), st.floats(0.03, 1.5), st.floats(0.01, 10), st.floats(0.001, 0.1))
def test_a_clock_that_runs_faster_changes_nothing(
    factor: float, sigma: float, ratio: float, price: float
) -> None:
    plain, scaled = Timing(1.0, sigma), Timing(factor, sigma)

    expected = plain.next_look(ratio, price) * factor
    assert scaled.next_look(ratio * factor, price * factor) == pytest.approx(expected, rel=1e-6)


def test_half_have_ended_by_the_typical_time() -> None:
    assert DOCUMENTED.share(229.0) == pytest.approx(0.5, abs=0.011)
    assert DOCUMENTED.share(0.0) == 0.0
    assert DOCUMENTED.share(DOCUMENTED.earliest()) == pytest.approx(0.011, abs=0.001)
    assert DOCUMENTED.deviation(229.0 * math.exp(0.6)) == pytest.approx(2.0)
