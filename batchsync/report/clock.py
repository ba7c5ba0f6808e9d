"""The time left: what was seen of a batch becomes a span, and a span words that keep still.

Nothing in here reads a clock or the world: all of it is a function of what it is given.
"""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

# Renders seen from beginning to end before their times are trusted.
_ENOUGH = 3
# How much longer than nine in ten a render takes before it is pointed at.
_SLOW = 1.25
# However regular renders have been, the service may change its pace: a share of the time left.
_DOUBT = 0.1
# What a handful of renders may have missed, as a share of their typical time.
_LEAST_SPREAD = 0.4
_UNSEEN = 0.8
# How slowly what is shown follows what is found: a share of the time left, within these seconds.
_FOLLOW_SHARE = 0.15
_FOLLOW_LEAST, _FOLLOW_MOST = 2.0, 20.0
# Seconds that a span is kept while nothing can be said, e.g. between two renders.
_HOLD = 15.0
# How far, in units, a bound that is shown may be off before it is shown anew.
_SLACK_INSIDE = 1.6
_SLACK_OUTSIDE = 0.25
# Seconds up to which times are shown in units of so many seconds.
_UNITS = (
    (180, 30),
    (1_200, 60),
    (3_600, 300),
    (6 * 3_600, 900),
    (48 * 3_600, 3_600),
    (math.inf, 86_400),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """How long renders take, in seconds: half of them `typical`, nine in ten at most `late`."""

    count: int
    mean: float
    spread: float
    typical: float
    late: float

    def is_slow(self, age: float) -> bool:
        """Whether a render of this age takes so long that a person may want to know."""
        # One in ten is late: that alone is nothing to point at.
        return age > _SLOW * self.late


def pace_of(seconds: Iterable[float]) -> Pace | None:
    """The pace of renders that were seen to begin and to end; None until there are enough."""
    seen = sorted(seconds)
    if len(seen) < _ENOUGH:
        return None
    late = seen[math.ceil(len(seen) * 0.9) - 1]
    return Pace(
        len(seen), statistics.fmean(seen), statistics.pstdev(seen), statistics.median(seen), late
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """Where the work of a run stands. Times are seconds.

    Attributes:
        waiting: jobs that will still be submitted.
        rendering: jobs in flight.
        youngest: age of the render that was submitted last; 0 without any.
        oldest: age of the one that was submitted first.
        pace: of renders, None while unknown.
        to_fetch: renders that have ended and are not here yet.
        fetching: those of them under way.
        fetch_seconds: what a download takes, None while unknown.
    """

    waiting: int
    rendering: int
    youngest: float
    oldest: float
    pace: Pace | None
    to_fetch: int = 0
    fetching: int = 0
    fetch_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds, between `least` and `most`."""

    least: float
    most: float


def forecast(seen: Seen) -> Span | None:
    """How long the work will take; None while too little is known."""
    fetch = _fetching(seen)
    if not (seen.waiting or seen.rendering):
        return None if fetch is None else Span(fetch * 0.7, fetch * 1.3)
    if seen.pace is None or not seen.rendering:
        return None
    queue = _submitting(seen, seen.pace)
    last = _last_render(seen, seen.pace)
    least, most = queue.least + last.least, queue.most + last.most
    after = seen.fetch_seconds or 0.0
    return Span(max(least + after, (fetch or 0) * 0.7), max(most + after, (fetch or 0) * 1.3))


def _submitting(seen: Seen, pace: Pace) -> Span:
    """Until the last job is submitted: what is in flight over its mean time is the throughput."""
    middle = seen.waiting * pace.mean / seen.rendering
    spread = max(pace.spread, _LEAST_SPREAD * pace.typical) / max(pace.mean, 1e-9)
    doubt = min(_DOUBT + spread / math.sqrt(pace.count), 0.8)
    return Span(middle * (1 - doubt), middle * (1 + doubt))


def _last_render(seen: Seen, pace: Pace) -> Span:
    """From the last submission to the end of its render."""
    age = 0.0 if seen.waiting else seen.youngest
    # The quick ones end first: of a few, the slow ones have not been seen yet.
    late = max(pace.late, pace.typical * (1 + _UNSEEN / math.sqrt(pace.count)))
    least, most = max(pace.typical - age, 0.0), max(late - age, 0.1 * pace.typical)
    if seen.oldest > late:
        # Longer than any before it. The longer a wait has been, the longer it may still be.
        most = max(most, 0.25 * seen.oldest)
    return Span(least * (1 - _DOUBT), most * (1 + _DOUBT))


def _fetching(seen: Seen) -> float | None:
    """Seconds for the downloads, where they and not the renders are what is waited for."""
    if seen.fetch_seconds is None or not seen.to_fetch:
        return None
    width = max(seen.fetching, 1)
    held_up = seen.to_fetch > 2 * width or not (seen.waiting or seen.rendering)
    if not held_up:
        return None
    return math.ceil((seen.to_fetch + seen.rendering + seen.waiting) / width) * seen.fetch_seconds


@dataclass(frozen=True, slots=True)
class Clock:
    """The time left as it is shown: it follows what is found slowly, and in round figures.

    Attributes:
        at: when it was last told something, in seconds of any clock.
        least_end, most_end: between which the work is expected to end, by the same clock.
        unit, low, high: what is shown, in seconds; a unit of 0 shows nothing.
        heard: when there was last something to say.
    """

    at: float = 0.0
    least_end: float = 0.0
    most_end: float = 0.0
    unit: int = 0
    low: int = 0
    high: int = 0
    heard: float = 0.0

    def after(self, now: float, span: Span | None) -> "Clock":
        """The clock after one more look."""
        if span is None:
            return self._held(now) if self.unit and now - self.heard <= _HOLD else Clock(at=now)
        least, most = now + span.least, now + span.most
        if self.unit:
            follow = min(max(_FOLLOW_LEAST, _FOLLOW_SHARE * span.most), _FOLLOW_MOST)
            share = 1 - math.exp(-max(now - self.at, 0.0) / follow)
            least = self.least_end + (least - self.least_end) * share
            most = self.most_end + (most - self.most_end) * share
        return replace(self, least_end=least, most_end=most, heard=now)._held(now)

    def _held(self, now: float) -> "Clock":
        least, most = max(self.least_end - now, 0.0), max(self.most_end - now, 0.0)
        unit = _unit(most, self.unit)
        low, high = math.floor(least / unit) * unit, max(math.ceil(most / unit), 1) * unit
        if unit == self.unit:
            inside, outside = _SLACK_INSIDE * unit, _SLACK_OUTSIDE * unit
            if -outside <= least - self.low < inside:
                low = self.low
            if -outside < self.high - most < inside:
                high = self.high
        return replace(self, at=now, unit=unit, low=min(low, high), high=high)

    @property
    def words(self) -> str | None:
        """Such as "about 12-15 min left"; None while too little is known."""
        if not self.unit:
            return None
        if self.high <= 60:
            return "less than a minute left"
        size, name = _size(self.unit)
        high = _figure(self.high, size)
        if not self.low:
            return f"up to {high} {name} left"
        if self.low == self.high:
            return f"about {high} {name} left"
        return f"about {_figure(self.low, size)}-{high} {name} left"


def _unit(most: float, before: int) -> int:
    # A little longer in the finer unit than on the way up, so that the two do not take turns.
    for limit, unit in _UNITS:
        if most <= limit * (1.15 if unit == before else 1.0):
            return unit
    raise AssertionError("the last unit has no limit")


def _size(unit: int) -> tuple[int, str]:
    if unit >= 86_400:
        return 86_400, "days"
    return (3_600, "h") if unit >= 900 else (60, "min")


def _figure(seconds: int, size: int) -> str:
    """Whole, or with minutes where hours have them; half minutes as such."""
    whole, rest = divmod(seconds, size)
    if size == 3_600 and rest:
        return f"{whole}:{rest // 60:02}"
    return f"{whole}.5" if rest else f"{whole}"
