"""In which order jobs are bought; pure.

With more jobs than slots, a long render that starts last is waited for alone. Longest first keeps
all slots busy to the end (Graham's rule: never more than a third above the best schedule).
"""

import math
from collections.abc import Callable, Sequence

from batchsync.engine.case import Case

# Estimates are no better than this: what differs by less stays in manifest order, so that a batch
# of like jobs is bought as it is written.
_ALIKE = 1.25


def longest_first(cases: Sequence[Case], seconds: Callable[[Case], float | None]) -> list[Case]:
    """The same cases, those with the longest render first; alike ones in their order.

    Args:
        cases: in manifest order.
        seconds: expected render time; None where nothing is known, which counts as short.
    """
    return sorted(cases, key=lambda case: -_class(seconds(case)))


def _class(seconds: float | None) -> int:
    """Render times of one class are alike."""
    return 0 if not seconds or seconds <= 1 else 1 + math.floor(math.log(seconds, _ALIKE))
