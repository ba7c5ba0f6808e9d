"""Whether a service lets renders wait for their turn is seen from the order in which they end."""

import heapq
import random

import pytest

from batchsync.engine.line import Line, Queueing


def ended(line: Line, slots: int | None, count: int, seed: int = 1, gap: float = 0.0) -> None:
    """Submit `count`, `gap` seconds apart, and let all end, in the order in which they do."""
    dice = random.Random(seed)
    busy: list[float] = []
    ends = []
    for number in range(count):
        begin = number * gap
        if slots is not None and len(busy) >= slots:
            begin = max(begin, heapq.heappop(busy))
        end = begin + dice.lognormvariate(5.4, 0.3)
        heapq.heappush(busy, end)
        ends.append((end, line.enter(), number * gap))
    for end, place, submitted in sorted(ends)[: count * 2 // 3]:
        line.leave(place, submitted, end)


@pytest.mark.parametrize("slots", [2, 5, 20])
def test_a_service_that_makes_a_few_at_a_time_is_recognized(slots: int) -> None:
    line = Line()
    ended(line, slots, 20 * slots)

    assert line.queueing is Queueing.YES
    assert slots <= line.width <= 2 * slots + 2
    assert line.is_at_work(20 * slots * 2 // 3)
    assert not line.is_at_work(20 * slots - 1)


@pytest.mark.parametrize("count", [10, 60, 1000])
def test_a_service_that_makes_all_at_once_is_recognized(count: int) -> None:
    line = Line()
    ended(line, None, count)

    assert line.queueing is Queueing.NO
    assert line.is_at_work(count - 1)


def test_renders_that_come_one_by_one_are_not_taken_for_a_queue() -> None:
    line = Line()
    ended(line, None, 300, gap=5.0)

    assert line.queueing is not Queueing.YES


def test_until_that_is_known_a_few_stand_for_all() -> None:
    line = Line()
    for _ in range(10_000):
        line.enter()

    assert line.width == 100
    assert line.is_at_work(99)
    assert not line.is_at_work(100)


def test_time_counts_from_the_end_that_made_room() -> None:
    line = Line()
    ended(line, 5, 100)
    place = 70

    begun = line.begun(place, 3.0)
    assert begun > 1000
    assert line.begun(2, 3.0) == 3.0


def test_an_end_from_far_behind_shows_that_nobody_waits() -> None:
    line = Line()
    ended(line, 5, 100)

    assert line.leave(99, 0.0, 5000.0)
    assert line.queueing is Queueing.NO
