"""How long manifests of 100,000 jobs take to load: plain YAML, a table, a matrix.

Run it as `python tests/bench/manifest.py [jobs]`; each case has a process of its own, so that
its peak of memory is its own.
"""

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from batchsync.manifest import load

JOBS = 100_000
# Seconds that a case may take; the plain one is measured against PyYAML itself.
LIMITS = {"table": 6.0, "matrix": 3.0}
MEMORY_LIMIT = 700.0


def write_plain(folder: Path, jobs: int) -> Path:
    path = folder / "plain.yaml"
    with path.open("w", encoding="utf-8") as file:
        file.write("version: 1\ndefaults:\n  max_fps_limit: 25\njobs:\n")
        for n in range(jobs):
            file.write(
                f"  - id: job-{n:06d}\n"
                f"    video: media/clip-{n:06d}.mp4\n"
                f"    audio: dubs/clip-{n:06d}.es.mp3\n"
                "    start_seconds: 1.5\n"
                "    end_seconds: 15\n"
                "    style: {generation_mode: pro}\n"
                "    tags: {lang: es, show: welcome}\n"
            )
    return path


def write_table(folder: Path, jobs: int) -> Path:
    with (folder / "rows.csv").open("w", encoding="utf-8") as file:
        file.write("id,video,audio,start_seconds,end_seconds,style.generation_mode,tags.lang\n")
        for n in range(jobs):
            file.write(f"job-{n:06d},media/{n:06d}.mp4,dubs/{n:06d}.es.mp3,1.5,15,pro,es\n")
    path = folder / "table.yaml"
    path.write_text("version: 1\njobs_from: [rows.csv]\n", encoding="utf-8")
    return path


def write_matrix(folder: Path, jobs: int) -> Path:
    langs = ", ".join(f"l{n}" for n in range(100))
    clips = ", ".join(f"c{n}" for n in range(jobs // 100))
    path = folder / "matrix.yaml"
    path.write_text(
        "version: 1\njobs:\n  - id: ${{ matrix.clip }}-${{ matrix.lang }}\n"
        f"    matrix: {{lang: [{langs}], clip: [{clips}]}}\n"
        "    video: media/${{ matrix.clip }}.mp4\n"
        "    audio: dubs/${{ matrix.clip }}.${{ matrix.lang }}.mp3\n"
        '    tags: {lang: "${{ matrix.lang }}"}\n',
        encoding="utf-8",
    )
    return path


def write_broken(folder: Path, jobs: int) -> Path:
    path = write_plain(folder, jobs)
    broken = path.read_text(encoding="utf-8").replace("end_seconds: 15", "end_seconds: 1")
    path = folder / "broken.yaml"
    path.write_text(broken, encoding="utf-8")
    return path


def read_with_load(path: Path) -> None:
    load(path)


def read_with_load_refused(path: Path) -> None:
    try:
        load(path)
    except Exception as error:
        print(f"  ({type(error).__name__}, {len(str(error)) // 1024} kB of messages)")


def read_with_pyyaml(path: Path) -> None:
    with path.open("rb") as file:
        yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _measured(
    reader: Callable[[Path], None],
    path: Path,
    answers: "multiprocessing.Queue[tuple[float, float]]",
) -> None:
    started = time.perf_counter()
    reader(path)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answers.put((time.perf_counter() - started, peak))


def measure(reader: Callable[[Path], None], path: Path) -> tuple[float, float]:
    """Seconds and MB at the peak, in a fresh process."""
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[tuple[float, float]] = context.Queue()
    process = context.Process(target=_measured, args=(reader, path, answers))
    process.start()
    seconds, megabytes = answers.get(timeout=600)
    process.join()
    return seconds, megabytes


def main() -> int:
    """Print the figures; 1 when one is over its limit."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else JOBS
    within = True
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        plain = write_plain(folder, jobs)
        base, _ = measure(read_with_pyyaml, plain)
        print(f"{'pyyaml, same file':20} {base:7.2f} s")
        cases = {
            "plain": (read_with_load, plain, 2 * base + 1),
            "table": (read_with_load, write_table(folder, jobs), LIMITS["table"]),
            "matrix": (read_with_load, write_matrix(folder, jobs), LIMITS["matrix"]),
            "every job wrong": (read_with_load_refused, write_broken(folder, jobs), 2 * base + 1),
        }
        for case, (reader, path, limit) in cases.items():
            seconds, megabytes = measure(reader, path)
            good = seconds <= limit and megabytes <= MEMORY_LIMIT
            within = within and good
            print(
                f"{case:20} {seconds:7.2f} s (limit {limit:.1f}) {megabytes:6.0f} MB "
                f"(limit {MEMORY_LIMIT:.0f}) {'' if good else 'OVER'}"
            )
    return 0 if within else 1


if __name__ == "__main__":
    sys.exit(main())
