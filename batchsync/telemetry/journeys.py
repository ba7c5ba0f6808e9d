"""Events of one run -> what each job went through, with times. Knows nothing of OpenTelemetry."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from batchsync.events import Event, JobMoved, JobStalled, StageEntered
from batchsync.model import ENDED, Failure, JobState, Stage

_S = JobState

# What the service calls its failures goes into labels: no sentences, nothing that grows.
_PLAIN_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Leg(StrEnum):
    """A part of a job's way, each a span of its own."""

    UPLOAD = "upload"
    WAIT = "wait"
    SUBMIT = "submit"
    RENDER = "render"
    DOWNLOAD = "download"


_LEG_OF = {
    Stage.UPLOAD: Leg.UPLOAD,
    Stage.SUBMIT: Leg.SUBMIT,
    Stage.POLL: Leg.RENDER,
    Stage.DOWNLOAD: Leg.DOWNLOAD,
}


@dataclass(slots=True)
class Journey:
    """One job's way through one run. Times are unix seconds.

    Attributes:
        leg: what is being done to it now.
        since: when that began.
        submitted: when the service took it, None where an earlier run brought it there.
        unfinished: the run ended before the job did.
    """

    job: str
    begun: float
    leg: Leg | None = None
    since: float = 0.0
    submitted: float | None = None
    state: JobState | None = None
    attempt: int = 0
    project_id: str | None = None
    credits_estimated: int | None = None
    credits_charged: int | None = None
    unfinished: bool = False


class Listener(Protocol):
    """Is told of what has ended; `error` is a failure's code."""

    def leg_begun(self, journey: Journey) -> None:
        """The journey's `leg` begins."""
        ...

    def leg_ended(self, journey: Journey, until: float, error: str | None) -> None:
        """The journey's `leg` is over."""
        ...

    def ended(self, journey: Journey, at: float, error: str | None) -> None:
        """The job goes no further in this run."""
        ...


class Journeys:
    """Follows the jobs of one run that are under way; those that have ended are forgotten.

    Args:
        listeners: told in this order.
        goal: the state that ends a job's way.
        now: for events that bear no time of their own.
    """

    def __init__(
        self,
        *listeners: Listener,
        goal: JobState = JobState.DONE,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._listeners = listeners
        self._goal = goal
        self._now = now
        self._under_way: dict[str, Journey] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def get(self, job: str) -> Journey | None:
        """A job's journey, while it is under way."""
        return self._under_way.get(job)

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case StageEntered(job, stage):
                self._entered(job, _LEG_OF.get(stage))
            case JobMoved():
                self._moved(event)
            case JobStalled(job, state, failure):
                journey = self._journey(job, self._now())
                journey.state = state
                self._end(journey, self._now(), failure)
            case _:
                pass

    def close(self, at: float) -> None:
        """The run is over, whatever is still under way."""
        for journey in list(self._under_way.values()):
            journey.unfinished = True
            self._end(journey, at, None)

    def _journey(self, job: str, at: float) -> Journey:
        return self._under_way.setdefault(job, Journey(job, at))

    def _entered(self, job: str, leg: Leg | None) -> None:
        if leg is None:
            return
        now = self._now()
        journey = self._journey(job, now)
        if journey.leg is not leg:
            self._begin_leg(journey, leg, now)

    def _moved(self, event: JobMoved) -> None:
        target = event.target
        ends = target in ENDED or target is self._goal
        # A job whose first word is another move has only been put back into the line, perhaps with
        # thousands: its way begins with its first stage.
        journey = self._journey(event.job, event.at) if ends else self.get(event.job)
        if journey is None:
            return
        _learn(journey, event)
        if ends:
            self._end(journey, event.at, event.failure)
        elif target is _S.UPLOADED and event.source is _S.PENDING:
            self._begin_leg(journey, Leg.WAIT, event.at)
        elif target in (_S.SUBMITTED, _S.RENDERED):
            self._end_leg(journey, event.at, None)

    def _begin_leg(self, journey: Journey, leg: Leg, at: float) -> None:
        self._end_leg(journey, at, None)
        journey.leg, journey.since = leg, at
        for listener in self._listeners:
            listener.leg_begun(journey)

    def _end_leg(self, journey: Journey, at: float, error: str | None) -> None:
        if journey.leg is None:
            return
        for listener in self._listeners:
            # The clock of a machine may be set back under way.
            listener.leg_ended(journey, max(at, journey.since), error)
        journey.leg = None

    def _end(self, journey: Journey, at: float, failure: Failure | None) -> None:
        error = code_of(failure.code) if failure and journey.state is not _S.DONE else None
        self._end_leg(journey, at, error)
        del self._under_way[journey.job]
        for listener in self._listeners:
            listener.ended(journey, max(at, journey.begun), error)


def _learn(journey: Journey, event: JobMoved) -> None:
    journey.state = event.target
    journey.attempt = event.attempt
    journey.project_id = event.project_id or journey.project_id
    journey.credits_estimated = event.credits_estimated
    if event.credits_charged is not None:
        journey.credits_charged = event.credits_charged
    if event.target is _S.SUBMITTED:
        journey.submitted = event.at


def code_of(code: str) -> str:
    """A failure's code, fit to be a label; what is none becomes OpenTelemetry's `_OTHER`."""
    return code if _PLAIN_CODE.fullmatch(code) else "_OTHER"
