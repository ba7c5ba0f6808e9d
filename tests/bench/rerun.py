"""A rerun of a batch that is done: it does nothing, and should not take long about it."""

import subprocess
import tempfile
from pathlib import Path

from tests.bench.batches import write_batch
from tests.bench.figures import Figure
from tests.bench.measuring import Usage, batchsync, module, repeated
from tests.bench.measuring import run as run_command

# Jobs, times, target in seconds; the large one takes minutes to set up and is for the record.
_SIZES = ((10_000, 5, 1.5), (100_000, 1, None))
_VIDEOS = 20


def run() -> list[Figure]:
    """Measure at both sizes."""
    return [figure for size in _SIZES for figure in _rerun(*size)]


def _rerun(jobs: int, times: int, target: float | None) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        manifest = done_batch(Path(name), jobs)
        used = repeated(times, lambda: _once(manifest))
        status = repeated(times, lambda: run_command(batchsync("status", manifest, "--json")))
    return [
        Figure(f"rerun: {jobs} done jobs, wall", "s", used.wall, target=target),
        Figure(f"rerun: {jobs} done jobs, peak", "MB", used.peak),
        Figure(f"rerun: status of {jobs} jobs, wall", "s", status.wall),
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
