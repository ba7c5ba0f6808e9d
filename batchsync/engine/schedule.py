"""When to look at a render again, given how long such renders take.

A look costs something, and so does each second in which an end goes unseen. Where an end is likely
(hazard high), looks stand close; the gap that balances the two is sqrt(2 price / hazard). The
hazard is that of a render that has not ended so far, so every look moves the next one.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

# Share of renders that take whatever they like, beyond the typical time: with it, one that is
# overdue is looked at ever more rarely, as its end is no longer expected at any moment.
_STRAY = 0.02
# The first look comes a little later than the balance of gaps says: before it, few have ended.
_FIRST = 1.4
# Grid of the table: steps a sigma, sigmas to each side, and where it ends (times the typical time).
_FINENESS = 16
_REACH = 5.0
_END = 30.0
_TAIL_STEP = 0.1
# Sigmas are rounded to this ratio, so that few tables serve all jobs.
_ROUNDING = 1.03


@dataclass(frozen=True, slots=True)
class Timing:
    """How long one render should take.

    Attributes:
        typical: seconds, the median.
        sigma: spread of the logarithm.
    """

    typical: float
    sigma: float

    def share(self, age: float) -> float:
        """How many of such renders have ended by an age in seconds, 0 to 1."""
        if age <= 0:
            return 0.0
        return 1.0 - _surviving(math.log(age / self.typical), self.sigma)

    def deviation(self, age: float) -> float:
        """How far an age lies from the typical time, in sigmas."""
        return math.log(max(age, 1e-9) / self.typical) / self.sigma

    def earliest(self) -> float:
        """An age, in seconds, before which about one in a hundred ends."""
        return self.typical * math.exp(-2.3 * self.sigma)

    def next_look(self, age: float, price: float) -> float:
        """The age, in seconds, to look at next.

        Args:
            age: at which it had not ended.
            price: seconds of lag that one look is worth.
        """
        step = math.sqrt(2 * price / self.typical)
        table = _table(_rounded(self.sigma))
        passed = table.effort(age / self.typical)
        return self.typical * table.ratio(max(passed + step, _FIRST * step))


class _Table:
    """Looks that should have been made by an age, in units of a step; the age over the typical."""

    def __init__(self, sigma: float) -> None:
        self._places = list(_grid(sigma))
        self._efforts = [0.0]
        for left, right in pairwise(self._places):
            ended = math.log(_surviving(left, sigma) / _surviving(right, sigma))
            # The square root of the hazard, integrated over time.
            effort = math.sqrt(ended * (right - left) * math.exp((left + right) / 2))
            self._efforts.append(self._efforts[-1] + effort)

    def effort(self, ratio: float) -> float:
        return _between(self._places, self._efforts, math.log(max(ratio, 1e-9)))

    def ratio(self, effort: float) -> float:
        return math.exp(_between(self._efforts, self._places, effort))


@lru_cache(maxsize=64)
def _table(sigma: float) -> _Table:
    return _Table(sigma)


def _rounded(sigma: float) -> float:
    return float(_ROUNDING ** round(math.log(sigma, _ROUNDING)))


def _grid(sigma: float) -> Iterator[float]:
    """Logarithms of ages over the typical one."""
    fine = int(2 * _REACH * _FINENESS)
    for number in range(fine + 1):
        yield sigma * (number / _FINENESS - _REACH)
    place = sigma * _REACH
    while place < math.log(_END):
        place += _TAIL_STEP
        yield place


def _surviving(place: float, sigma: float) -> float:
    """Share that has not ended, by the logarithm of the age over the typical one."""
    regular = math.erfc(place / sigma / math.sqrt(2)) / 2
    return (1 - _STRAY) * regular + _STRAY * min(1.0, math.exp(-place))


def _between(xs: list[float], ys: list[float], x: float) -> float:
    """The value at `x` of the line through the points; it ends flat."""
    right = bisect_right(xs, x)
    if right == 0:
        return ys[0]
    if right == len(xs):
        return ys[-1]
    part = (x - xs[right - 1]) / (xs[right] - xs[right - 1])
    return ys[right - 1] + part * (ys[right] - ys[right - 1])
