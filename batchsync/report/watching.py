"""A batch as its ledger shows it: the view of another process's run."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from batchsync.ledger.protocol import JobRecord
from batchsync.model import JobState
from batchsync.report.clock import Clock, Pace, Seen, forecast, pace_of
from batchsync.report.opening import opening_of, since
from batchsync.report.scene import Credits, Flight, LaneName, Scene, Speed, ended, lanes
from batchsync.standing import Standing

# Rows that a view can show at most; what lies beyond is counted.
_ROWS = 60
# Seconds over which speeds are taken, and how many of a run have to be seen.
_WINDOW, _LEAST_WINDOW = 120.0, 5.0
# Render times that are learnt from.
_REMEMBERED = 200

_S = JobState
# A ledger does not tell who waits for a download from who is being downloaded.
_DOING = {
    _S.SUBMITTING: "submitting",
    _S.SUBMITTED: "rendering",
    _S.RENDERED: "downloading",
}


class Watcher:
    """Makes scenes of one reading of a ledger after another.

    Args:
        batch: its name.
        jobs: ids, as the manifest has them.
        cap: `max_credits`.

    Attributes:
        standing: what was read last.
    """

    def __init__(self, batch: str, jobs: Sequence[str], cap: int | None) -> None:
        self._batch = batch
        self._jobs = jobs
        self._cap = cap
        self._clock = Clock()
        self.standing = Standing()
        self._scene = Scene(batch, {}, (), Credits())
        self._pace: Pace | None = None
        self._running = False

    @property
    def over(self) -> bool:
        """Whether no run is at work, and none has anything left to do."""
        return not self._running and ended(self._scene.states) == len(self._jobs)

    def read(self, standing: Standing, running: bool, now: float) -> None:
        """Take in what the ledger says; `now` in unix seconds."""
        self.standing, self._running = standing, running
        opening = opening_of(self._batch, self._jobs, standing, self._cap)
        self._pace = pace_of(opening.renders[-_REMEMBERED:])
        reserved = sum(opening.reserved.values())
        self._scene = Scene(
            batch=self._batch,
            states=opening.states,
            lanes=lanes(opening.states, self._speeds(now)),
            credits=Credits(opening.spent, reserved, self._cap),
            troubles=opening.troubles,
        )

    def scene(self, now: float, notes: Iterable[str] = ()) -> Scene:
        """The batch as it was read, with times as of now."""
        run = self.standing.latest_run
        busy = [record for record in self._records() if record.state in _DOING]
        span = forecast(self._seen(busy, now)) if self._running else None
        self._clock = self._clock.after(now, span) if self._running else Clock()
        oldest = heapq.nsmallest(_ROWS, busy, key=since)
        return replace(
            self._scene,
            seconds=now - run.started_at if run and self._running else None,
            left=self._clock.words,
            flights=tuple(self._flight(record, now) for record in oldest),
            under_way=len(busy),
            notes=tuple(notes),
        )

    def _records(self) -> Iterator[JobRecord]:
        records = self.standing.records
        return (records[job] for job in self._jobs if job in records)

    def _flight(self, record: JobRecord, now: float) -> Flight:
        age = max(now - since(record), 0.0)
        if record.state is not _S.SUBMITTED or self._pace is None:
            return Flight(record.id, _DOING[record.state], age)
        left, slow = self._pace.typical - age, self._pace.is_slow(age)
        return Flight(record.id, _DOING[record.state], age, left, slow)

    def _seen(self, busy: Sequence[JobRecord], now: float) -> Seen:
        states = self._scene.states
        begun = [since(record) for record in busy if record.state is _S.SUBMITTED]
        return Seen(
            waiting=sum(states.get(s, 0) for s in (_S.PENDING, _S.UPLOADED, _S.SUBMITTING)),
            rendering=len(begun),
            youngest=now - max(begun, default=now),
            oldest=now - min(begun, default=now),
            pace=self._pace,
        )

    def _speeds(self, now: float) -> dict[LaneName, Speed]:
        run = self.standing.latest_run
        if run is None or not self._running or now - run.started_at < _LEAST_WINDOW:
            return {}
        window = min(_WINDOW, now - run.started_at)
        after = now - window
        attempts = [record.attempt for record in self._records() if record.attempt]

        def speed(times: Iterable[float | None]) -> Speed:
            return Speed(None, sum(time is not None and time > after for time in times) / window)

        return {
            "submit": speed(attempt.submitted_at for attempt in attempts),
            "render": speed(attempt.rendered_at for attempt in attempts),
            "download": speed(attempt.downloaded_at for attempt in attempts),
        }
