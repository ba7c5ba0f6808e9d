"""What a view of a batch shows at one moment: facts, without a word about how they look."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from batchsync.model import ENDED, JobState

LaneName = Literal["upload", "submit", "render", "download"]

# The states in which a job waits for a stage, or is in it; and those that lie behind the stage.
_ORDER = tuple(JobState)
_STATES_OF: Mapping[LaneName, frozenset[JobState]] = {
    "upload": frozenset({JobState.PENDING}),
    "submit": frozenset({JobState.UPLOADED, JobState.SUBMITTING}),
    "render": frozenset({JobState.SUBMITTED}),
    "download": frozenset({JobState.RENDERED}),
}


@dataclass(frozen=True, slots=True)
class Speed:
    """How a stage gets on.

    Attributes:
        busy: jobs that are being worked on, None where that is not known.
        per_second: jobs that came through lately, None while unknown.
        bytes_per_second: the same in bytes.
    """

    busy: int | None = None
    per_second: float | None = None
    bytes_per_second: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """One stage.

    Attributes:
        passed: jobs that are through, or have ended before it.
        here: jobs that are in it, or wait for it.
    """

    name: LaneName
    passed: int
    here: int
    speed: Speed = Speed()


@dataclass(frozen=True, slots=True)
class Flight:
    """One job under way: what is done to it, for how many seconds, and how many it may still take.

    Attributes:
        left: seconds, at the usual pace; below zero it takes longer than most; None is unknown.
        slow: whether it takes so long that a person may want to know.
    """

    job: str
    doing: str
    age: float
    left: float | None = None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class Credits:
    """Of the batch, over all runs; None as a cap is no cap."""

    spent: int = 0
    reserved: int = 0
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Trouble:
    """Jobs that stopped for one reason: how many, one of them, and what it was told."""

    code: str
    count: int
    job: str
    message: str


@dataclass(frozen=True, slots=True)
class Scene:
    """A batch at one moment.

    Attributes:
        seconds: that the run has worked, None where no run does.
        left: words for the time left.
        flights: at least as many as a terminal has rows for, the oldest first.
        under_way: how many there are in all.
        calls: a few words about requests, where they matter.
        notes: what else a person should know, the most important first.
    """

    batch: str
    states: Mapping[JobState, int]
    lanes: tuple[Lane, ...]
    credits: Credits
    seconds: float | None = None
    left: str | None = None
    flights: tuple[Flight, ...] = ()
    under_way: int = 0
    troubles: tuple[Trouble, ...] = ()
    calls: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def total(self) -> int:
        """Jobs in all."""
        return sum(self.states.values())


def lanes(states: Mapping[JobState, int], speeds: Mapping[LaneName, Speed]) -> tuple[Lane, ...]:
    """The four stages, with what is known of their speed."""
    return tuple(
        Lane(
            name,
            _passed(states, name),
            sum(states.get(state, 0) for state in here),
            speeds.get(name, Speed()),
        )
        for name, here in _STATES_OF.items()
    )


def _passed(states: Mapping[JobState, int], name: LaneName) -> int:
    last = max(_ORDER.index(state) for state in _STATES_OF[name])
    return sum(states.get(state, 0) for state in _ORDER[last + 1 :])


def ended(states: Mapping[JobState, int]) -> int:
    """Jobs that a run leaves alone."""
    return sum(states.get(state, 0) for state in ENDED)


class Troubles:
    """Why jobs stopped, by code; the most frequent first."""

    def __init__(self, before: Iterable[Trouble] = ()) -> None:
        self._counts: Counter[str] = Counter()
        self._latest: dict[str, tuple[str, str]] = {}
        for trouble in before:
            self._counts[trouble.code] = trouble.count
            self._latest[trouble.code] = (trouble.job, trouble.message)

    def add(self, code: str, job: str, message: str) -> None:
        """One more job has stopped."""
        self._counts[code] += 1
        self._latest[code] = (job, message)

    def all(self) -> tuple[Trouble, ...]:
        """Every reason so far."""
        return tuple(
            Trouble(code, count, *self._latest[code]) for code, count in self._counts.most_common()
        )
