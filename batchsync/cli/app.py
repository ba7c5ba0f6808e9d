"""The commands, put together. Modules that a command needs are loaded when it runs."""

import os
from typing import Annotated

import typer

from batchsync import __version__
from batchsync.cli.config import config
from batchsync.cli.doctor import doctor
from batchsync.cli.ending import ending
from batchsync.cli.fetch import fetch
from batchsync.cli.init import init
from batchsync.cli.plan import plan
from batchsync.cli.report import report
from batchsync.cli.resolve import resolve
from batchsync.cli.results import results
from batchsync.cli.retry import retry
from batchsync.cli.review import review
from batchsync.cli.run import run
from batchsync.cli.sandbox import sandbox
from batchsync.cli.schema import schema
from batchsync.cli.spend import spend
from batchsync.cli.status import status
from batchsync.cli.streams import be_plainer_where_needed
from batchsync.cli.validate import validate

_HELP = """Batches of lip-sync jobs on the Magic Hour API.

A YAML manifest lists audio/video pairs. `batchsync run MANIFEST` uploads them, submits them,
waits, downloads the outputs and writes a results table with the credits charged. The same
command, given again, goes on where the last one stopped: nothing is bought twice, and no
finished render is lost.

\b
First steps, without a key and at no cost:
  batchsync sandbox                    a local server that speaks the API
  batchsync plan MANIFEST --offline    what a run would do and cost

The key is read from MAGIC_HOUR_API_KEY.

\b
Exit codes: 0 all done · 1 internal error · 2 usage or manifest · 3 some jobs failed ·
4 key or permission · 5 out of credits · 6 incomplete, run again to go on ·
7 unconfirmed submissions need a person · 9 nothing to do · 11 another run holds the lock ·
130/143 interrupted
"""

app = typer.Typer(
    help=_HELP,
    no_args_is_help=True,
    # Plain help: boxes would double the time that --help takes.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"batchsync {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


for _command in (
    run,
    plan,
    validate,
    status,
    results,
    report,
    review,
    retry,
    fetch,
    resolve,
    init,
    spend,
    config,
    schema,
    doctor,
    sandbox,
):
    app.command()(_command)


def main() -> None:
    """The console script."""
    # Looking for plugins of pydantic, of which nobody here knows, takes longer than many a command.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    be_plainer_where_needed()
    with ending():
        app()
