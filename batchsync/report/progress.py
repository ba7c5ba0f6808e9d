"""The live view of a run on a terminal: stages, bytes, credits, time left."""

import time
from collections import Counter
from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.filesize import decimal
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batchsync.events import BytesMoved, Event, JobMoved, JobStalled, StageEntered, Stopping
from batchsync.model import ENDED, JobState, Stage

# Frames a second; more would only flicker.
_RATE = 4
_BAR = 30

_STATES_OF: dict[str, frozenset[JobState]] = {
    "upload": frozenset({JobState.PENDING}),
    "submit": frozenset({JobState.UPLOADED, JobState.SUBMITTING}),
    "render": frozenset({JobState.SUBMITTED}),
    "download": frozenset({JobState.RENDERED}),
}
_ORDER = tuple(JobState)


class Tally:
    """Counts that the view shows, kept up by events."""

    def __init__(self, states: Iterable[JobState]) -> None:
        self.states = Counter(states)
        self.total = self.states.total()
        self.uploaded = 0
        self.downloaded = 0
        self.credits = 0
        self.working: dict[str, Stage] = {}
        self.stopping: str | None = None
        self.begin = time.monotonic()
        self._ended_before = self.ended

    @property
    def ended(self) -> int:
        """Jobs that this run need not touch any more."""
        return sum(self.states[state] for state in ENDED)

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        match event:
            case JobMoved(job, source, target):
                self.states[source] -= 1
                self.states[target] += 1
                self.credits += event.credits_charged or 0
                if target in ENDED:
                    self.working.pop(job, None)
            case JobStalled(job):
                self.working.pop(job, None)
            case StageEntered(job, stage):
                self.working[job] = stage
            case BytesMoved("up", count):
                self.uploaded += count
            case BytesMoved("down", count):
                self.downloaded += count
            case Stopping(reason):
                self.stopping = reason
            case _:
                pass

    def time_left(self) -> float | None:
        """Seconds, at the rate so far; None until there is a rate."""
        ended = self.ended - self._ended_before
        if not ended:
            return None
        return (time.monotonic() - self.begin) / ended * (self.total - self.ended)


class LiveView:
    """Shows a tally, redrawn a few times a second; log lines are printed above it."""

    def __init__(self, tally: Tally, console: Console) -> None:
        self._tally = tally
        self._console = console
        self._live = Live(
            get_renderable=self._draw,
            console=console,
            refresh_per_second=_RATE,
            transient=True,
        )

    def __enter__(self) -> "LiveView":
        """Start drawing."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        tally = self._tally
        table = Table.grid(padding=(0, 2))
        for name, states in _STATES_OF.items():
            last = max(_ORDER.index(state) for state in states)
            passed = sum(tally.states[state] for state in _ORDER[last + 1 :])
            here = sum(tally.states[state] for state in states)
            table.add_row(
                name,
                ProgressBar(total=max(1, tally.total), completed=passed, width=_BAR),
                f"{passed}/{tally.total}",
                f"{here} here" if here else "",
            )
        return Group(table, self._footer())

    def _footer(self) -> Text:
        tally = self._tally
        failed = tally.states[JobState.FAILED] + tally.states[JobState.CANCELED]
        parts = [
            f"{decimal(tally.uploaded)} up",
            f"{decimal(tally.downloaded)} down",
            f"{tally.credits:,} credits",
            _clock(time.monotonic() - tally.begin),
        ]
        if (left := tally.time_left()) is not None:
            parts.append(f"about {_clock(left)} left")
        if failed:
            parts.append(f"{failed} failed")
        if tally.stopping:
            parts.append(f"stopping: {tally.stopping}")
        return Text(" · ".join(parts), overflow="ellipsis", no_wrap=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
