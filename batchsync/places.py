"""Where a batch keeps its things."""

import os
from dataclasses import dataclass
from pathlib import Path

from batchsync.settings import RunSettings


@dataclass(frozen=True, slots=True)
class Places:
    """Absolute paths of one batch.

    Attributes:
        state: the ledger.
        output_dir: rendered videos go here.
        results: the results table.
        lock: held by the one process that works on the batch.
    """

    state: Path
    output_dir: Path
    results: Path
    lock: Path


def places(manifest_path: Path, name: str, settings: RunSettings) -> Places:
    """Defaults lie beside the manifest; what settings name is relative to it, too."""
    home = manifest_path.parent
    state = home / (settings.state or f".batchsync/{name}.db")
    output_dir = home / (settings.output_dir or f"outputs/{name}")
    results = home / settings.results if settings.results else output_dir / "results.csv"
    state, output_dir, results = (Path(os.path.abspath(p)) for p in (state, output_dir, results))
    return Places(state, output_dir, results, state.with_name(f"{state.name}.lock"))
