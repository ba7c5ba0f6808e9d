"""What renders would take if no slot were ever idle: the measure of `span`."""

import heapq
import math
import random
from collections.abc import Sequence


def durations(count: int, median: float, sigma: float, seed: int) -> list[float]:
    """Lognormal render times in seconds, one a job in manifest order, the same for every client."""
    source = random.Random(seed)
    return [median * math.exp(sigma * source.gauss(0, 1)) for _ in range(count)]


def listed_span(times: Sequence[float], slots: int | None) -> float:
    """Seconds that these renders take in this order, each in the slot that is free first."""
    if not times:
        return 0.0
    busy = [0.0] * (slots or len(times))
    for duration in times:
        heapq.heappush(busy, heapq.heappop(busy) + duration)
    return max(busy)


def least_span(times: Sequence[float], slots: int | None) -> float:
    """Seconds that no order can beat: all the work by the slots, or the longest render."""
    if not times:
        return 0.0
    shared = sum(times) / (slots or len(times))
    return max(shared, *times)
