"""One render that is waited for, and what a look at it has found."""

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from batchsync.engine.history import Clue
from batchsync.engine.schedule import Timing

K = TypeVar("K")

# Sigmas beyond which an end is late, and how likely that is.
_LATE, _LATE_CHANCE = 2.5, 0.03


class Sight(Enum):
    """What a look has found."""

    OPEN = "open"  # to be looked at again
    RENDERED = "rendered"  # its time is one to learn from
    GONE = "gone"  # has ended otherwise
    GIVEN_UP = "given up"  # has not ended, but is waited for no longer


@dataclass(slots=True, eq=False)
class Watch(Generic[K]):
    """A render that is waited for; times are seconds of the loop's clock.

    Attributes:
        place: in the line of all renders, see `line`.
        submitted: when the service took it.
        since: from when on `timeout` counts.
        resumed: submitted by an earlier run; what happened in between nobody has seen.
        begun: when the service may have begun with it; None while it waits its turn.
        due: when to look next; entries of the heap that say otherwise are stale.
        in_air: a look is under way.
        hinted: somebody says that it has ended.
        last: when it was last seen to be open.
        chance: how likely it was that the first look finds it ended; None if nothing was known.
    """

    item: K
    clue: Clue
    place: int
    submitted: float
    since: float
    resumed: bool = False
    begun: float | None = None
    due: float = 0.0
    in_air: bool = False
    hinted: bool = False
    ended: bool = False
    looks: int = 0
    failures: int = 0
    last: float | None = None
    chance: float | None = None

    def age(self, now: float) -> float:
        """Seconds for which the service may have been at work on it."""
        return now - (self.submitted if self.begun is None else self.begun)

    def took(self, now: float, timing: Timing | None) -> float | None:
        """Seconds of work, for one just seen to have ended; None if that can't be told.

        It ended between two looks: in the middle, unless hardly any end that early.
        """
        if self.begun is None or (self.last is None and self.resumed):
            return None
        most = now - self.begun
        least = max(0.0, self.last - self.begun) if self.last is not None else 0.0
        if timing is not None and least < timing.earliest() < most:
            least = timing.earliest()
        return (least + most) / 2 if not self.hinted else most

    def surprise(self, timing: Timing) -> tuple[bool, float]:
        """Whether an end came at an unlikely time, and how likely that was."""
        if self.chance is not None and self.looks == 1:
            return not self.hinted, self.chance
        late = self.last is not None and timing.deviation(self.age(self.last)) > _LATE
        return late, _LATE_CHANCE
