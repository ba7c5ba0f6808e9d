"""`batchsync report`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from batchsync.cli.options import (
    ManifestArgument,
    OutputDir,
    Results,
    State,
    overrides,
    where_flags,
)

# Each is some 4 kB of the page, and takes some milliseconds to make.
_PICTURES = 200


def report(
    manifest: ManifestArgument,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where to; - is stdout.", show_default="beside results.csv"
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show it in the browser.")] = False,
    pictures: Annotated[
        int, typer.Option("--pictures", metavar="N", min=0, help="Outputs to show a frame of.")
    ] = _PICTURES,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
) -> None:
    """Write a page that shows what was done, what failed and why, and what it cost.

    \b
    One HTML file that opens offline: headline, failures, a timeline of every job, credits over
    time and by tag, and a table of jobs with pictures and links to the outputs. It is made from
    the ledger alone, also while a run goes on, and loads nothing from the network.
    """
    import time

    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.report.html.next_steps import Commands
    from batchsync.report.html.report import Wanted, make
    from batchsync.report.table import write_whole
    from batchsync.settings import settle

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir, results=results))
    where = places(loaded.path, loaded.name, settings)
    target = output or where.results.with_name("report.html")
    to_stdout = str(target) == "-"
    command = Commands(str(manifest), where_flags(state, output_dir, results, None))
    made = make(
        Wanted(
            manifest=loaded,
            state=where.state,
            folder=Path.cwd() if to_stdout else target.absolute().parent,
            command=command,
            pictures=pictures,
            now=time.time(),
        )
    )
    if to_stdout:
        sys.stdout.buffer.write(made.page)
        return
    write_whole(target, made.page)
    sys.stderr.write(f"{made.jobs:,} jobs in {target}\n")
    if made.missing:
        again = command("fetch")
        sys.stderr.write(
            f"{made.missing:,} outputs are missing; to get them again, free: {again}\n"
        )
    if open_:
        typer.launch(target.absolute().as_uri())
