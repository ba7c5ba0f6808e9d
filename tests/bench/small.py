"""(c) Thousands of small jobs: CPU a job beside a bare aiohttp loop, and peak memory."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import Contest, Turn, Turns, figure
from tests.bench.figures import BARE, OURS, Figure, Target
from tests.bench.material import clip_and_voice, copies
from tests.bench.measuring import side_by_side
from tests.bench.serving import Pairs, serving

_IN_FLIGHT = 200
_RENDER = 0.8
_VIDEOS = 20
# Of the pictures: what a small job moves is not to count.
_HEIGHT = 36
_RUN = {"max_in_flight": _IN_FLIGHT, "poll_min": 0.5, "poll_max": 2, "uploads": 16, "downloads": 16}


@dataclass(frozen=True, slots=True)
class _Size:
    jobs: int = 2_000
    many: int = 10_000
    times: int = 3


_FULL, _QUICK = _Size(), _Size(200, 1_000, 1)


def run(quick: bool) -> list[Figure]:
    """Measure jobs of local files at both sizes, and jobs of URLs at the smaller one."""
    size = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        clip, voice = clip_and_voice(folder, height=_HEIGHT)
        local = _local_pairs(folder, clip, voice, size.many)
        os.sync()
        rules = {"median": _RENDER}
        with serving(clip) as server:

            def beside(pairs: Pairs, times: int) -> Turns:
                contest = Contest(server, folder, pairs, rules, clip.stat().st_size)
                return _beside_bare(contest, times)

            few = beside(local[: size.jobs], size.times)
            remote = beside(_remote_pairs(size.jobs), 1)
            many = beside(local, 1)
    growth = {OURS: [turn.usage.peak for turn in many[OURS]]}
    base = {f"at {size.jobs:,} jobs": [turn.usage.peak for turn in few[OURS]]}
    return [
        *_figures(f"{size.jobs:,} jobs of files", few, size.jobs, _FILES),
        *_figures(f"{size.jobs:,} jobs of URLs", remote, size.jobs, _URLS),
        *_figures(f"{size.many:,} jobs of files", many, size.many, _FILES),
        Figure(
            "small",
            f"{size.many:,} jobs: peak memory",
            "MB",
            growth | base,
            Target(1.5, next(iter(base))),
        ),
    ]


_FILES = (
    f"{_IN_FLIGHT} in flight, renders of {_RENDER} s. The bare loop sends the very same requests, "
    "as often; it keeps no ledger, probes, hashes and checks nothing, and takes each file whole"
)
_URLS = "nothing to upload: create, status, download"


def _figures(case: str, turns: Turns, jobs: int, note: str) -> list[Figure]:
    def cpu(turn: Turn) -> float:
        return turn.usage.cpu / jobs * 1000

    def wall(turn: Turn) -> float:
        return turn.usage.wall

    def peak(turn: Turn) -> float:
        return turn.usage.peak

    return [
        figure("small", f"{case}: CPU a job", "ms", turns, cpu, Target(2.0, BARE), note),
        figure("small", f"{case}: wall", "s", turns, wall),
        figure("small", f"{case}: peak memory", "MB", turns, peak),
    ]


def _beside_bare(contest: Contest, times: int) -> Turns:
    mine: list[Turn] = []

    def ours(_: int) -> Turn:
        mine.append(contest.ours(_RUN))
        return mine[-1]

    def bare(_: int) -> Turn:
        # A little more than the render, so that the last look of each job finds it complete.
        looks = ("--looks", mine[-1].requests("status"), "--render", _RENDER * 1.05)
        turn = contest.bare(_IN_FLIGHT, *looks)
        _same_requests(mine[-1], turn)
        return turn

    # Ours opens, as the other sends what ours was seen to send.
    return side_by_side({OURS: (times, ours), BARE: (times, bare)})


def _same_requests(mine: Turn, other: Turn) -> None:
    for kind in ("create", "upload", "download"):
        if mine.requests(kind) != other.requests(kind):
            raise RuntimeError(f"other requests: {other.counts} for {mine.counts}")


def _local_pairs(folder: Path, clip: Path, voice: Path, count: int) -> Pairs:
    videos = copies(clip, folder / "videos", _VIDEOS)
    audios = copies(voice, folder / "audios", count)
    return [(str(videos[n % _VIDEOS]), str(audio)) for n, audio in enumerate(audios)]


def _remote_pairs(count: int) -> Pairs:
    host = "https://media.example.com"
    return [(f"{host}/{n % _VIDEOS}.mp4", f"{host}/{n}.mp3") for n in range(count)]
