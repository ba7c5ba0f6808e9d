"""`batchsync init`."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.errors import UsageError

if TYPE_CHECKING:
    from batchsync.pairing import Pairing

# Files left over that are named; more are counted.
_MOST_NAMED = 20

_HOW = """name narrations after their video, with the language at the end or as the folder:
  intro.mp4 with intro.es.mp3, intro_fr.wav, de/intro.m4a, or intro.wav"""


def init(
    media: Annotated[
        Path, typer.Argument(metavar="DIR|CSV", help="A folder of videos and audios, or a csv.")
    ],
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The manifest to write.")
    ] = Path("batch.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> None:
    """Write a first manifest: from a folder of media, paired by file name, or from a csv.

    \b
    Narrations carry their video's name, and a language at the end or as their folder:
      intro.mp4 with intro.es.mp3, intro_fr.wav, de/intro.m4a, or intro.wav
    A csv has a row a job and a column a field: id, video, audio, end_seconds, tags.lang, …
    """
    if output.exists() and not force:
        raise UsageError(f"{output} is there already; --force overwrites it, -o names another")
    text = _from_folder(media, output) if media.is_dir() else _from_table(media, output)
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Write {output}?", True, err=True):
        raise UsageError("nothing was written")
    jobs = _write(output, text)
    sys.stdout.write(f"{output}: {_count(jobs, 'job')}\n")
    sys.stdout.write(f"next: batchsync plan {output}\n")


def _from_folder(folder: Path, output: Path) -> str:
    from batchsync.pairing import Pair, pair
    from batchsync.starter import from_pairs, usable

    prefix = _prefix(folder, output)
    files = list(_files(folder))
    found = pair(files)
    named = {
        each: (usable(prefix + each.video, "video"), usable(prefix + each.audio, "audio"))
        for each in found.pairs
    }
    pairs = [
        Pair(video, audio, each.language)
        for each, (video, audio) in named.items()
        if video and audio
    ]
    odd = {
        each.audio: "a name that a manifest can't hold"
        for each, both in named.items()
        if not all(both)
    }
    _say(found, len(pairs), {**found.unpaired, **odd})
    if not pairs:
        raise UsageError(f"there is nothing to pair in {folder}: {_HOW}")
    name = _name(folder.resolve().name)
    return from_pairs(name, pairs, [prefix + path for path in files])


def _files(folder: Path) -> Iterator[str]:
    """Files below a folder, relative; hidden ones, and the outputs of batches, are left out."""
    import os

    for root, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if each[0] != "." and each != "outputs")
        where = Path(root).relative_to(folder).as_posix()
        for name in sorted(names):
            if name[0] != ".":
                yield name if where == "." else f"{where}/{name}"


def _prefix(folder: Path, output: Path) -> str:
    import os

    relative = os.path.relpath(folder, output.parent)
    return "" if relative == "." else Path(relative).as_posix() + "/"


def _say(found: "Pairing", pairs: int, left: Mapping[str, str]) -> None:
    videos = len({each.video for each in found.pairs})
    sys.stderr.write(f"found {_count(pairs, 'pair')} of {_count(videos, 'video')}\n")
    for path, why in list(left.items())[:_MOST_NAMED]:
        sys.stderr.write(f"left out: {path.encode(errors='replace').decode()}: {why}\n")
    if len(left) > _MOST_NAMED:
        sys.stderr.write(f"left out: … and {len(left) - _MOST_NAMED:,} more files\n")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _from_table(table: Path, output: Path) -> str:
    import os

    from batchsync.starter import from_table

    if not table.is_file():
        raise UsageError(f"{table} is neither a folder nor a csv file")
    if table.suffix.lower() not in (".csv", ".tsv", ".txt"):
        raise UsageError(f"{table} is no csv file; a folder or a csv belongs here")
    return from_table(_name(table.stem), Path(os.path.relpath(table, output.parent)).as_posix())


def _name(text: str) -> str:
    from batchsync.manifest.findings import Unfit
    from batchsync.manifest.names import fit_name

    try:
        return fit_name(text)
    except Unfit:
        return "batch"


def _write(output: Path, text: str) -> int:
    """Write a manifest that is known to load; returns its number of jobs."""
    from batchsync.cli.schema import schema_text
    from batchsync.manifest import load
    from batchsync.report.table import write_whole
    from batchsync.starter import SCHEMA_NAME

    # Read beside its place before it gets there: its paths start from that folder.
    trial = output.with_name(f".{output.name}.new.yaml")
    try:
        write_whole(trial, text.encode())
        jobs = len(load(trial).jobs)
        trial.replace(output)
    finally:
        trial.unlink(missing_ok=True)
    schema = output.with_name(SCHEMA_NAME)
    if not schema.exists():
        write_whole(schema, schema_text().encode())
    return jobs
