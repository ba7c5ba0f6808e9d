"""How many status calls a second: one budget for all, which shrinks on 429 and recovers."""

# Requests a second for all status calls together, and how few it may become after 429s.
_RATE = 100.0
_LEAST_RATE = 2.0
# What each quiet answer gives back of the rate that 429s have taken.
_RECOVERY = 0.5
# Seconds in which several 429s count as one: they answer calls that were in the air together.
_BURST = 1.0


class Pace:
    """Says when the next call may leave; times are seconds of the loop's clock.

    Attributes:
        rate: calls a second.
        opens: when the next may leave.
    """

    def __init__(self) -> None:
        self.rate = _RATE
        self.opens = 0.0
        self._burst_until = 0.0

    def called(self, now: float) -> None:
        """A call leaves; what was not used while there was nothing to ask is not made up for."""
        self.opens = max(now, self.opens) + 1 / self.rate

    def answered(self) -> None:
        """A quiet answer."""
        self.rate = min(_RATE, self.rate + _RECOVERY)

    def throttled(self, now: float, pause: float | None) -> None:
        """A 429; nothing leaves for `pause` seconds if it named a time."""
        if now >= self._burst_until:
            self._burst_until = now + _BURST
            self.rate = max(_LEAST_RATE, self.rate / 2)
        if pause is not None:
            self.opens = max(self.opens, now + pause)
