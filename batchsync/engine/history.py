"""How long renders have taken, and how long the next one should take.

Times are learnt as a sum of logarithms: one level, one offset a mode, one slope over the number of
frames. Each is drawn to a cautious guess until enough renders speak against it, far-off times
count less, and older ones fade.
"""

import math
import statistics
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from batchsync.engine.schedule import Timing
from batchsync.model import ESTIMATE_FPS

# Renders seen to end before their times are shown or acted on by others.
_ENOUGH = 3
# Renders remembered, and how many it takes for one to count half.
_MEMORY = 200
_HALF_LIFE = 100
# The guess before any render: spread of the logarithm, and what that guess weighs in renders.
_SIGMA, _SIGMA_WEIGHT = 0.5, 1.0
_LEAST_SIGMA = 0.03
# How far modes and the slope over frames may lie from the guess (of logarithms). Nothing says that
# time grows with frames, nor that it does not: half way is the guess.
_SLOPE, _SLOPE_SIGMA = 0.5, 0.5
_MODE_SIGMA = 0.5
# Sigmas from which on a time counts less, and rounds of improving the fit.
_FAR = 2.5
_ROUNDS = 6
# Sum of surprises at which what was learnt no longer holds, and what each regular end takes off.
_SHOCK = 2.0
_CALM = 0.25


@dataclass(frozen=True, slots=True)
class Clue:
    """What is known of a render beforehand; 0 frames are an unknown number."""

    mode: str = ""
    frames: float = 0.0

    @classmethod
    def of(cls, mode: str, seconds: float, max_fps: float | None) -> "Clue":
        """Of a range in seconds; the video's own rate is not known, the estimate's is taken."""
        return cls(str(mode), seconds * min(max_fps or ESTIMATE_FPS, ESTIMATE_FPS))


@dataclass(frozen=True, slots=True)
class Past:
    """A render that has ended, after so many seconds of work by the service."""

    seconds: float
    clue: Clue = Clue()


@dataclass(slots=True)
class _Fit:
    """The level at `center` (a logarithm of frames), and what is added to it."""

    level: float
    center: float
    slope: float = _SLOPE
    offsets: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    sigma: float = _SIGMA
    weight: float = 0.0
    breadth: float = 0.0

    def at(self, mode: str, distance: float) -> float:
        return self.level + self.offsets.get(mode, 0.0) + self.slope * distance

    def doubt(self, mode: str, distance: float) -> float:
        """Variance of a prediction: that of renders, and of what is not known well."""
        own = self.sigma**2
        level = own / max(self.weight, 1.0)
        slope = distance**2 * own / (self.breadth + own / _SLOPE_SIGMA**2)
        # A mode that all renders share is in the level already.
        known = self.weights.get(mode, 0.0)
        offset = 0.0
        if known < self.weight:
            offset = own / (known + own / _MODE_SIGMA**2)
        return own + level + slope + offset


class History:
    """Render times of this batch, those of earlier runs first."""

    def __init__(self, past: Iterable[Past] = ()) -> None:
        self._past: deque[Past] = deque(past, maxlen=_MEMORY)
        self._waits: deque[float] = deque((each.seconds for each in self._past), maxlen=_MEMORY)
        self._typical: float | None = None
        self._fit: _Fit | None = None
        self._unfitted = len(self._past)
        self._timings: dict[Clue, Timing] = {}
        self._surprise = 0.0
        self._added = 0

    def add(self, seconds: float, clue: Clue | None = None, waited: float = 0.0) -> None:
        """A render has ended after `seconds`, for `waited` of which it was not worked on."""
        self._past.append(Past(max(seconds - waited, 0.0), clue or Clue()))
        self._waits.append(seconds)
        self._typical = None
        self._unfitted += 1
        self._added += 1

    @property
    def typical(self) -> float | None:
        """When half of them have ended after their submission; None until enough have been seen."""
        if self._typical is None and len(self._waits) >= _ENOUGH:
            self._typical = statistics.median(self._waits)
        return self._typical

    def expected(self, mode: str, frames: float) -> float | None:
        """Seconds of work that such a render should take; None until enough have been seen."""
        timing = self.timing(Clue(mode, frames)) if len(self._past) >= _ENOUGH else None
        return timing.typical if timing else None

    def timing(self, clue: Clue) -> Timing | None:
        """How long such a render should take; None before the first has ended."""
        if not self._past:
            return None
        # Learning costs milliseconds: it is done anew when a sixth has been added.
        if self._fit is None or self._unfitted * 6 >= len(self._past):
            self._fit, self._unfitted = _fitted(self._past), 0
            self._timings.clear()
        timing = self._timings.get(clue)
        if timing is None:
            timing = self._timings[clue] = _timing(self._fit, clue)
        return timing

    def correct(self, latest: Iterable[Past]) -> None:
        """All that was learnt in this run was counted wrongly; this is what is right."""
        for _ in range(min(self._added, len(self._past))):
            self._past.pop()
        self._past.extend(latest)
        self._fit = None

    def checked(self, surprised: bool, chance: float) -> bool:
        """Compare an end with what was expected of it.

        Args:
            surprised: it came very early or very late.
            chance: how likely that was, 0 to 1.

        Returns:
            Whether the surprises are too many: then all that was learnt has been forgotten.
        """
        self._surprise = max(0.0, self._surprise + surprised - chance - _CALM)
        if self._surprise <= _SHOCK:
            return False
        self._surprise = 0.0
        self._added = 0
        self._past.clear()
        self._fit = None
        return True


def _timing(fit: _Fit, clue: Clue) -> Timing:
    distance = math.log(clue.frames) - fit.center if clue.frames > 0 else 0.0
    sigma = max(_LEAST_SIGMA, math.sqrt(fit.doubt(clue.mode, distance)))
    return Timing(math.exp(fit.at(clue.mode, distance)), min(sigma, 1.5))


def _fitted(past: Sequence[Past]) -> _Fit:
    count = len(past)
    times = [math.log(max(each.seconds, 1e-3)) for each in past]
    fresh = [0.5 ** ((count - 1 - number) / _HALF_LIFE) for number in range(count)]
    known = [math.log(each.clue.frames) for each in past if each.clue.frames > 0]
    center = statistics.fmean(known) if known else 0.0
    distances = [
        math.log(each.clue.frames) - center if each.clue.frames > 0 else 0.0 for each in past
    ]
    modes = [each.clue.mode for each in past]
    fit = _Fit(statistics.median(times), center)
    weights = fresh
    for _ in range(_ROUNDS):
        _improve(fit, times, modes, distances, weights)
        weights = _judged(fit, times, modes, distances, fresh)
    return fit


def _improve(
    fit: _Fit,
    times: Sequence[float],
    modes: Sequence[str],
    distances: Sequence[float],
    weights: Sequence[float],
) -> None:
    """Level, offsets and slope one after the other, each with the others held."""
    rows = list(zip(times, modes, distances, weights, strict=True))
    fit.weight = sum(weights)
    fit.level += sum(w * (y - fit.at(m, x)) for y, m, x, w in rows) / fit.weight
    drawn = fit.sigma**2 / _MODE_SIGMA**2
    sums: dict[str, float] = {}
    fit.weights = {}
    for y, m, x, w in rows:
        sums[m] = sums.get(m, 0.0) + w * (y - fit.level - fit.slope * x)
        fit.weights[m] = fit.weights.get(m, 0.0) + w
    if len(sums) > 1:
        fit.offsets = {m: total / (fit.weights[m] + drawn) for m, total in sums.items()}
    drawn = fit.sigma**2 / _SLOPE_SIGMA**2
    fit.breadth = sum(w * x * x for _, _, x, w in rows)
    left = sum(w * x * (y - fit.at(m, 0.0)) for y, m, x, w in rows)
    fit.slope = (left + drawn * _SLOPE) / (fit.breadth + drawn)


def _judged(
    fit: _Fit,
    times: Sequence[float],
    modes: Sequence[str],
    distances: Sequence[float],
    fresh: Sequence[float],
) -> list[float]:
    """Weights that fade with age and with distance from the fit; sets its sigma on the way."""
    errors = [y - fit.at(m, x) for y, m, x in zip(times, modes, distances, strict=True)]
    most = _FAR * fit.sigma
    weights = [w * min(1.0, most / abs(e)) if e else w for w, e in zip(fresh, errors, strict=True)]
    squares = sum(w * e * e for w, e in zip(weights, errors, strict=True))
    guess = _SIGMA_WEIGHT * _SIGMA**2
    fit.sigma = max(_LEAST_SIGMA, math.sqrt((guess + squares) / (_SIGMA_WEIGHT + sum(weights))))
    return weights
