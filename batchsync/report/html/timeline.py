"""Where the time went: each job's way through the stages, and the renders in flight; pure."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from batchsync.model import IN_FLIGHT, JobState
from batchsync.report.html.clock import Clock
from batchsync.report.html.reading import Arrow

_S = JobState

# Stages as people see them; what the ledger knows of each is when it ended.
STAGES = ("upload", "waiting", "rendering", "downloading")
_STAGE_OF: Mapping[JobState, int] = {
    _S.PENDING: 0,
    _S.UPLOADED: 1,
    _S.SUBMITTING: 1,
    _S.SUBMITTED: 2,
    _S.RENDERED: 3,
}

# Steps of a curve that a screen can show; more would only make the page heavy.
_MOST_STEPS = 600

Curve = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Segment:
    """A job in one stage; places on the clock's axis, in seconds."""

    stage: int
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Usage:
    """How busy the service was kept.

    Attributes:
        peak: the most renders in flight at a time.
        mean: how many there were on average, from when the peak was first reached to the last
            create call; None where that was one and the same. The way up to it says nothing:
            create calls go one after the other.
    """

    peak: int
    mean: float | None


def segments(arrows: Sequence[Arrow], clock: Clock) -> dict[str, list[Segment]]:
    """Each job's stages, in order. A stage without length on the axis is left out."""
    begins = _run_begins(arrows, clock)
    found: dict[str, list[Segment]] = defaultdict(list)
    since: dict[str, tuple[float, JobState]] = {}
    for arrow in arrows:
        place = clock.at(arrow.at)
        # A job waits for its upload from the beginning of the run that first took it up.
        begin, _ = since.get(arrow.job, (begins.get(arrow.run, place), arrow.source))
        _extend(found[arrow.job], _STAGE_OF.get(arrow.source), begin, place)
        since[arrow.job] = (place, arrow.target)
    for job, (begin, state) in since.items():
        if state in IN_FLIGHT:
            _extend(found[job], _STAGE_OF[state], begin, clock.length)
    return dict(found)


def _run_begins(arrows: Iterable[Arrow], clock: Clock) -> dict[str, float]:
    begins: dict[str, float] = {}
    for arrow in arrows:
        if arrow.run not in begins:
            begins[arrow.run] = max(
                (place for place in clock.places if place <= clock.at(arrow.at)), default=0.0
            )
    return begins


def _extend(segments: list[Segment], stage: int | None, begin: float, end: float) -> None:
    if stage is None or end <= begin:
        return
    if segments and segments[-1].stage == stage and segments[-1].end == begin:
        segments[-1] = Segment(stage, segments[-1].begin, end)
    else:
        segments.append(Segment(stage, begin, end))


def in_flight(arrows: Iterable[Arrow], clock: Clock) -> Curve:
    """Renders at the service over time: (place, count from there on)."""
    steps: dict[float, int] = defaultdict(int)
    for arrow in arrows:
        change = (arrow.target is _S.SUBMITTED) - (arrow.source is _S.SUBMITTED)
        if change:
            steps[clock.at(arrow.at)] += change
    return cumulated(sorted(steps.items()))


def usage(arrows: Iterable[Arrow], curve: Curve, clock: Clock) -> Usage | None:
    """How busy the service was kept; None without a render."""
    calls = [clock.at(arrow.at) for arrow in arrows if arrow.target is _S.SUBMITTED]
    if not calls:
        return None
    peak = max(count for _, count in curve)
    first, last = next(place for place, count in curve if count == peak), max(calls)
    ends = [place for place, _ in curve[1:]] + [clock.length]
    area = sum(
        count * max(0.0, min(end, last) - max(begin, first))
        for (begin, count), end in zip(curve, ends, strict=True)
    )
    return Usage(int(peak), area / (last - first) if last > first else None)


def cumulated(changes: Iterable[tuple[float, float]]) -> Curve:
    """A running sum, from changes in the order of their places."""
    curve: Curve = []
    level = 0.0
    for place, change in changes:
        level += change
        if curve and curve[-1][0] == place:
            curve[-1] = (place, level)
        else:
            curve.append((place, level))
    return curve


def thinned(curve: Curve, length: float) -> Curve:
    """A curve of few enough steps for a screen: the mean level of each slice of the time."""
    if len(curve) <= _MOST_STEPS or length <= 0:
        return curve
    width = length / _MOST_STEPS
    areas = [0.0] * _MOST_STEPS
    ends = [place for place, _ in curve[1:]] + [length]
    for (begin, level), end in zip(curve, ends, strict=True):
        first = min(int(begin / width), _MOST_STEPS - 1)
        for slot in range(first, min(int(end / width), _MOST_STEPS - 1) + 1):
            overlap = min(end, (slot + 1) * width) - max(begin, slot * width)
            areas[slot] += level * max(0.0, overlap)
    return [(slot * width, area / width) for slot, area in enumerate(areas)]


@dataclass(frozen=True, slots=True)
class StageTime:
    """How long the jobs were in one stage, in seconds."""

    stage: str
    jobs: int
    median: float
    longest: float
    total: float


def stage_times(ways: Mapping[str, Sequence[Segment]]) -> list[StageTime]:
    """The stages' times over all jobs, in the order of the stages."""
    taken: dict[int, list[float]] = {number: [] for number in range(len(STAGES))}
    for way in ways.values():
        sums: dict[int, float] = defaultdict(float)
        for segment in way:
            sums[segment.stage] += segment.end - segment.begin
        for stage, seconds in sums.items():
            taken[stage].append(seconds)
    return [
        StageTime(STAGES[number], len(all_), statistics.median(all_), max(all_), sum(all_))
        for number, all_ in taken.items()
        if all_
    ]
