"""One file of 1 GB up, and one down: against curl, which does nothing else."""

import shutil
import tempfile
from pathlib import Path

from tests.bench.batches import write_batch
from tests.bench.figures import Figure
from tests.bench.material import clip_and_voice
from tests.bench.measuring import Usage, batchsync, repeated
from tests.bench.measuring import run as run_command
from tests.bench.serving import Server, serving

_GB = 1_000_000_000
_TIMES = 3
# Small enough that waiting for the render does not count, in seconds.
_RENDER = 0.01


def run() -> list[Figure]:
    """Measure both directions."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        large, voice = clip_and_voice(folder / "large", _GB)
        small, _ = clip_and_voice(folder / "small")
        with serving(small) as server:
            up = repeated(_TIMES, lambda: _batch(server, folder, large, voice))
            curl_up = repeated(_TIMES, lambda: _curl_put(server, large))
        with serving(large) as server:
            down = repeated(_TIMES, lambda: _batch(server, folder, small, voice))
            both = repeated(_TIMES, lambda: _batch(server, folder, large, voice))
            curl_down = repeated(_TIMES, lambda: _curl_get(server, folder))
        with serving(small) as server:
            floor = repeated(_TIMES, lambda: _batch(server, folder, small, voice))
    curl_both = curl_up.wall + curl_down.wall
    return [
        Figure("transfer: 1 GB up and down, wall", "s", both.wall, curl_both, 2.0),
        Figure("transfer: 1 GB up and down, peak", "MB", both.peak, target=130, goal=110),
        *_direction("up", up, curl_up, floor),
        *_direction("down", down, curl_down, floor),
    ]


def _direction(way: str, ours: Usage, curl: Usage, floor: Usage) -> list[Figure]:
    net = f"{ours.wall - floor.wall:.2f} s without the {floor.wall:.2f} s of a small batch"
    return [
        Figure(f"transfer: 1 GB {way}, wall", "s", ours.wall, curl.wall, 2.0, 1.25, net),
        Figure(f"transfer: 1 GB {way}, CPU", "s", ours.cpu, curl.cpu),
        Figure(f"transfer: 1 GB {way}, peak", "MB", ours.peak, target=130, goal=110),
    ]


def _batch(server: Server, folder: Path, video: Path, voice: Path) -> Usage:
    home = folder / "batch"
    shutil.rmtree(home, ignore_errors=True)
    manifest = write_batch(home, [(str(video), str(voice))], {"poll_min": 0.02, "poll_max": 0.1})
    server.reset(median=_RENDER)
    used = run_command(
        batchsync("run", manifest, "--json"), environ=server.environ, log=folder / "log"
    )
    counts = server.counts()
    expected = video.stat().st_size + voice.stat().st_size
    if counts["bytes_in"] != expected or used.answer["jobs"]["done"] != 1:
        raise RuntimeError(f"the batch did not do its work: {counts}")
    return used


def _curl_put(server: Server, file: Path) -> Usage:
    url = server.ticket()["upload_url"]
    return run_command(["curl", "-sf", "-T", str(file), "-H", "Expect:", url])


def _curl_get(server: Server, folder: Path) -> Usage:
    url = server.ticket()["upload_url"]
    return run_command(["curl", "-sf", "-o", str(folder / "curl.mp4"), url])
