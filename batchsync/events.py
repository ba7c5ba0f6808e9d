"""What the engine says while it works. It states facts; who shows them, and how, subscribes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from batchsync.model import Failure, JobState, Stage


@dataclass(frozen=True, slots=True)
class RunBegan:
    """A run sets out; `goal` is where a job is done with, short of `done` for `--no-wait`.

    `limit` is how many renders may be in flight, None where the run finds out by itself.
    """

    batch: str
    run_id: str
    at: float
    goal: JobState = JobState.DONE
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class RunEnded:
    """A run is over; `code` is what the process ends with, `error` what ended it too early."""

    at: float
    code: int
    error: str | None = None


@dataclass(frozen=True, slots=True)
class JobMoved:
    """A transition that is on disk. Credits are whole, times unix seconds."""

    job: str
    source: JobState
    target: JobState
    at: float
    attempt: int
    project_id: str | None = None
    credits_estimated: int | None = None
    credits_charged: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class JobStalled:
    """A job came no further in this run and stays where it is."""

    job: str
    state: JobState
    failure: Failure


@dataclass(frozen=True, slots=True)
class StageEntered:
    """A worker has taken a job up."""

    job: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class BytesMoved:
    """Some bytes have gone up or come down."""

    direction: Literal["up", "down"]
    count: int


@dataclass(frozen=True, slots=True)
class UploadSaved:
    """A file did not have to be uploaded, as its content is there already."""

    count: int


@dataclass(frozen=True, slots=True)
class CallRetried:
    """A call failed and will be made again in `pause` seconds."""

    call: str
    reason: str
    pause: float
    job: str | None = None


@dataclass(frozen=True, slots=True)
class LimitChanged:
    """How many renders may be in flight from now on."""

    limit: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """Nothing more is submitted; `leaving` says whether what renders is still waited for."""

    reason: str
    leaving: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person should know, of no job in particular."""

    level: Literal["info", "warning", "error"]
    message: str


Event = (
    RunBegan
    | RunEnded
    | JobMoved
    | JobStalled
    | StageEntered
    | BytesMoved
    | UploadSaved
    | CallRetried
    | LimitChanged
    | Stopping
    | Note
)
Observer = Callable[[Event], None]


class Announcer:
    """Passes each event to every subscriber.

    One that raises is dropped: a terminal that has gone away must not stop what is paid for.
    """

    def __init__(self, *observers: Observer) -> None:
        self._observers = list(observers)
        self.dropped = 0

    def subscribe(self, observer: Observer) -> None:
        """Add a subscriber."""
        self._observers.append(observer)

    def __call__(self, event: Event) -> None:
        """Say something."""
        for observer in tuple(self._observers):
            try:
                observer(event)
            except Exception:
                self._observers.remove(observer)
                self.dropped += 1
