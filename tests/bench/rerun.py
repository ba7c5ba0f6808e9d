"""(e) A rerun of a batch that is done: it does nothing, and should not take long about it."""

import subprocess
import tempfile
from pathlib import Path

from tests.bench.batches import write_batch
from tests.bench.figures import OURS, Figure, Target
from tests.bench.measuring import Usage, batchsync, module, side_by_side
from tests.bench.measuring import run as run_command

_VIDEOS = 20
_RUN, _STATUS = "run", "status"


def run(quick: bool) -> list[Figure]:
    """Measure 10,000 jobs."""
    return rerun(*((1_000, 1, None) if quick else (10_000, 5, 1.5)))


def run_large(quick: bool) -> list[Figure]:
    """Measure 100,000 jobs, which take minutes to set up."""
    return rerun(*((10_000, 1, None) if quick else (100_000, 1, 8.0)))


def rerun(jobs: int, times: int, limit: float | None) -> list[Figure]:
    """Measure `run` and `status` of a batch that is done, against a limit in seconds."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        manifest = done_batch(Path(name), jobs)
        used = side_by_side(
            {
                _RUN: (times, lambda _: _once(manifest)),
                _STATUS: (times, lambda _: run_command(batchsync("status", manifest, "--json"))),
            }
        )
    walls = {command: [each.wall for each in runs] for command, runs in used.items()}
    peaks = [each.peak for each in used[_RUN]]
    target = None if limit is None else Target(limit)
    return [
        Figure("rerun", f"run of {jobs:,} done jobs", "s", {OURS: walls[_RUN]}, target),
        Figure("rerun", f"run of {jobs:,} done jobs, peak memory", "MB", {OURS: peaks}),
        Figure("rerun", f"status of {jobs:,} jobs", "s", {OURS: walls[_STATUS]}),
    ]


def done_batch(folder: Path, jobs: int) -> Path:
    """A batch of local files, all done, with its results table."""
    media = folder / "media"
    media.mkdir()
    videos = [media / f"v{n:02d}.mp4" for n in range(_VIDEOS)]
    audios = [media / f"{n:06d}.mp3" for n in range(jobs)]
    for path in (*videos, *audios):
        path.write_bytes(b"x")
    manifest = write_batch(
        folder, ((str(videos[n % _VIDEOS]), str(a)) for n, a in enumerate(audios))
    )
    subprocess.run(module("ledgers", manifest), check=True)
    _once(manifest)
    return manifest


def _once(manifest: Path) -> Usage:
    used = run_command(batchsync("run", manifest, "--json"), log=manifest.with_suffix(".log"))
    jobs = used.answer["jobs"]
    if jobs["skipped"] != jobs["total"] or any(used.answer["requests"].values()):
        raise RuntimeError(f"there was something to do: {used.output}")
    return used
