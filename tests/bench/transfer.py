"""(d) One file of 1 GB up, and one down: beside curl, which does nothing else."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import Contest, Turn, Turns, figure
from tests.bench.figures import CURL, OURS, Figure, Target
from tests.bench.material import clip_and_voice
from tests.bench.measuring import MB, side_by_side
from tests.bench.measuring import run as run_command
from tests.bench.serving import Server, serving

# Small enough that waiting for the render does not count, in seconds.
_RENDER = 0.01
_RUN = {"poll_min": 0.02, "poll_max": 0.1}
_PEAK = 110.0
_SPEED = 0.8


@dataclass(frozen=True, slots=True)
class _Size:
    name: str = "1 GB"
    bytes: int = 1_000_000_000
    times: int = 3


_FULL, _QUICK = _Size(), _Size("100 MB", 100_000_000, 1)


def run(quick: bool) -> list[Figure]:
    """Measure both directions."""
    size = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        large, voice = clip_and_voice(folder / "large", size.bytes)
        small, _ = clip_and_voice(folder / "small")
        with serving(small) as server:
            up = Contest(server, folder, [(str(large), str(voice))], {"median": _RENDER})
            up.output_bytes = small.stat().st_size
            upward = side_by_side(
                {
                    OURS: (size.times, _quiet(lambda: up.ours(_RUN))),
                    CURL: (size.times, _quiet(lambda: _curl_put(server, large))),
                }
            )
        with serving(large) as server:
            down = Contest(server, folder, [(str(small), str(voice))], {"median": _RENDER})
            down.output_bytes = size.bytes
            downward = side_by_side(
                {
                    OURS: (size.times, _quiet(lambda: down.ours(_RUN))),
                    CURL: (size.times, _quiet(lambda: _curl_get(down))),
                }
            )
    return [
        *_direction("up", size, upward, "upload_seconds"),
        *_direction("down", size, downward, "download_seconds"),
    ]


def _quiet(once: Callable[[], Turn]) -> Callable[[int], Turn]:
    """What the last one wrote is on the disk before the next begins."""

    def turn(_: int) -> Turn:
        os.sync()
        return once()

    return turn


def _direction(way: str, size: _Size, turns: Turns, stopwatch: str) -> list[Figure]:
    case = f"{size.name} {way}"
    note = (
        "the server's stopwatch, from the first byte to the last: the same for both. curl reads "
        "or writes the file and does nothing else; the whole command is start-up, probe, hash, "
        "ledger, render, check and rename as well"
    )
    return [
        figure(
            "transfer",
            f"{case}: speed",
            "MB/s",
            turns,
            lambda turn: size.bytes / MB / turn.counts[stopwatch],
            Target(_SPEED, CURL, least=True),
            note,
        ),
        figure("transfer", f"{case}: the whole command", "s", turns, lambda turn: turn.usage.wall),
        figure("transfer", f"{case}: CPU", "s", turns, lambda turn: turn.usage.cpu),
        figure(
            "transfer",
            f"{case}: peak memory",
            "MB",
            turns,
            lambda turn: turn.usage.peak,
            Target(_PEAK),
        ),
    ]


def _curl_put(server: Server, file: Path) -> Turn:
    server.expect([])
    url = server.ticket()["upload_url"]
    used = run_command(["curl", "-sf", "-T", str(file), "-H", "Expect:", url])
    counts = server.counts()
    if counts["bytes_in"] != file.stat().st_size:
        raise RuntimeError(f"curl sent {counts['bytes_in']} bytes")
    return Turn(used, counts)


def _curl_get(contest: Contest) -> Turn:
    pair = ("https://media.example.com/clip.mp4", "https://media.example.com/voice.mp3")
    contest.server.expect([pair], median=_RENDER)
    target = contest.folder / "curl.mp4"
    target.unlink(missing_ok=True)
    url = contest.server.buy(pair)
    used = run_command(["curl", "-sf", "-o", str(target), url])
    if target.stat().st_size != contest.output_bytes:
        raise RuntimeError(f"curl fetched {target.stat().st_size} bytes")
    return Turn(used, contest.server.counts())
