"""Running a command and reading off what it took.

This process must stay small: the kernel counts the memory of the process that starts a child into
the child's peak, so nothing large is imported here or by the benches.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

MB = 1e6
Result = TypeVar("Result")
# The console script of the environment that runs the benchmark.
BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took: seconds on the wall and of CPU, MB at its peak, and its output."""

    wall: float
    cpu: float
    peak: float
    output: str

    @property
    def answer(self) -> Any:
        """Its output, read as JSON."""
        return json.loads(self.output)


def run(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, log: Path | None = None
) -> Usage:
    """Run a command to its end.

    Raises:
        RuntimeError: it ended with an error; what it said on stderr is shown.
    """
    begin = time.perf_counter()
    with (log or Path(os.devnull)).open("w+b") as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, **(environ or {})},
        )
        output = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begin
    if process.returncode:
        said = log.read_text("utf-8")[-2000:] if log else "(stderr not kept)"
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {said}")
    # ru_maxrss is in kB on Linux, in bytes on macOS.
    peak = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB
    return Usage(wall, used.ru_utime + used.ru_stime, peak, output.decode())


def side_by_side(
    clients: Mapping[str, tuple[int, Callable[[int], Result]]],
) -> dict[str, list[Result]]:
    """Let everyone have so many turns, in an order that changes from round to round.

    What the machine does meanwhile falls on all alike, and nobody is always first. Each is told
    which turn it is.
    """
    results: dict[str, list[Result]] = {who: [] for who in clients}
    order = list(clients)
    for turn in range(max(times for times, _ in clients.values())):
        for who in order if turn % 2 == 0 else reversed(order):
            times, once = clients[who]
            if turn < times:
                print(f"  {who}, {turn + 1} of {times}", file=sys.stderr, flush=True)
                results[who].append(once(turn))
    return results


def module(name: str, *arguments: object) -> list[str]:
    """The command that runs a module of this package."""
    return [sys.executable, "-m", f"tests.bench.{name}", *(str(each) for each in arguments)]


def batchsync(*arguments: object) -> list[str]:
    """The real command."""
    return [BATCHSYNC, *(str(each) for each in arguments)]
