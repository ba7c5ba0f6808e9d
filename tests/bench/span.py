"""Do slots ever idle? 60 jobs through 5 slots, against the schedule that wastes nothing."""

import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from tests.bench.batches import write_batch
from tests.bench.figures import Figure
from tests.bench.material import clip_and_voice, copies
from tests.bench.measuring import batchsync
from tests.bench.measuring import run as run_command
from tests.bench.serving import Server, serving

_JOBS, _SLOTS = 60, 5
# Lip-sync takes 229 s in the median (CONTRACT); a render here takes 2 s, and all else is scaled.
_MEDIAN, _SIGMA = 2.0, 0.3
_SCALE = _MEDIAN / 229
_RUN = {"poll_min": round(3 * _SCALE, 4), "poll_max": round(30 * _SCALE, 4)}
_SEEDS = (1, 2)


def run() -> list[Figure]:
    """Measure a service that queues one job too many, and one that answers 429."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        clip, voice = clip_and_voice(folder)
        audios = copies(voice, folder / "audios", _JOBS)
        pairs = [(str(clip), str(audio)) for audio in audios]
        with serving(clip) as server:
            return [
                figure
                for over, target in (("queue", 1.01), ("429", 1.05))
                for figure in _figures(server, folder, pairs, over, target)
            ]


def _figures(
    server: Server, folder: Path, pairs: list[tuple[str, str]], over: str, target: float
) -> list[Figure]:
    seen = [_once(server, folder, pairs, over, seed) for seed in _SEEDS]
    span = statistics.median(each["span"] for each in seen)
    ideal = statistics.median(each["ideal"] for each in seen)
    looks = statistics.median(each["requests"]["status"] for each in seen) / _JOBS
    refused = statistics.median(each["requests"].get("throttled", 0) for each in seen)
    note = f"{refused:.0f} creates answered 429"
    return [
        Figure(f"span: {over}, {_JOBS} jobs, {_SLOTS} slots", "s", span, ideal, target, None, note),
        Figure(f"span: {over}, status requests a job", "", looks, target=6),
    ]


def _once(server: Server, folder: Path, pairs: list[tuple[str, str]], over: str, seed: int) -> Any:
    home = folder / "batch"
    shutil.rmtree(home, ignore_errors=True)
    manifest = write_batch(home, pairs, _RUN)
    server.reset(median=_MEDIAN, sigma=_SIGMA, slots=_SLOTS, over=over, seed=seed)
    run_command(batchsync("run", manifest, "--json"), environ=server.environ, log=folder / "log")
    counts = server.counts()
    if counts["jobs"] != _JOBS:
        raise RuntimeError(f"{counts['jobs']} jobs were made for {_JOBS}")
    return counts
