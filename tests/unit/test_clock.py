"""The time left: a function of what was seen, and words that keep still."""

import heapq
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from batchsync.report.clock import Clock, Pace, Seen, Span, forecast, pace_of

STEADY = Pace(count=100, mean=60, spread=6, typical=60, late=68)
AT_WORK = Seen(waiting=80, rendering=16, youngest=5, oldest=50, pace=STEADY)


def middle(span: Span | None) -> float:
    assert span is not None
    return (span.least + span.most) / 2


@pytest.mark.parametrize("seconds", [[], [60.0], [60.0, 61.0]])
def test_two_renders_are_not_enough_to_know_their_pace(seconds: list[float]) -> None:
    assert pace_of(seconds) is None
    assert forecast(replace(AT_WORK, pace=pace_of(seconds))) is None


def test_the_pace_tells_the_usual_from_the_late() -> None:
    pace = pace_of([60.0] * 90 + [90.0] * 10)

    assert pace is not None
    assert (pace.count, pace.typical, pace.late) == (100, 60, 60)
    assert pace_of([60.0, 60.0, 90.0]) == Pace(3, 70, pytest.approx(14.1, abs=0.1), 60, 90)


def test_what_is_in_flight_over_its_time_is_the_throughput() -> None:
    # 80 jobs at 16 a minute, then the last one's render.
    assert middle(forecast(AT_WORK)) == pytest.approx(80 / 16 * 60 + 60, rel=0.1)


def test_nothing_can_be_said_while_nothing_renders() -> None:
    assert forecast(replace(AT_WORK, rendering=0)) is None
    assert forecast(replace(AT_WORK, rendering=0, waiting=0)) is None


def test_with_all_submitted_the_youngest_render_counts() -> None:
    span = forecast(replace(AT_WORK, waiting=0, youngest=40))

    assert span is not None
    assert span.least < 20 < span.most < 40


def test_fewer_renders_seen_make_a_wider_span() -> None:
    few, many = forecast(replace(AT_WORK, pace=replace(STEADY, count=3))), forecast(AT_WORK)

    assert few is not None
    assert many is not None
    assert few.most - few.least > 1.5 * (many.most - many.least)


def test_a_render_that_takes_longer_than_any_may_take_longer_still() -> None:
    stuck = replace(AT_WORK, waiting=0, rendering=1, youngest=900, oldest=900)
    span, longer = forecast(stuck), forecast(replace(stuck, youngest=9_000, oldest=9_000))

    assert span is not None
    assert longer is not None
    assert 200 < span.most < longer.most


def test_downloads_count_where_they_are_what_is_waited_for() -> None:
    fetching = Seen(0, 0, 0, 0, None, to_fetch=40, fetching=4, fetch_seconds=10)
    assert middle(forecast(fetching)) == pytest.approx(100)
    assert forecast(replace(fetching, fetch_seconds=None)) is None
    piled_up = replace(AT_WORK, to_fetch=500, fetching=4, fetch_seconds=10)
    assert middle(forecast(piled_up)) > 1_000
    in_step = replace(AT_WORK, to_fetch=2, fetching=2, fetch_seconds=10)
    assert middle(forecast(in_step)) == pytest.approx(middle(forecast(AT_WORK)) + 10)


@pytest.mark.parametrize(
    ("least", "most", "words"),
    [
        (2, 20, "less than a minute left"),
        (10, 100, "up to 2 min left"),
        (80, 150, "about 1-2.5 min left"),
        (721, 899, "about 12-15 min left"),
        (1_500, 2_100, "about 25-35 min left"),
        (3_700, 5_400, "about 1-1:30 h left"),
        (30_000, 40_000, "about 8-12 h left"),
        (200_000, 400_000, "about 2-5 days left"),
    ],
)
def test_a_span_is_told_in_round_figures(least: float, most: float, words: str) -> None:
    assert Clock().after(1_000, Span(least, most)).words == words


def test_a_clock_that_was_told_nothing_says_nothing() -> None:
    assert Clock().after(5, None).words is None


def test_a_moment_without_a_forecast_is_bridged_and_a_long_one_is_not() -> None:
    clock = Clock().after(0, Span(700, 900))

    assert clock.after(10, None).words == "about 11-15 min left"
    assert clock.after(10, None).after(60, None).words is None


def test_the_clock_runs_down_by_itself() -> None:
    clock = Clock()
    said = []
    for second in range(0, 600, 5):
        clock = clock.after(second, Span(600 - second, 600 - second))
        said.append(clock.high)

    assert said == sorted(said, reverse=True)
    assert (said[0], said[-1]) == (600, 30)


def test_a_noisy_forecast_does_not_make_the_words_jump() -> None:
    noise = random.Random(7)
    clock, words = Clock(), []
    for quarter in range(0, 40):
        factor = noise.uniform(0.8, 1.25)
        clock = clock.after(quarter / 4, Span(780 * factor, 960 * factor))
        words.append(clock.words)

    assert len(set(words)) <= 3


def simulated(jobs: int, slots: int, seconds: float, seed: int) -> Iterator[tuple[float, Clock]]:
    """A run as a clock sees it; the last one is its end."""
    chance = random.Random(seed)
    now, waiting, clock = 0.0, jobs, Clock()
    flight: list[tuple[float, float]] = []
    ended: list[float] = []
    while waiting or flight:
        now += 1
        while waiting and len(flight) < slots:
            waiting -= 1
            heapq.heappush(flight, (now + chance.gauss(seconds, seconds / 4), now))
        while flight and flight[0][0] <= now:
            end, begin = heapq.heappop(flight)
            ended.append(end - begin)
        begun = [begin for _, begin in flight]
        ages = now - max(begun, default=now), now - min(begun, default=now)
        pace = pace_of(ended[-200:])
        clock = clock.after(now, forecast(Seen(waiting, len(flight), *ages, pace)))
        yield now, clock


@pytest.mark.parametrize(
    ("jobs", "slots", "seconds", "seed"), [(40, 8, 60, 1), (400, 16, 90, 2), (5, 16, 300, 3)]
)
def test_the_end_lies_within_what_was_said_nearly_always(
    jobs: int, slots: int, seconds: float, seed: int
) -> None:
    seen = list(simulated(jobs, slots, seconds, seed))
    end = seen[-1][0]
    told = [(now, clock) for now, clock in seen if clock.words]
    right = sum(clock.low <= end - now <= clock.high for now, clock in told)

    assert right > 0.9 * len(told)
    # It was of use: it spoke for most of the run, and changed its words no oftener than it had to.
    assert len(told) > 0.05 * len(seen)
    changes = sum(a[1].words != b[1].words for a, b in pairwise(told))
    assert changes < 60
