"""How fast something goes: what came by within the last seconds."""

from collections import deque

# How finely a window is kept: its memory stays small, however much comes by.
_STEPS = 60
# Seconds that have to be seen before a speed is named.
_LEAST_SECONDS = 2.0


class Meter:
    """Adds up over a sliding window of so many seconds."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._steps: deque[tuple[float, int]] = deque()
        self._total = 0
        self._begin: float | None = None

    def add(self, now: float, count: int) -> None:
        """Something came by."""
        if self._begin is None:
            self._begin = now
        at, before = self._steps[-1] if self._steps else (float("-inf"), 0)
        if now - at < self._window / _STEPS:
            self._steps[-1] = (at, before + count)
        else:
            self._steps.append((now, count))
        self._total += count
        self._forget(now)

    def rate(self, now: float) -> float | None:
        """By the second; None while too little was seen, or if nothing came by lately."""
        self._forget(now)
        if self._begin is None or not self._total:
            return None
        seconds = min(self._window, now - self._begin)
        return self._total / seconds if seconds >= _LEAST_SECONDS else None

    def _forget(self, now: float) -> None:
        while self._steps and now - self._steps[0][0] > self._window:
            self._total -= self._steps.popleft()[1]
