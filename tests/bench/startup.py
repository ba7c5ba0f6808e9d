"""(f) How long the command takes to start, and what it loads."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import OURS, PYTHON, Figure, Target
from tests.bench.measuring import BATCHSYNC, batchsync, side_by_side
from tests.bench.measuring import run as run_command
from tests.bench.rerun import done_batch

_JOBS = 20
_SDK = "import of the SDK"
_HEAVY = ("aiohttp", "av", "numpy", "pydantic", "tenacity", "rich", "structlog", "yarl", "yaml")


def run(quick: bool) -> list[Figure]:
    """Measure the commands that should be instant."""
    times = 2 if quick else 10
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        manifest = str(done_batch(Path(name), _JOBS))
        return [
            _figure(times, "--help", Target(0.25), "--help"),
            _figure(times, "--version", None, "--version"),
            _figure(times, f"status of {_JOBS} jobs", None, "status", manifest),
            _figure(times, f"run of {_JOBS} done jobs", None, "run", manifest),
        ]


def _figure(times: int, what: str, target: Target | None, *arguments: str) -> Figure:
    used = side_by_side(
        {
            OURS: (times, lambda _: run_command(batchsync(*arguments))),
            PYTHON: (times, lambda _: run_command([sys.executable, "-c", "pass"])),
            _SDK: (times, lambda _: run_command([sys.executable, "-c", "import magic_hour"])),
        }
    )
    walls = {who: [each.wall for each in runs] for who, runs in used.items()}
    loaded = ", ".join(_loaded(arguments)) or "none"
    return Figure("startup", what, "s", walls, target, f"of the heavy packages, loads {loaded}")


def _loaded(arguments: tuple[str, ...]) -> list[str]:
    """Which of the heavy packages a command imports."""
    command = [sys.executable, "-X", "importtime", BATCHSYNC, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    return [name for name in _HEAVY if name in names]
