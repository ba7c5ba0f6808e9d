"""The time in which a batch was worked on: its runs laid end to end, the pauses left out; pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from batchsync.report.html.reading import Arrow, Record

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Clock:
    """Turns moments into places on an axis that leaves the pauses out.

    Attributes:
        spans: when a run was at work, as (begin, end) in unix seconds; in order, apart.
        places: where each span begins on the axis, in seconds.
    """

    spans: tuple[Span, ...]
    places: tuple[float, ...]

    @property
    def length(self) -> float:
        """Seconds worked in all: the wall time of all runs."""
        return sum(end - begin for begin, end in self.spans)

    def at(self, moment: float) -> float:
        """Seconds from the axis' beginning; a moment in a pause lies where the pause is."""
        number = bisect_right(self.spans, (moment, float("inf"))) - 1
        if number < 0:
            return 0.0
        begin, end = self.spans[number]
        return self.places[number] + min(moment, end) - begin


def clock_of(record: Record, now: float) -> Clock:
    """The clock of all runs of a batch; `now` in unix seconds ends the one at work."""
    last_seen: dict[str, float] = {}
    for arrow in record.arrows:
        last_seen[arrow.run] = arrow.at
    spans = []
    for run in record.runs:
        end = run.ended_at
        if end is None:
            # Killed, unless it is at work: what it recorded last is the last that is known.
            at_work = record.running is not None and run.id == record.running.id
            end = now if at_work else last_seen.get(run.id, run.started_at)
        spans.append((run.started_at, max(end, run.started_at)))
    return _laid_out(spans or _whole(record.arrows))


def _whole(arrows: Sequence[Arrow]) -> list[Span]:
    """Where no run was recorded, from the first transition to the last."""
    moments = [arrow.at for arrow in arrows]
    return [(min(moments), max(moments))] if moments else []


def _laid_out(spans: Iterable[Span]) -> Clock:
    merged: list[Span] = []
    for begin, end in sorted(spans):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    lengths = [end - begin for begin, end in merged]
    return Clock(tuple(merged), tuple(accumulate(lengths[:-1], initial=0.0)) if merged else ())
