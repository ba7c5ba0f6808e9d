"""`python -m tests.bench [NAME…]`: run benches, print the table, keep it as JSON."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import rerun, small, span, startup, transfer
from tests.bench.figures import Figure, table

_BENCHES: Mapping[str, Callable[[], list[Figure]]] = {
    "startup": startup.run,
    "rerun": rerun.run,
    "transfer": transfer.run,
    "small": small.run,
    "span": span.run,
}
_RESULTS = Path(".bench/results.json")


def main() -> int:
    """Run the benches named, or all; 1 when one could not be run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_BENCHES))
    names = parser.parse_args().names or list(_BENCHES)
    if unknown := [name for name in names if name not in _BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(_BENCHES)}")
    figures: list[Figure] = []
    broken = False
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        try:
            figures += _BENCHES[name]()
        except (RuntimeError, OSError) as error:
            broken = True
            print(f"{name}: {error}", file=sys.stderr)
    _keep(figures)
    print(f"{_machine()['date']}  {_machine()['cpu']}, {_machine()['cores']} cores\n")
    print(table(figures))
    print(f"\nalso in {_RESULTS}")
    return int(broken)


def _keep(figures: list[Figure]) -> None:
    _RESULTS.parent.mkdir(exist_ok=True)
    report = {
        "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
        **_machine(),
        "figures": [figure.to_json() for figure in figures],
    }
    _RESULTS.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "")


if __name__ == "__main__":
    sys.exit(main())
