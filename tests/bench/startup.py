"""How long the command takes to start, and what it loads."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.measuring import BATCHSYNC, batchsync, repeated
from tests.bench.measuring import run as run_command
from tests.bench.rerun import done_batch

_TIMES = 10
_JOBS = 20
_HEAVY = ("aiohttp", "av", "numpy", "pydantic", "tenacity", "rich", "structlog", "yarl", "yaml")


def run() -> list[Figure]:
    """Measure the commands that should be instant."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        manifest = str(done_batch(Path(name), _JOBS))
        return [
            _figure("--help", 0.4, 0.25, "--help"),
            _figure("--version", 0.4, 0.25, "--version"),
            _figure(f"status of {_JOBS} jobs", 0.4, None, "status", manifest),
            _figure(f"run of {_JOBS} done jobs", None, None, "run", manifest),
        ]


def _figure(name: str, target: float | None, goal: float | None, *arguments: str) -> Figure:
    used = repeated(_TIMES, lambda: run_command(batchsync(*arguments)))
    bare = repeated(_TIMES, lambda: run_command([sys.executable, "-c", "pass"]))
    note = f"python alone {bare.wall:.3f} s; loads {', '.join(_loaded(arguments)) or 'none'}"
    return Figure(f"startup: {name}", "s", used.wall, target=target, goal=goal, note=note)


def _loaded(arguments: tuple[str, ...]) -> list[str]:
    """Which of the heavy packages a command imports."""
    command = [sys.executable, "-X", "importtime", BATCHSYNC, *arguments]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    names = {line.rpartition("|")[2].strip() for line in told.splitlines()}
    return [name for name in _HEAVY if name in names]
