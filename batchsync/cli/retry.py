"""`batchsync retry`."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli import completing
from batchsync.cli.options import (
    BaseUrl,
    ManifestArgument,
    OutputDir,
    Results,
    State,
    overrides,
    where_flags,
)
from batchsync.errors import UsageError

if TYPE_CHECKING:
    from batchsync.mending import Retried


def retry(
    manifest: ManifestArgument,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOB…]",
            help="Ids, or globs such as 'intro-*'.",
            autocompletion=completing.jobs("failed", "canceled"),
        ),
    ] = None,
    *,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    canceled: Annotated[bool, typer.Option("--canceled", help="All that were canceled.")] = False,
    rejected: Annotated[
        bool, typer.Option("--rejected", help="All whose output was rejected in review.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Change a parameter of these jobs, e.g. style.generation_mode=pro. Repeatable.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
    base_url: BaseUrl = None,
) -> None:
    """Bring jobs back to pending; the next run buys them again, as a new attempt.

    \b
    What earlier attempts have cost stays in the books. A finished render whose download failed
    is only downloaded again, free. Jobs that are done are taken only if they are named,
    or were rejected: draft in lite, `review`, then `retry --rejected` in pro.
    """
    import asyncio
    import uuid

    from batchsync import overrides as overriding
    from batchsync.manifest import load
    from batchsync.mending import Choice, desk
    from batchsync.mending import retry as bring_back
    from batchsync.places import places
    from batchsync.settings import settle

    if not (jobs or failed or canceled or rejected):
        raise UsageError("which jobs? name them, or say --failed, --canceled or --rejected")
    values = overriding.parse(set_ or ())
    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir))
    choice = Choice(tuple(jobs or ()), failed, canceled, rejected)

    async def work() -> "Retried":
        where = places(loaded.path, loaded.name, settings)
        run_id = f"retry-{uuid.uuid4().hex[:6]}"
        async with desk(loaded, where, settings.lock_wait, run_id) as open_desk:
            return await bring_back(open_desk, choice, values, dry_run)

    words = ["batchsync", "run", str(manifest)]
    go_on = shlex.join([*words, *where_flags(state, output_dir, results, base_url)])
    sys.stdout.write(_words(asyncio.run(work()), go_on, dry_run))


def _words(retried: "Retried", go_on: str, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    lines = [f"{job}: {would}bought again by the next run" for job in retried.to_buy]
    lines += [f"{job}: {would}downloaded again by the next run, free" for job in retried.to_fetch]
    lines += [f"{job}: left alone, {why}" for job, why in retried.left_alone.items()]
    if not lines:
        lines.append("no job to bring back")
    elif not dry_run:
        lines.append(f"next: {go_on}")
    return "\n".join(lines) + "\n"
