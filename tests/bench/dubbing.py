"""(b) 6 videos in 10 languages: the batch that batchsync is for, beside the official SDK."""

import os
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import Contest, Turns, figure
from tests.bench.figures import ASYNC, BARE, OURS, THREADS, Figure, Target
from tests.bench.material import clip_and_voice, narrations, pad, videos
from tests.bench.measuring import MB, side_by_side
from tests.bench.serving import Pairs, serving

_SIGMA = 0.3
_WIDTH = 24
# Its own 0.5 s would be half a render here, and weigh on its wall. At 0.1 s it still asks far less
# often than in life, where a job of 229 s is asked for some 460 times.
_SDK_POLL = 0.1
# Of a video; a narration is shorter.
_SECONDS = 22.0


@dataclass(frozen=True, slots=True)
class _Size:
    videos: int = 6
    languages: int = 10
    # Bytes: of a video, of a narration (10 to 20 seconds of WAV), of an output.
    video: tuple[int, int] = (20_000_000, 40_000_000)
    narration: tuple[int, int] = (500_000, 1_000_000)
    output: int = 8_000_000
    # Seconds that a render takes in the median: short, so that transfers count.
    median: float = 1.0
    times: int = 3


_FULL = _Size()
_QUICK = _Size(2, 6, (5_000_000, 8_000_000), output=2_000_000, median=0.5, times=1)


def run(quick: bool) -> list[Figure]:
    """Measure all clients on it."""
    size = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        pairs, output = _material(folder, size)
        os.sync()
        with serving(output) as server:
            rules = {"median": size.median, "sigma": _SIGMA}
            contest = Contest(server, folder, pairs, rules, output.stat().st_size, end="auto")
            turns = side_by_side(
                {
                    OURS: (size.times, lambda _: contest.ours()),
                    BARE: (size.times, lambda _: contest.bare(_WIDTH)),
                    THREADS: (size.times, lambda _: contest.sdk("threads", _SDK_POLL)),
                    ASYNC: (
                        size.times,
                        lambda _: contest.sdk("asyncio", _SDK_POLL, tolerant=True),
                    ),
                }
            )
    return _figures(turns, size)


def _material(folder: Path, size: _Size) -> tuple[Pairs, Path]:
    clip, _ = clip_and_voice(folder / "made", seconds=_SECONDS)
    source = random.Random(1)
    clips = videos(
        clip, folder / "videos", [source.randint(*size.video) for _ in range(size.videos)]
    )
    count = size.videos * size.languages
    dubs = narrations(folder / "dubs", [source.randint(*size.narration) for _ in range(count)])
    pad(clip, size.output)
    return [(str(clips[n // size.languages]), str(dub)) for n, dub in enumerate(dubs)], clip


def _figures(turns: Turns, size: _Size) -> list[Figure]:
    jobs = size.videos * size.languages
    setting = (
        f"{jobs} jobs, {size.videos} videos of {size.video[0] / MB:g} to {size.video[1] / MB:g} MB "
        f"in {size.languages} languages, outputs of {size.output / MB:g} MB; renders of "
        f"{size.median:g} s in the median, without limit of slots, over loopback. batchsync with "
        f"its own defaults but for the waits between status requests, scaled as the renders; the "
        f"SDK and the bare loop {_WIDTH} at a time. The SDK asks each {_SDK_POLL} s, not each 0.5, "
        "so that its lag weighs less on its wall. Longer renders than these bring the walls "
        "together: then all wait for the service"
    )
    return [
        figure(
            "dubbing",
            "wall, start-up included",
            "s",
            turns,
            lambda turn: turn.usage.wall,
            Target(0.5, THREADS),
            setting,
        ),
        figure("dubbing", "CPU", "s", turns, lambda turn: turn.usage.cpu, Target(0.35, THREADS)),
        figure(
            "dubbing",
            "peak memory",
            "MB",
            turns,
            lambda turn: turn.usage.peak,
            Target(0.7, THREADS),
        ),
        figure(
            "dubbing",
            "bytes sent",
            "MB",
            turns,
            lambda turn: turn.counts["bytes_in"] / MB,
            Target(0.2, THREADS),
        ),
        figure(
            "dubbing",
            "status requests a job",
            "",
            turns,
            lambda turn: turn.requests("status") / jobs,
        ),
        figure(
            "dubbing",
            f"jobs done of {jobs}",
            "",
            turns,
            lambda turn: turn.counts["downloaded"],
            note="the SDK's asyncio client sleeps without giving way, so that its other calls "
            "wait, and may time out",
            comparable=False,
        ),
    ]
