"""`batchsync review`."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli.options import (
    ManifestArgument,
    OutputDir,
    Results,
    State,
    overrides,
    where_flags,
)

if TYPE_CHECKING:
    from batchsync.manifest import Manifest
    from batchsync.places import Places
    from batchsync.review.serving import Address


def review(
    manifest: ManifestArgument,
    *,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="0 takes any.", show_default="8790, or any"),
    ] = None,
    host: Annotated[
        str, typer.Option(help="A name of this machine; no other is listened to.")
    ] = "127.0.0.1",
    opens: Annotated[
        bool, typer.Option("--open/--no-open", help="Open the page in the browser.")
    ] = True,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
) -> None:
    """Open a local page to judge outputs beside their sources, and to watch a run.

    \b
    Keys: space plays, arrows go from job to job, A approves, R rejects, N notes, U undoes,
    ? shows all. Verdicts go into the ledger and the results table at once. Then
      batchsync retry MANIFEST --rejected --set style.generation_mode=pro
    makes the rejected ones anew. Ctrl-C ends it.
    """
    import asyncio
    import contextlib

    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.review.serving import listen, serve
    from batchsync.review.steps import Commands
    from batchsync.settings import settle

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir, results=results))
    where = places(loaded.path, loaded.name, settings)
    sock, notice = listen(host, port)
    if notice:
        sys.stderr.write(f"{notice}\n")
    commands = Commands(str(manifest), where_flags(state, output_dir, results, None))

    def say(address: "Address") -> None:
        # The link by itself on stdout, for scripts; what people need besides, beside it.
        sys.stderr.write(f"{loaded.name}: {len(loaded.jobs):,} jobs; Ctrl-C ends the review\n")
        sys.stderr.flush()
        sys.stdout.write(f"{address.link}\n")
        sys.stdout.flush()

    # Ctrl-C is how it ends; where that comes as an exception, it is no failure either.
    with contextlib.suppress(KeyboardInterrupt):
        count = asyncio.run(serve(loaded, where, settings.max_credits, commands, sock, say, opens))
        if count:
            sys.stderr.write(f"verdicts and notes kept: {count}; {_write_table(loaded, where)}\n")


def _write_table(loaded: "Manifest", where: "Places") -> str:
    """Bring the results table up to what was said; how that went, in words."""
    from batchsync.cli.status import is_running
    from batchsync.report.table import rows, write_csv
    from batchsync.standing import planned_offline, read_standing

    standing = read_standing(where.state)
    if is_running(standing):
        return "the run that is at work will write them into the results table"
    steps = planned_offline(loaded, standing)
    folder = where.results.parent
    table = rows(steps, standing.records, standing.costs, folder, standing.reviews)
    write_csv(where.results, table)
    return f"also in {where.results}"
