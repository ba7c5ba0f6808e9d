"""The command line of the sandbox: `batchsync sandbox`, and `python -m batchsync.sandbox`."""

import errno
from pathlib import Path
from typing import Annotated

import typer

from batchsync.sandbox.faults import API_ENDPOINTS, ENDPOINTS, FAULTS, parse_rule
from batchsync.sandbox.settings import (
    DAY,
    OverLimit,
    SandboxSettings,
    Tier,
    parse_render_seconds,
)

_USAGE_EXIT = 2


def sandbox(
    host: Annotated[str, typer.Option(help="Host name of the API.")] = "localhost",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 is any free port.")] = 8765,
    storage_host: Annotated[
        str | None, typer.Option(help="Host name of the storage; another than the API's.")
    ] = None,
    render_seconds: Annotated[
        str, typer.Option(metavar="N|MIN-MAX", help="The least time that a render takes.")
    ] = "1",
    tier: Annotated[Tier, typer.Option(help="The account's plan.")] = "creator",
    credits: Annotated[int, typer.Option(min=0, help="The balance at first.")] = 100_000,
    max_concurrent: Annotated[
        int | None,
        typer.Option(min=1, help="How many jobs render at once.", show_default="no limit"),
    ] = None,
    over_limit: Annotated[OverLimit, typer.Option(help="What becomes of more jobs.")] = "queue",
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[ENDPOINT:]NAME=OFTEN",
            help="What goes wrong, and how often: 0.3, 30%, always, once, 2x. May be repeated.",
        ),
    ] = None,
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Show them.")] = False,
    seed: Annotated[int, typer.Option(help="Makes faults and render times repeatable.")] = 0,
    key: Annotated[
        str | None, typer.Option(help="The one API key that is accepted.", show_default="any")
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Where state is kept over restarts.",
            show_default="a temporary one",
        ),
    ] = None,
    upload_url_ttl: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long upload URLs hold.")
    ] = 3600,
    download_url_ttl: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long download URLs hold.")
    ] = DAY,
    url_ttl: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Sets both.")
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001, help="API requests a second, beyond: 429.", show_default="no limit"
        ),
    ] = None,
    webhook_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where events go.", show_default="nowhere"),
    ] = None,
    webhook_secret: Annotated[
        str,
        typer.Option(envvar="MAGIC_HOUR_WEBHOOK_SECRET", help="What events are signed with."),
    ] = "sandbox-secret",  # noqa: S107 - of a sandbox
    fast: Annotated[
        bool,
        typer.Option(
            "--fast",
            help="For load tests: one tiny clip is every output, frames are counted at 30 fps.",
        ),
    ] = False,
    ready_file: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Gets base_url, storage_url and pid as JSON, when up."),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing.")] = False,
) -> None:
    """Run a local server that speaks the API and really renders, with faults on demand.

    No credits are real, and no lips are moved.
    """
    if list_faults:
        typer.echo(fault_table())
        return
    try:
        settings = SandboxSettings(
            host=host,
            port=port,
            storage_host=storage_host,
            render_seconds=parse_render_seconds(render_seconds),
            tier=tier,
            credits=credits,
            max_concurrent=max_concurrent,
            over_limit=over_limit,
            faults=tuple(parse_rule(text).text for text in fault or ()),
            seed=seed,
            key=key,
            data_dir=data_dir,
            upload_url_ttl=upload_url_ttl if url_ttl is None else url_ttl,
            download_url_ttl=download_url_ttl if url_ttl is None else url_ttl,
            rate=rate,
            fast=fast,
            webhook_url=webhook_url,
            webhook_secret=webhook_secret,
        )
    except ValueError as error:
        raise _usage_exit(str(error)) from None
    _run(settings, ready_file, quiet=quiet)


def fault_table() -> str:
    """All faults, as text."""
    width = max(map(len, FAULTS))
    rows = [
        f"{fault.name:{width}}  {_names(fault.usual):10}  {_names(fault.endpoints):19}"
        f"  {fault.summary}"
        for fault in FAULTS.values()
    ]
    head = f"{'NAME':{width}}  {'STRIKES':10}  {'ENDPOINTS':19}  WHAT HAPPENS"
    return "\n".join([head, *(row.rstrip() for row in rows)])


def _names(endpoints: tuple[str, ...]) -> str:
    if set(endpoints) == set(ENDPOINTS):
        return "any"
    if set(endpoints) == set(API_ENDPOINTS):
        return "any of /v1"
    if set(endpoints) == {*API_ENDPOINTS, "download"}:
        return "any but upload"
    return ", ".join(endpoints)


def _run(settings: SandboxSettings, ready_file: Path | None, *, quiet: bool) -> None:
    # Here and not above: aiohttp and PyAV take most of a second, which `--help` need not wait for.
    from batchsync.sandbox.serving import serve  # noqa: PLC0415

    def say(line: str) -> None:
        if not quiet:
            typer.echo(line)

    try:
        serve(settings, say=say, ready_file=ready_file)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _usage_exit(
                f"port {settings.port} is in use; choose another with --port, 0 takes any"
            ) from None
        raise _usage_exit(f"cannot start at {settings.host}:{settings.port}: {error}") from None


def _usage_exit(message: str) -> typer.Exit:
    typer.echo(f"batchsync sandbox: {message}", err=True)
    return typer.Exit(_USAGE_EXIT)
