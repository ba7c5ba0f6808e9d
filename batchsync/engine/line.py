"""Which of the renders in flight the service works on, and which wait there for their turn.

Nobody says how many renders the service makes at a time. But one that makes five, first come first
served, never ends the ninth before four others; one that makes all at once ends any of them first.
So the depth at which renders end tells the two apart.
"""

from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from math import fsum, isqrt, sqrt

# The latest ends that a judgement is made from, and how many it takes at least.
_RECENT = 20
_ENOUGH = 10
# An end deeper than this share of what is in flight shows that the service does not queue.
_DEEP = 0.5
# An end known only to within this share of its age tells nothing of the order.
_VAGUE = 0.25
# It queues if counting from each one's turn makes times this much more alike.
_ALIKE = 0.7
# Until that is known, the oldest few are looked at, and half more than have been seen to be at
# work: when nothing is known, a sample tells as much as everyone.
_FEW = 5


class Queueing(Enum):
    """What is thought of the service."""

    UNSURE = "unsure"
    NO = "no"
    YES = "yes"


@dataclass(frozen=True, slots=True)
class End:
    """One end, in seconds of one clock; `depth` counts those ahead of it and itself."""

    place: int
    depth: int
    submitted: float
    ended: float
    what: object = None


class Line:
    """Renders in the order in which they were submitted.

    Attributes:
        queueing: whether the service lets renders wait for their turn.
        recent: the latest ends since that was last judged otherwise.
        entered: renders that have come so far.
    """

    def __init__(self) -> None:
        self.queueing = Queueing.UNSURE
        self.recent: deque[End] = deque(maxlen=_RECENT)
        self.entered = 0
        self._ends = array("d")
        self._deepest = 0

    def __len__(self) -> int:
        return self.entered - len(self._ends)

    @property
    def width(self) -> int:
        """How many of the oldest renders may be at work."""
        if self.queueing is Queueing.NO:
            return self.entered + 1
        # Somewhat more than have been seen to be, to notice when there are more.
        seen = self._deepest + max(2, self._deepest // 2)
        return seen if self.queueing is Queueing.YES else max(_FEW, isqrt(len(self)), seen)

    def enter(self) -> int:
        """Take the next place; the answer is the number of those that came before."""
        self.entered += 1
        return self.entered - 1

    def leave(
        self,
        place: int,
        submitted: float,
        now: float,
        *,
        seen: float | None = 0.0,
        what: object = None,
    ) -> bool:
        """The render at a place has ended.

        Args:
            place: as `enter` gave it.
            submitted: in seconds, as all times.
            now: when the end was noticed.
            seen: how long before it was known to be open; None if nobody had looked.
            what: kept with the end.

        Returns:
            Whether `queueing` has changed by that.
        """
        before, width = self.queueing, self.width
        depth = place - len(self._ends) + 1
        # One that had ended before anybody looked did not wait for those that have ended since.
        overtook = seen is None and len(self._ends) > 0
        is_deep = depth > max(_FEW, _DEEP * len(self))
        self._ends.append(now)
        if seen is not None and seen <= _VAGUE * (now - submitted):
            self.recent.append(End(place, depth, submitted, now, what))
        self._deepest = max(self._deepest, depth)
        if before is Queueing.YES:
            changed = depth > width
            self.queueing = Queueing.NO if changed else before
        elif self._seems_to_queue():
            self.queueing = Queueing.YES
        elif is_deep or overtook:
            self.queueing = Queueing.NO
        return self.queueing is not before

    def is_at_work(self, place: int) -> bool:
        """Whether the service may have begun with the render at a place."""
        return place - len(self._ends) < self.width

    def begun(self, place: int, submitted: float) -> float:
        """When it may have begun with one that is at work or has ended."""
        freeing = place - self.width
        if self.queueing is not Queueing.YES or freeing < 0:
            return submitted
        return max(submitted, self._ends[freeing])

    def _seems_to_queue(self) -> bool:
        if len(self.recent) < _ENOUGH:
            return False
        ahead = [end.depth for end in self.recent]
        if max(ahead) > _DEEP * len(self):
            return False
        before, deepest = self.queueing, self._deepest
        self.queueing, self._deepest = Queueing.YES, max(ahead)
        waited = _spread([end.ended - end.submitted for end in self.recent])
        worked = _spread([end.ended - self.begun(end.place, end.submitted) for end in self.recent])
        if worked < _ALIKE * waited:
            return True
        self.queueing, self._deepest = before, deepest
        return False


def _spread(values: Sequence[float]) -> float:
    # The standard library's is exact, and takes fifty times as long.
    mean = fsum(values) / len(values)
    return sqrt(fsum((value - mean) ** 2 for value in values) / len(values))
