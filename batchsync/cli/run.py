"""`batchsync run`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from batchsync.cli.options import (
    ApiKeyFile,
    BaseUrl,
    Json,
    KeepChanged,
    LimitDownload,
    ManifestArgument,
    Only,
    OutputDir,
    Results,
    State,
    api_key,
    overrides,
    where_flags,
)

if TYPE_CHECKING:
    from batchsync.manifest import Manifest
    from batchsync.settings import RunSettings

_SECONDS = "SECONDS"


def run(
    manifest: ManifestArgument,
    *,
    base_url: BaseUrl = None,
    max_in_flight: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_MAX_IN_FLIGHT",
            metavar="N|auto",
            help="Renders in flight at a time; auto finds out what the service takes.",
            show_default="auto",
        ),
    ] = None,
    order: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_ORDER",
            metavar="longest|manifest",
            help="Which jobs are bought first; by the manifest wherever not all may be bought.",
            show_default="longest",
        ),
    ] = None,
    uploads: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_UPLOADS", metavar="N", help="Uploads at a time.", show_default="4"
        ),
    ] = None,
    downloads: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_DOWNLOADS",
            metavar="N",
            help="Downloads at a time.",
            show_default="4",
        ),
    ] = None,
    limit_upload: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_LIMIT_UPLOAD",
            metavar="RATE",
            help="Bytes per second of all uploads together: 500K, 20M, 1G.",
            show_default="no limit",
        ),
    ] = None,
    limit_download: LimitDownload = None,
    poll_min: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_POLL_MIN",
            metavar=_SECONDS,
            help="Least time between two looks at a render.",
            show_default="3",
        ),
    ] = None,
    poll_max: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_POLL_MAX",
            metavar=_SECONDS,
            help="Most time between two looks.",
            show_default="30",
        ),
    ] = None,
    poll_timeout: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_POLL_TIMEOUT",
            metavar=_SECONDS,
            help="Wait this long for one render; then leave it to the next run.",
            show_default="30m",
        ),
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_WEBHOOK",
            metavar="HOST:PORT",
            help="Take the service's events in there; MAGIC_HOUR_WEBHOOK_SECRET is needed.",
        ),
    ] = None,
    webhook_path: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_WEBHOOK_PATH",
            metavar="PATH",
            help="The path that events come to, behind a proxy.",
            show_default="/",
        ),
    ] = None,
    max_credits: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_MAX_CREDITS",
            metavar="N",
            help="Spend no more than this on the batch, over all runs.",
        ),
    ] = None,
    max_duration: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_MAX_DURATION",
            metavar="2h",
            help="Stop submitting in time to be finished by then, and leave.",
        ),
    ] = None,
    halt: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_HALT",
            metavar="now|soon,fail=N|N%",
            help="Stop when so many jobs failed: at once, or when what renders has ended.",
        ),
    ] = None,
    keep_going: Annotated[
        bool | None,
        typer.Option(
            "--keep-going/--no-keep-going",
            envvar="BATCHSYNC_KEEP_GOING",
            help="Jobs with missing or unfit files fail, the rest runs.",
            show_default="stop before anything is sent",
        ),
    ] = None,
    only: Only = None,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
    metrics_file: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_METRICS_FILE",
            metavar="PATH",
            help="Write how the run went here, for Prometheus' textfile collector (*.prom).",
        ),
    ] = None,
    lock_wait: Annotated[
        str | None,
        typer.Option(
            envvar="BATCHSYNC_LOCK_WAIT",
            metavar=_SECONDS,
            help="Wait for another run of this batch to end.",
            show_default="0",
        ),
    ] = None,
    name_tag: Annotated[
        bool | None,
        typer.Option(
            "--name-tag/--no-name-tag",
            envvar="BATCHSYNC_NAME_TAG",
            help="Add a short mark to the name shown in the vendor's library, to find a job by.",
            show_default="add it",
        ),
    ] = None,
    keep_changed: KeepChanged = False,
    resubmit_unconfirmed: Annotated[
        bool,
        typer.Option(
            envvar="BATCHSYNC_RESUBMIT_UNCONFIRMED",
            help="Buy unconfirmed jobs again. If one was made after all, it is paid for twice.",
        ),
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Submit and leave; a later run collects.")
    ] = False,
    no_download: Annotated[
        bool, typer.Option("--no-download", help="Stop when rendered; a later run downloads.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `plan`.")] = False,
    error_on_nothing: Annotated[
        bool,
        typer.Option(
            envvar="BATCHSYNC_ERROR_ON_NOTHING", help="Exit with 9 if there was nothing to do."
        ),
    ] = False,
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
    """Do the whole job: upload, submit, wait, download, write results. Run again to go on.

    \b
    The first Ctrl-C starts nothing new and leaves; renders go on remotely, and the next run
    collects them. The second leaves at once. USR1 prints where the run stands.
    """
    from batchsync.cli.monitoring import metrics_path, mishaps
    from batchsync.cli.running import Look, go
    from batchsync.manifest import load
    from batchsync.run import Options
    from batchsync.settings import settle

    with mishaps(None if dry_run else metrics_path(manifest, metrics_file), None):
        loaded = load(manifest)
    settings = settle(
        loaded.run,
        overrides(
            base_url=base_url,
            max_in_flight=max_in_flight,
            order=order,
            uploads=uploads,
            downloads=downloads,
            limit_upload=limit_upload,
            limit_download=limit_download,
            poll_min=poll_min,
            poll_max=poll_max,
            poll_timeout=poll_timeout,
            webhook=webhook,
            webhook_path=webhook_path,
            max_credits=max_credits,
            max_duration=max_duration,
            halt=halt,
            keep_going=keep_going,
            state=state,
            output_dir=output_dir,
            results=results,
            metrics_file=metrics_file,
            lock_wait=lock_wait,
            name_tag=name_tag,
        ),
    )
    if dry_run:
        _plan(loaded, settings, only, keep_changed, api_key_file, as_json)
        return
    options = Options(
        wait=not no_wait,
        fetch=not no_download,
        only=tuple(only or ()),
        keep_changed=keep_changed,
        resubmit_unconfirmed=resubmit_unconfirmed,
        error_on_nothing=error_on_nothing,
        command=("batchsync", *sys.argv[1:]),
        manifest=str(manifest),
        flags=where_flags(state, output_dir, results, base_url),
    )
    look = Look(as_json, quiet, log_format, log_file)
    go(loaded, settings, options, lambda: api_key(settings.base_url, api_key_file), look)


def _plan(
    loaded: "Manifest",
    settings: "RunSettings",
    only: list[str] | None,
    keep_changed: bool,
    api_key_file: Path | None,
    as_json: bool,
) -> None:
    from batchsync.cli.plan import show_plan

    show_plan(loaded, settings, tuple(only or ()), keep_changed, api_key_file, False, as_json)
