"""Whether the machine has slept: the loop's clock stands still then, the time of day goes on."""

from collections.abc import Callable

# Seconds that the one must gain on the other; less is a clock being set right.
_LEAST = 10.0


class Sleep:
    """Compares the two clocks.

    Args:
        wall: the time of day in seconds.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._gap: float | None = None

    def since_last(self, now: float) -> float:
        """Seconds slept since this was last asked; `now` is the loop's time."""
        before, self._gap = self._gap, self._wall() - now
        slept = 0.0 if before is None else self._gap - before
        return slept if slept > _LEAST else 0.0
