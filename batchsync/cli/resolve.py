"""`batchsync resolve`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli import completing
from batchsync.cli.options import (
    ApiKeyFile,
    BaseUrl,
    ManifestArgument,
    OutputDir,
    Results,
    State,
    api_key,
    overrides,
    where_flags,
)
from batchsync.errors import UsageError

if TYPE_CHECKING:
    from batchsync.mending import Desk
    from batchsync.settings import RunSettings


def resolve(
    manifest: ManifestArgument,
    job: Annotated[
        str | None,
        typer.Argument(
            metavar="[JOB]",
            help="The id of an unconfirmed job.",
            autocompletion=completing.jobs("unconfirmed"),
        ),
    ] = None,
    *,
    adopt: Annotated[
        str | None,
        typer.Option(metavar="PROJECT_ID", help="The project that the lost call has made."),
    ] = None,
    resubmit: Annotated[
        bool,
        typer.Option("--resubmit", help="The lost call has made none: buy the job (again)."),
    ] = False,
    all_: Annotated[bool, typer.Option("--all", help="All unconfirmed jobs.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    base_url: BaseUrl = None,
    api_key_file: ApiKeyFile = None,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
) -> None:
    """Say what became of a submission whose answer was lost.

    \b
    Look for the job's tag (batchsync status shows it) in the vendor's library.
      It is there:      batchsync resolve MANIFEST JOB --adopt PROJECT_ID
      It is not there:  batchsync resolve MANIFEST JOB --resubmit
    """
    import asyncio
    import uuid

    from batchsync.manifest import load
    from batchsync.mending import desk, unconfirmed_ids
    from batchsync.mending import resubmit as buy_again
    from batchsync.places import places
    from batchsync.settings import settle

    _check_usage(job, adopt, resubmit, all_)
    loaded = load(manifest)
    settings = settle(loaded.run, overrides(base_url=base_url, state=state))
    where = places(loaded.path, loaded.name, settings)

    async def work() -> None:
        run_id = f"resolve-{uuid.uuid4().hex[:6]}"
        async with desk(loaded, where, settings.lock_wait, run_id) as open_desk:
            if adopt is not None and job is not None:
                status = await _adopt(open_desk, settings, api_key_file, job, adopt)
                sys.stdout.write(f"{job}: adopted project {adopt}, which is {status}\n")
                return
            ids = unconfirmed_ids(open_desk) if all_ else [job or ""]
            if ids and all_ and not yes:
                _ask(ids)
            await buy_again(open_desk, ids)
            sys.stdout.writelines(f"{each}: to be bought by the next run\n" for each in ids)
            if not ids:
                sys.stdout.write("no job is unconfirmed\n")

    asyncio.run(work())
    words = ["batchsync", "run", str(manifest)]
    go_on = shlex.join([*words, *where_flags(state, output_dir, results, base_url)])
    sys.stdout.write(f"next: {go_on}\n")


def _check_usage(job: str | None, adopt: str | None, resubmit: bool, all_: bool) -> None:
    if (adopt is None) is not resubmit:
        raise UsageError("say one of --adopt PROJECT_ID and --resubmit")
    if (job is None) is not all_:
        raise UsageError("name one job, or say --all")
    if all_ and adopt is not None:
        raise UsageError("--adopt takes one job")


def _ask(ids: list[str]) -> None:
    names = ", ".join(ids)
    sys.stderr.write(
        f"These may have been bought already, and would then be paid for twice: {names}\n"
    )
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to ask; say --yes if you are sure")
    if not typer.confirm(f"Buy {len(ids)} jobs again?", err=True):
        raise UsageError("nothing was changed")


async def _adopt(
    open_desk: "Desk",
    settings: "RunSettings",
    api_key_file: Path | None,
    job: str,
    project_id: str,
) -> str:
    from batchsync.api.client import HttpApi
    from batchsync.mending import adopt

    key = api_key(settings.base_url, api_key_file)
    async with HttpApi(settings.base_url, key) as api:
        return await adopt(open_desk, api, settings.base_url, job, project_id)
