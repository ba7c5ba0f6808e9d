"""What a run has said so far, kept up event by event; a scene of it costs what is visible."""

import heapq
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from batchsync.events import (
    BytesMoved,
    CallRetried,
    Event,
    JobMoved,
    JobStalled,
    LimitChanged,
    StageEntered,
    Stopping,
)
from batchsync.model import ENDED, JobState, Stage
from batchsync.report.clock import Clock, Pace, Seen, forecast, pace_of
from batchsync.report.meter import Meter
from batchsync.report.scene import (
    Credits,
    Flight,
    LaneName,
    Scene,
    Speed,
    Trouble,
    Troubles,
    lanes,
)

if TYPE_CHECKING:
    from batchsync.api.protocol import Traffic

# Render times that are learnt from: the service's pace of an hour ago says little.
_REMEMBERED = 200
# Rows that a view can show at most; what lies beyond is counted.
_ROWS = 60
# Seconds over which speeds are taken.
_JOBS_WINDOW, _BYTES_WINDOW = 120.0, 10.0

_DOING: Mapping[Stage, str] = {
    Stage.UPLOAD: "uploading",
    Stage.SUBMIT: "submitting",
    Stage.POLL: "rendering",
    Stage.DOWNLOAD: "downloading",
}
_S = JobState


@dataclass(frozen=True, slots=True)
class Opening:
    """Where a batch stands when a run begins.

    Attributes:
        states: jobs by state.
        uploaded: ids of those whose files are with the service.
        submitted: unix seconds at which those that render were submitted.
        spent: credits, with what is reserved left out.
        reserved: estimates of what renders, by job.
        cap: `max_credits`.
        renders: seconds that renders have taken, as far as a run saw both their ends.
        troubles: why jobs had stopped before.
    """

    batch: str
    states: Mapping[JobState, int]
    uploaded: frozenset[str] = frozenset()
    submitted: Mapping[str, float] = field(default_factory=dict)
    spent: int = 0
    reserved: Mapping[str, int] = field(default_factory=dict)
    cap: int | None = None
    renders: tuple[float, ...] = ()
    troubles: tuple[Trouble, ...] = ()


class Tally:
    """Counts what a run says. Events come from one thread, scenes may be asked for by another."""

    def __init__(self, opening: Opening, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._opening = opening
        self.states: Counter[JobState] = Counter(opening.states)
        # Credits charged in this run.
        self.credits = 0
        self.traffic: Traffic | None = None
        self._begin = now()
        self._spent = opening.spent
        self._reserved = dict(opening.reserved)
        # By stage: job and when it began, the oldest first.
        self._working: dict[Stage, dict[str, float]] = {stage: {} for stage in _DOING}
        self._working[Stage.POLL].update(sorted(opening.submitted.items(), key=itemgetter(1)))
        self._renders: deque[float] = deque(opening.renders, _REMEMBERED)
        self._pace: Pace | None = pace_of(self._renders)
        self._fetches: deque[float] = deque(maxlen=20)
        self._stalled: Counter[JobState] = Counter()
        self._troubles = Troubles(opening.troubles)
        self._retried: Counter[str] = Counter()
        self._last_retry: CallRetried | None = None
        self._limit: int | None = None
        self._lowered = False
        self._stopping: Stopping | None = None
        self._clock = Clock()
        self._meters = {
            name: Meter(_JOBS_WINDOW) for name in ("upload", "submit", "render", "download")
        }
        self._up, self._down = Meter(_BYTES_WINDOW), Meter(_BYTES_WINDOW)

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        with self._lock:
            self._take(event)

    def _take(self, event: Event) -> None:
        now = self._now()
        match event:
            case JobMoved():
                self._moved(event, now)
            case JobStalled(job, state, failure):
                for working in self._working.values():
                    working.pop(job, None)
                self._stalled[state] += 1
                self._troubles.add(failure.code, job, failure.message)
            case StageEntered(job, stage):
                self._entered(job, stage, now)
            case BytesMoved(direction, count):
                (self._up if direction == "up" else self._down).add(now, count)
            case CallRetried(call):
                self._retried[call] += 1
                self._last_retry = event
            case LimitChanged(limit):
                # That a limit grows is of no interest, until the service has once said no.
                self._lowered |= limit < (self._limit or limit)
                self._limit = limit
            case Stopping():
                self._stopping = event
            case _:
                pass

    def _entered(self, job: str, stage: Stage, now: float) -> None:
        if stage is Stage.UPLOAD and job in self._opening.uploaded:
            return  # nothing is sent any more: it waits for its turn to be submitted
        if stage in self._working:
            self._working[stage].setdefault(job, now)

    def _moved(self, event: JobMoved, now: float) -> None:
        job, source, target = event.job, event.source, event.target
        self.states[source] -= 1
        self.states[target] += 1
        self.credits += event.credits_charged or 0
        self._reserve(event)
        self._pass(source, target, now)
        if target in (_S.RENDERED, _S.FAILED, _S.CANCELED):
            since = self._working[Stage.POLL].pop(job, None)
            # Of a render that an earlier run began, nobody saw how long it took.
            if target is _S.RENDERED and since is not None and since >= self._begin:
                self._renders.append(now - since)
                self._pace = pace_of(self._renders)
        if target is _S.DONE and (since := self._working[Stage.DOWNLOAD].get(job)) is not None:
            self._fetches.append(now - since)
        if target in ENDED or target in (_S.SUBMITTED, _S.RENDERED):
            for working in self._working.values():
                working.pop(job, None)
        elif source is _S.PENDING:
            self._working[Stage.UPLOAD].pop(job, None)
        if event.failure is not None and target in ENDED:
            self._troubles.add(event.failure.code, job, event.failure.message)

    def _reserve(self, event: JobMoved) -> None:
        if event.target in (_S.SUBMITTING, _S.SUBMITTED):
            self._reserved[event.job] = event.credits_estimated or 0
        elif event.target is _S.UNCONFIRMED:
            # It may have been charged.
            self._spent += self._reserved.pop(event.job, 0)
        else:
            self._reserved.pop(event.job, None)
            self._spent += event.credits_charged or 0

    def _pass(self, source: JobState, target: JobState, now: float) -> None:
        passed: LaneName | None = None
        if source is _S.PENDING and target is _S.UPLOADED:
            passed = "upload"
        elif target is _S.SUBMITTED:
            passed = "submit"
        elif source is _S.SUBMITTED:
            passed = "render"
        elif target is _S.DONE:
            passed = "download"
        if passed is not None:
            self._meters[passed].add(now, 1)

    def scene(self) -> Scene:
        """The batch as it stands; to be asked for a few times a second."""
        with self._lock:
            now = self._now()
            self._clock = self._clock.after(now, forecast(self._seen(now)))
            return Scene(
                batch=self._opening.batch,
                states=Counter(self.states),
                lanes=lanes(self.states, self._speeds(now)),
                credits=Credits(self._spent, sum(self._reserved.values()), self._opening.cap),
                seconds=now - self._begin,
                left=self._clock.words,
                flights=tuple(self._flights(now)),
                under_way=sum(map(len, self._working.values())),
                troubles=self._troubles.all(),
                calls=self._calls(),
                notes=self._notes(),
            )

    def _seen(self, now: float) -> Seen:
        rendering = self._working[Stage.POLL]
        states, stalled = self.states, self._stalled
        before = (_S.PENDING, _S.UPLOADED, _S.SUBMITTING)
        waiting = sum(states[state] - stalled[state] for state in before)
        if self._stopping is not None:
            waiting = 0
        return Seen(
            waiting=max(waiting, 0),
            rendering=len(rendering),
            youngest=now - next(reversed(rendering.values()), now),
            oldest=now - next(iter(rendering.values()), now),
            pace=self._pace,
            to_fetch=max(states[_S.RENDERED] - stalled[_S.RENDERED], 0),
            fetching=len(self._working[Stage.DOWNLOAD]),
            fetch_seconds=sum(self._fetches) / len(self._fetches) if self._fetches else None,
        )

    def _speeds(self, now: float) -> dict[LaneName, Speed]:
        working, meters = self._working, self._meters
        return {
            "upload": Speed(
                len(working[Stage.UPLOAD]), meters["upload"].rate(now), self._up.rate(now)
            ),
            "submit": Speed(None, meters["submit"].rate(now)),
            "render": Speed(len(working[Stage.POLL]), meters["render"].rate(now)),
            "download": Speed(
                len(working[Stage.DOWNLOAD]), meters["download"].rate(now), self._down.rate(now)
            ),
        }

    def _flights(self, now: float) -> Iterator[Flight]:
        begun = [
            [(since, job, stage) for job, since in islice(working.items(), _ROWS)]
            for stage, working in self._working.items()
        ]
        for since, job, stage in islice(heapq.merge(*begun), _ROWS):
            pace = self._pace if stage is Stage.POLL else None
            age = max(now - since, 0.0)
            left = None if pace is None else pace.typical - age
            slow = pace is not None and pace.is_slow(age)
            yield Flight(job, _DOING[stage], age, left, slow)

    def _calls(self) -> str | None:
        traffic = self.traffic
        # Not every call that is made again is announced.
        again = max(self._retried.total(), traffic.retries if traffic else 0)
        if not again:
            return None
        words = [f"{again:,} tried again"]
        if traffic is not None:
            words.insert(0, f"{sum(traffic.requests.values()):,} in all")
        if self._limit is not None and self._lowered:
            words.append(f"at most {self._limit} in flight now")
        last = self._last_retry
        why = f"; last {last.call}: {last.reason}" if last else ""
        return ", ".join(words) + why

    def _notes(self) -> tuple[str, ...]:
        if self._stopping is None:
            return ()
        what = "leaving" if self._stopping.leaving else "stopping, nothing more is submitted"
        return (f"{what}: {self._stopping.reason}",)
