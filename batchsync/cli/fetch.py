"""`batchsync fetch`."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from batchsync.cli import completing
from batchsync.cli.options import (
    ApiKeyFile,
    BaseUrl,
    Json,
    LimitDownload,
    ManifestArgument,
    OutputDir,
    Results,
    State,
    api_key,
    overrides,
    where_flags,
)


def fetch(
    manifest: ManifestArgument,
    jobs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[JOB…]",
            help="Ids or globs; without any, those whose output is missing or damaged.",
            autocompletion=completing.jobs("done", "rendered"),
        ),
    ] = None,
    *,
    base_url: BaseUrl = None,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
    limit_download: LimitDownload = None,
    api_key_file: ApiKeyFile = None,
    as_json: Json = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Say nothing unless something went wrong.")
    ] = False,
    log_format: Annotated[
        Literal["console", "json"],
        typer.Option(envvar="BATCHSYNC_LOG_FORMAT", help="Form of the log lines on stderr."),
    ] = "console",
    log_file: Annotated[
        Path | None,
        typer.Option(
            envvar="BATCHSYNC_LOG_FILE", metavar="PATH", help="Add the log to this file, too."
        ),
    ] = None,
) -> None:
    """Download finished renders again, free: nothing is bought."""
    from batchsync.cli.running import Look, go
    from batchsync.manifest import load
    from batchsync.run import Options
    from batchsync.settings import settle

    loaded = load(manifest)
    settings = settle(
        loaded.run,
        overrides(
            base_url=base_url,
            state=state,
            output_dir=output_dir,
            results=results,
            limit_download=limit_download,
        ),
    )
    options = Options(
        refetch=tuple(jobs or ()),
        command=("batchsync", *sys.argv[1:]),
        manifest=str(manifest),
        flags=where_flags(state, output_dir, results, base_url),
    )
    look = Look(as_json, quiet, log_format, log_file)
    go(loaded, settings, options, lambda: api_key(settings.base_url, api_key_file), look)
