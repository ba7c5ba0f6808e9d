"""`python -m tests.bench [PART…]`: measure, print tables, keep everything as JSON."""

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tests.bench import dubbing, machine, rerun, small, span, startup, transfer
from tests.bench.figures import Figure, tables
from tests.bench.results import RESULTS, keep, kept

_Part = Callable[[bool], list[Figure]]
_PARTS: Mapping[str, _Part] = {
    "span": span.run,
    "dubbing": dubbing.run,
    "small": small.run,
    "transfer": transfer.run,
    "rerun": rerun.run,
    "startup": startup.run,
}
# Only when named: it takes minutes to set up.
_EXTRA: Mapping[str, _Part] = {"rerun-100k": rerun.run_large}
_BUSY = 0.5


def main() -> int:
    """Run the parts named, or all; 1 when one could not be run."""
    options = _options()
    known = {**_PARTS, **_EXTRA}
    if (load := machine.load()) > _BUSY:
        _say(f"load {load:.1f}: something else runs here, and the figures will show it")
    # A whole run begins a new file; a part of it replaces that part alone.
    records = _others() if options.parts else {}
    all_figures: list[Figure] = []
    broken = False
    for name in options.parts or list(_PARTS):
        _say(name)
        began = time.perf_counter()
        try:
            figures = known[name](options.quick)
            if options.quick:
                # Targets are about the full size.
                figures = [replace(figure, target=None) for figure in figures]
        except (RuntimeError, OSError) as error:
            broken = True
            _say(f"{name}: {error}")
            continue
        all_figures += figures
        records[name] = _record(figures, time.perf_counter() - began, load, options.quick)
        keep(records)
    print(tables(all_figures))
    print(f"\n{_signature()}\nkept in {RESULTS}")
    return int(broken)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(_PARTS)}; also {', '.join(_EXTRA)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller, once each, without targets: to try it"
    )
    options = parser.parse_args()
    if unknown := [name for name in options.parts if name not in {**_PARTS, **_EXTRA}]:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(_PARTS)}")
    return options


def _record(figures: list[Figure], seconds: float, load: float, quick: bool) -> dict[str, Any]:
    return {
        "date": machine.today(),
        "command": " ".join(["python -m tests.bench", *sys.argv[1:]]),
        "quick": quick,
        "took_seconds": round(seconds, 1),
        "load_before": load,
        "machine": machine.described(),
        "figures": [figure.to_json() for figure in figures],
    }


def _others() -> dict[str, Any]:
    try:
        return kept()
    except LookupError:
        return {}


def _signature() -> str:
    about = machine.described()
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{machine.today()} · {about['cpu']}, {about['cores']} cores, {about['memory_gb']} GB · "
        f"{about['system']} · Python {about['python']} · {versions}\n"
        "server, clients and disk share the cores; the server's own CPU is in no figure"
    )


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        _say(f"interrupted; the parts that were done are in {RESULTS}")
        sys.exit(130)
