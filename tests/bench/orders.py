"""What the service knows: which jobs it may be asked for, what was uploaded, when renders end.

It is strict: each mistake of a client is a violation, and a bench with one has no figures.
"""

import heapq
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.schedule import durations, least_span, listed_span

# A content is known by its size, and by what stands at its two ends: files of benches differ there.
_END = 4096
_BLOCK = 1 << 20


@dataclass
class Rules:
    """How renders go.

    Attributes:
        median: of the render times, seconds.
        sigma: of their logarithm; 0 makes them all alike.
        slots: renders at a time, None for any number.
        over: what happens to one job too many: `queue` or `429`.
        seed: of the render times.
        jobs: all that may be asked for, in manifest order: video and audio, each a URL or a
            content as `Content` names it.
    """

    median: float = 0.5
    sigma: float = 0.0
    slots: int | None = None
    over: str = "queue"
    seed: int = 1
    jobs: Sequence[Sequence[str]] = ()


class Content:
    """Names a content while it passes by, without keeping it."""

    def __init__(self) -> None:
        self.size = 0
        self._head = b""
        self._tail = b""

    def feed(self, block: bytes) -> None:
        """The next bytes."""
        self.size += len(block)
        if len(self._head) < _END:
            self._head = (self._head + block)[:_END]
        self._tail = (self._tail + block[-_END:])[-_END:]

    @property
    def name(self) -> str:
        """Equal for equal contents."""
        return f"{self.size}-{zlib.crc32(self._head):08x}-{zlib.crc32(self._tail):08x}"


def content_of(path: Path) -> str:
    """The name of a file's content."""
    content = Content()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            content.feed(block)
    return content.name


@dataclass
class Stopwatch:
    """From the first beginning to the last end."""

    began: float | None = None
    ended: float | None = None

    def start(self) -> None:
        """Something begins; only the first counts."""
        if self.began is None:
            self.began = time.monotonic()

    def stop(self) -> None:
        """Something ends; only the last counts."""
        self.ended = time.monotonic()

    @property
    def seconds(self) -> float | None:
        """None until something has ended."""
        if self.began is None or self.ended is None:
            return None
        return self.ended - self.began


@dataclass
class Project:
    """A job that was bought."""

    number: int
    end: float
    seen_complete: float | None = None
    downloaded: bool = False


@dataclass
class Books:
    """Everything since the last reset."""

    rules: Rules
    counts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    span: Stopwatch = field(default_factory=Stopwatch)
    # Bytes and seconds of the largest upload.
    largest: tuple[int, float] = (0, 0.0)
    download: Stopwatch = field(default_factory=Stopwatch)
    projects: dict[str, Project] = field(default_factory=dict)
    # By path; None until the bytes have come.
    uploads: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = self.rules
        self._times = durations(len(rules.jobs), rules.median, rules.sigma, rules.seed)
        self._numbers = {f"job-{number:06d}": number for number in range(len(rules.jobs))}
        self._bought: set[int] = set()
        self._busy: list[float] = []

    def order(self, body: dict[str, Any]) -> str | None:
        """Take a job; None where there is no slot for it.

        Raises:
            ValueError: it is not a job that may be asked for.
        """
        self.span.start()
        number = self._number(body)
        if number in self._bought:
            self.violations["bought twice"] += 1
        end = self._schedule(self._times[number])
        if end is None:
            self.counts["throttled"] += 1
            return None
        self._bought.add(number)
        project = f"p{number}-{len(self.projects)}"
        self.projects[project] = Project(number, end)
        return project

    def take_in(self, path: str, content: Content, began: float) -> None:
        """Keep what is known of an upload that ends now."""
        self.bytes_in += content.size
        self.uploads[path] = content.name
        self.largest = max(self.largest, (content.size, time.monotonic() - began))

    def look(self, project: str) -> bool | None:
        """Whether a job is complete; None where it is not known."""
        found = self.projects.get(project)
        if found is None:
            self.violations["status of an unknown project"] += 1
            return None
        now = time.monotonic()
        if now < found.end:
            return False
        if found.seen_complete is None:
            found.seen_complete = now
        return True

    def hand_out(self, project: str) -> bool:
        """Whether the output of a job may be fetched."""
        found = self.projects.get(project)
        if found is None or found.seen_complete is None:
            self.violations["download of what is not complete"] += 1
            return False
        found.downloaded = True
        return True

    def _number(self, body: dict[str, Any]) -> int:
        number = self._numbers.get(str(body.get("name", "")).partition(" ")[0])
        if number is None:
            self.violations["a job that nobody asked for"] += 1
            raise ValueError(body.get("name"))
        assets = body["assets"]
        named = (assets["video_file_path"], assets["audio_file_path"])
        sent = tuple(self.uploads.get(name, name) for name in named)
        if sent != tuple(self.rules.jobs[number]):
            self.violations["other files than the job's"] += 1
            raise ValueError(f"{sent} for {self.rules.jobs[number]}")
        return number

    def _schedule(self, duration: float) -> float | None:
        """When a job that comes now will be complete."""
        now = time.monotonic()
        slots = self.rules.slots
        if slots is None:
            return now + duration
        if self.rules.over == "429":
            while self._busy and self._busy[0] <= now:
                heapq.heappop(self._busy)
        begin = now
        if len(self._busy) >= slots:
            if self.rules.over == "429":
                return None
            begin = max(now, heapq.heappop(self._busy))
        heapq.heappush(self._busy, begin + duration)
        return begin + duration

    def report(self) -> dict[str, Any]:
        """All of it, for `GET /_counts`."""
        seen = [p for p in self.projects.values() if p.seen_complete is not None]
        lags = [(p.seen_complete or p.end) - p.end for p in seen]
        return {
            "requests": dict(self.counts),
            "violations": dict(self.violations),
            "bytes_in": self.bytes_in,
            "bytes_out": self.bytes_out,
            "bought": len(self._bought),
            "downloaded": sum(each.downloaded for each in self.projects.values()),
            "span": self.span.seconds,
            "ideal": listed_span(self._times, self.rules.slots),
            "least": least_span(self._times, self.rules.slots),
            "mean_lag": sum(lags) / len(lags) if lags else None,
            "upload_seconds": self.largest[1],
            "download_seconds": self.download.seconds,
        }


def named(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of paths and URLs as `Rules.jobs` wants them; a file is read once."""
    names: dict[str, str] = {}

    def name(source: str) -> str:
        if source not in names:
            names[source] = source if source.startswith("https:") else content_of(Path(source))
        return names[source]

    return [(name(video), name(audio)) for video, audio in pairs]
