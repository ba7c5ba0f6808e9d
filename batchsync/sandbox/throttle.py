"""A limit of requests a second."""

import math
import time
from collections.abc import Callable


class Throttle:
    """A bucket that fills at a rate and holds one second of it."""

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._most = max(1.0, rate)
        self._clock = clock
        self._tokens = self._most
        self._filled_at = clock()

    def take(self) -> int:
        """Let one request pass: 0, or the whole seconds after which to come again."""
        now = self._clock()
        self._tokens = min(self._most, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        if self._tokens >= 1:
            self._tokens -= 1
            return 0
        return math.ceil((1 - self._tokens) / self._rate)
