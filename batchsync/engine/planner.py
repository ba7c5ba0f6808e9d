"""When a render in flight is looked at next: what is known of its kind, and what a look is worth.

Pure: times are given, none is read.
"""

import random
from typing import Any

from batchsync.engine.history import Clue, History, Past
from batchsync.engine.line import Line
from batchsync.engine.schedule import Timing
from batchsync.engine.watching import Watch

# What a look is worth, in seconds of lag, as a share of the shortest pause: with 3 s, 12 looks at
# a render of four minutes.
_PRICE = 0.14
# Renders ending in a second, as a share of the calls allowed in one, that double that price: the
# more are in flight, the less the lag of one matters, and 10,000 must fit into the budget.
_BUSY = 1 / 100
# The whole batch waits for its last renders: looks at them are worth this share of the price.
_LAST_PRICE = 0.3
# However many are in flight, a look is worth no more than this share of the spread of times: that
# is two or three looks a render, and with fewer nothing would be learnt.
_DEAREST = 0.2
# While nothing is known, a pause is this share of the age: ages grow as the vendor advises.
_GROWTH = 0.6
# Renders that take fewer shortest pauses than this are found as soon without any knowledge.
_SHORT = 3.0
# A resumed batch is looked at over this many seconds, not in one burst.
_RESUME_SPREAD = 2.0
# One in so many renders is looked at once before its time, to notice when times have fallen.
_SENTRY = 16
# When ends are told by others, looks are the net below: worth this share of the spread of times,
# and so many times rarer.
_RELAXED_PRICE, _RELAXED_PAUSE = 1.0, 10.0
# Pauses vary by this share, so that jobs submitted together drift apart.
_JITTER = 0.05
# The least pause, whatever is asked for; seconds.
_LEAST = 0.01
# Share of ends before which an end counts as not near: until then a pause may be any length.
_NEAR = 0.01


class Planner:
    """Places looks.

    Args:
        history: of render times.
        shortest, longest: seconds between looks, once an end is near.

    Attributes:
        relaxed: ends are told by others; looks become a rare fallback.
        last: only the last renders of all are in flight.
    """

    def __init__(self, history: History, shortest: float, longest: float) -> None:
        self.relaxed = False
        self.last = False
        self.shortest = max(shortest, _LEAST)
        self.longest = max(longest, self.shortest)
        self._history = history

    def first(self, watch: Watch[Any], now: float, load: float) -> float:
        """When to look for the first time.

        Args:
            watch: at work.
            now: seconds of the clock that the watch goes by.
            load: renders in flight for each call a second that is allowed.
        """
        timing = self._timing(watch)
        if timing is None:
            rare = self.longest if self.relaxed else self.shortest
            return now + (_soon(self.longest) if watch.resumed else _varied(rare))
        first = max(self.shortest, timing.next_look(0.0, self._price(timing, load)))
        age = watch.age(now)
        if age >= first:
            # Overdue: from an earlier run, or the service is found to do more at a time.
            return now + _soon(self.longest)
        if watch.place == 0 and not watch.resumed:
            return now + _varied(self.shortest)
        if watch.place % _SENTRY == _SENTRY // 2:
            first *= random.uniform(0.1, 1.0)  # noqa: S311
        if not watch.resumed:
            watch.chance = timing.share(first)
        return now + _varied(max(self.shortest, first - age))

    def next(self, watch: Watch[Any], now: float, load: float) -> float:
        """When to look again at one that has just been seen to be open."""
        age = watch.age(now)
        timing = self._timing(watch)
        backoff = min(max(self.shortest, age * _GROWTH), self.longest)
        if timing is None:
            return now + _varied(self.longest if self.relaxed else backoff)
        price = self._price(timing, load)
        pause = timing.next_look(age, price) - age
        if watch.place == 0 and not self.relaxed:
            # The first of a run finds out whether what earlier ones have shown still holds.
            first = timing.next_look(0.0, price)
            pause = min(pause, backoff) if age < first else pause
        longest = self.longest * (_RELAXED_PAUSE if self.relaxed else 1.0)
        if pause <= 0:
            # Far beyond all that was known.
            pause = longest
        elif timing.share(age) > _NEAR:
            pause = min(pause, longest)
        return now + _varied(max(self.shortest, pause))

    def _timing(self, watch: Watch[Any]) -> Timing | None:
        timing = self._history.timing(watch.clue)
        if timing is not None and timing.typical < _SHORT * self.shortest and not self.relaxed:
            return None
        return timing

    def sooner(self, watch: Watch[Any], now: float) -> float:
        """When to look once what was known no longer holds."""
        return min(watch.due, now + random.uniform(self.shortest, self.longest))  # noqa: S311

    def learn(self, watch: Watch[Any], now: float) -> bool:
        """A render has just been seen to have ended well.

        Returns:
            Whether it was one surprise too many, so that nothing is known any more.
        """
        timing = self._history.timing(watch.clue)
        took = watch.took(now, timing)
        if took is None or watch.begun is None:
            return False
        forgot = timing is not None and self._history.checked(*watch.surprise(timing))
        waited = watch.begun - watch.submitted
        self._history.add(waited + took, watch.clue, waited)
        return forgot

    def correct(self, line: Line) -> None:
        """Count the latest renders anew: the service turns out to queue, or not to."""
        self._history.correct(
            Past(end.ended - line.begun(end.place, end.submitted), end.what)
            for end in line.recent
            if isinstance(end.what, Clue)
        )

    def _price(self, timing: Timing, load: float) -> float:
        """Seconds of lag that one look is worth."""
        spread = timing.typical * timing.sigma
        if self.relaxed:
            return spread * _RELAXED_PRICE
        price = self.shortest * _PRICE * (1 + load / timing.typical / _BUSY)
        return min(price, spread * _DEAREST) * (_LAST_PRICE if self.last else 1.0)


def _soon(longest: float) -> float:
    return random.uniform(0, min(_RESUME_SPREAD, longest))  # noqa: S311


def _varied(pause: float) -> float:
    return pause * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311
