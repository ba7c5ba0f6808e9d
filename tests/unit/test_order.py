"""Longest first shortens the whole, and leaves alike jobs as they are written."""

import heapq
import random

import pytest

from batchsync.engine.case import Case
from batchsync.engine.order import longest_first
from batchsync.model import JobState


class _Named:
    def __init__(self, name: str) -> None:
        self.id = name


def cases(count: int) -> list[Case]:
    return [Case(_Named(str(number)), JobState.PENDING) for number in range(count)]  # type: ignore[arg-type]


def span(seconds: list[float], slots: int) -> float:
    free = [0.0] * slots
    for each in seconds:
        heapq.heappush(free, heapq.heappop(free) + each)
    return max(free)


def test_jobs_that_are_alike_stay_in_manifest_order() -> None:
    jobs = cases(50)
    near = dict(zip((job.id for job in jobs), [100 + n % 5 for n in range(50)], strict=True))

    assert longest_first(jobs, lambda case: near[case.id]) == jobs


def test_the_longest_come_first_and_the_unknown_last() -> None:
    jobs = cases(4)
    known = {"0": 10.0, "1": None, "2": 600.0, "3": 90.0}

    assert [case.id for case in longest_first(jobs, lambda case: known[case.id])] == list("2301")


@pytest.mark.parametrize("seed", range(5))
def test_a_batch_of_unlike_jobs_ends_sooner(seed: int) -> None:
    chance = random.Random(seed)
    jobs = cases(60)
    times = {job.id: chance.lognormvariate(5, 1) for job in jobs}
    ordered = longest_first(jobs, lambda case: times[case.id])
    by_manifest = span([times[job.id] for job in jobs], 5)
    by_length = span([times[job.id] for job in ordered], 5)

    assert sorted(case.id for case in ordered) == sorted(times)
    assert by_length < by_manifest
    # Graham's bound against the least that any schedule can take.
    assert by_length <= 4 / 3 * max(sum(times.values()) / 5, *times.values())
