"""Manifests for benches."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_batch(
    folder: Path,
    pairs: Iterable[tuple[str, str]],
    run: Mapping[str, object] | None = None,
    end: float | str = 1,
) -> Path:
    """A manifest with one job for each (video, audio), all with the same `end_seconds`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "video", "audio"])
        rows.writerows((f"job-{n:06d}", *pair) for n, pair in enumerate(pairs))
    lines = [
        "version: 1",
        "name: bench",
        f"defaults: {{end_seconds: {end}}}",
        "jobs_from: [pairs.csv]",
    ]
    if run:
        lines += ["run:", *(f"  {name}: {value}" for name, value in run.items())]
    path = folder / "batch.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
