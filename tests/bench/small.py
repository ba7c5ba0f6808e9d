"""Thousands of small jobs: CPU time a job against a bare aiohttp loop, and peak memory."""

import shutil
import tempfile
from pathlib import Path

from tests.bench.batches import write_batch
from tests.bench.figures import Figure
from tests.bench.material import clip_and_voice, copies
from tests.bench.measuring import Usage, batchsync, module, repeated
from tests.bench.measuring import run as run_command
from tests.bench.serving import Server, serving

_JOBS, _MANY = 2_000, 10_000
_IN_FLIGHT = 200
_RENDER = 0.8
_TIMES = 3
_VIDEOS = 20
_RUN = {"max_in_flight": _IN_FLIGHT, "poll_min": 0.5, "poll_max": 2, "uploads": 16, "downloads": 16}

Pairs = list[tuple[str, str]]


def run() -> list[Figure]:
    """Measure both."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        clip, voice = clip_and_voice(folder)
        with serving(clip) as server:
            local = _local_pairs(folder, clip, voice, _JOBS)
            ours, bare, status = _beside_bare(server, folder, local, _TIMES)
            remote, bare_remote, _ = _beside_bare(server, folder, _remote_pairs(_JOBS), _TIMES)
            many = _batch(server, folder, _remote_pairs(_MANY))
    return [
        _cpu(f"small: {_JOBS} jobs, files, CPU a job", ours, bare, f"{status:.1f} looks a job"),
        _cpu(f"small: {_JOBS} jobs, URLs, CPU a job", remote, bare_remote, "nothing to upload"),
        Figure(f"small: {_JOBS} jobs, files, wall", "s", ours.wall, bare.wall),
        Figure(f"small: {_JOBS} jobs, files, peak", "MB", ours.peak),
        Figure(
            f"small: {_MANY} jobs by {_JOBS}, peak", "MB", many.peak, remote.peak, 1.5, None, "URLs"
        ),
    ]


def _cpu(name: str, ours: Usage, bare: Usage, note: str) -> Figure:
    scale = 1000 / _JOBS
    return Figure(name, "ms", ours.cpu * scale, bare.cpu * scale, 3.0, 2.0, note)


def _beside_bare(
    server: Server, folder: Path, pairs: Pairs, times: int
) -> tuple[Usage, Usage, float]:
    ours = repeated(times, lambda: _batch(server, folder, pairs))
    requests = server.counts()["requests"]
    bare = repeated(times, lambda: _bare(server, folder, requests))
    return ours, bare, requests["status"] / len(pairs)


def _local_pairs(folder: Path, clip: Path, voice: Path, count: int) -> Pairs:
    videos = copies(clip, folder / "videos", _VIDEOS)
    audios = copies(voice, folder / "audios", count)
    return [(str(videos[n % _VIDEOS]), str(audio)) for n, audio in enumerate(audios)]


def _remote_pairs(count: int) -> Pairs:
    host = "https://media.example.com"
    return [(f"{host}/{n % _VIDEOS}.mp4", f"{host}/{n}.mp3") for n in range(count)]


def _batch(server: Server, folder: Path, pairs: Pairs) -> Usage:
    home = folder / "batch"
    shutil.rmtree(home, ignore_errors=True)
    manifest = write_batch(home, pairs, _RUN)
    server.reset(median=_RENDER)
    used = run_command(
        batchsync("run", manifest, "--json"), environ=server.environ, log=folder / "log"
    )
    if used.answer["jobs"]["done"] != len(pairs) or server.counts()["jobs"] != len(pairs):
        raise RuntimeError(f"not every job was done once: {used.output}")
    return used


def _bare(server: Server, folder: Path, requests: dict[str, int]) -> Usage:
    server.reset(median=_RENDER)
    # A little more than the render, so that the last look of each job finds it complete.
    seconds = _RENDER * 1.05
    pairs = folder / "batch" / "pairs.csv"
    used = run_command(
        module("bare", server.api, pairs, _IN_FLIGHT, seconds, requests["status"]),
        log=folder / "log",
    )
    sent = server.counts()["requests"]
    for kind in ("create", "upload", "upload_urls", "download"):
        if sent.get(kind) != requests.get(kind):
            raise RuntimeError(f"the bare loop sent other requests: {sent} for {requests}")
    return used
