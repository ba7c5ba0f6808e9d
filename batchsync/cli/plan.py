"""`batchsync plan`."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli.options import (
    ApiKeyFile,
    BaseUrl,
    Json,
    KeepChanged,
    ManifestArgument,
    Only,
    OutputDir,
    State,
    api_key,
    overrides,
)
from batchsync.errors import (
    ExitCode,
    KeyMissing,
    ManifestError,
    RemoteError,
    Unauthorized,
    UsageError,
)

if TYPE_CHECKING:
    from batchsync.api.wire import Account
    from batchsync.forecast import Forecast
    from batchsync.manifest import Manifest
    from batchsync.settings import RunSettings

# Rows that a terminal gets; a pipe gets all.
_MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class PlanLook:
    """How a plan is shown, beyond its being JSON.

    Attributes:
        by: a tag, or `mode`, to add jobs up by.
        as_csv: as csv.
        whole: never cut.
    """

    by: str | None = None
    as_csv: bool = False
    whole: bool = False


def plan(
    manifest: ManifestArgument,
    *,
    base_url: BaseUrl = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the account for its balance.")
    ] = False,
    max_credits: Annotated[
        str | None,
        typer.Option(envvar="BATCHSYNC_MAX_CREDITS", metavar="N", help="The cap a run would have."),
    ] = None,
    keep_changed: KeepChanged = False,
    only: Only = None,
    by: Annotated[
        str | None,
        typer.Option("--by", metavar="TAG", help="Add up by a tag, e.g. lang, or by mode."),
    ] = None,
    state: State = None,
    output_dir: OutputDir = None,
    api_key_file: ApiKeyFile = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The table as csv on stdout.")] = False,
    whole: Annotated[
        bool, typer.Option("--all", help="Every row, however many; a pipe always gets all.")
    ] = False,
) -> None:
    """Show what a run would do and cost, job by job. Nothing is written, nothing is sent.

    \b
    estimate    what is charged at first, at 30 frames a second
    expected    what that should settle at, at the video's own rate or max_fps_limit
    Only the account's balance is asked for; --offline leaves that out, too.
    Exit code 5 if the balance, or --max-credits, does not cover it.
    """
    from batchsync.manifest import load
    from batchsync.settings import settle

    if as_json and as_csv:
        raise UsageError("say one of --json and --csv")
    loaded = load(manifest)
    settings = settle(
        loaded.run,
        overrides(base_url=base_url, max_credits=max_credits, state=state, output_dir=output_dir),
    )
    show_plan(
        loaded,
        settings,
        tuple(only or ()),
        keep_changed,
        api_key_file,
        offline,
        as_json,
        PlanLook(by, as_csv, whole),
    )


def show_plan(
    loaded: "Manifest",
    settings: "RunSettings",
    only: tuple[str, ...],
    keep_changed: bool,
    api_key_file: Path | None,
    offline: bool,
    as_json: bool,
    look: PlanLook = PlanLook(),
) -> None:
    """Print a plan, and end with 5 where the credits do not reach."""
    from batchsync.report import plan as report

    _check_by(loaded, look.by)
    made = _forecast(loaded, settings, only, keep_changed, api_key_file, offline)
    if as_json:
        text = json.dumps(report.as_json(made, look.by), indent=2, ensure_ascii=False) + "\n"
    elif look.as_csv:
        text = report.as_csv(made, look.by)
    else:
        most = _MOST_ROWS if sys.stdout.isatty() and not look.whole else None
        text = "".join(f"{line}\n" for line in report.as_text(made, look.by, most))
    sys.stdout.write(text)
    if not made.suffices:
        sys.exit(ExitCode.OUT_OF_CREDITS)


def _check_by(loaded: "Manifest", by: str | None) -> None:
    known = dict.fromkeys(["mode", *(tag for job in loaded.jobs for tag in job.tags)])
    if by is not None and by not in known:
        raise UsageError(f"--by {by}: expected one of {', '.join(known)}")


def _forecast(
    loaded: "Manifest",
    settings: "RunSettings",
    only: tuple[str, ...],
    keep_changed: bool,
    api_key_file: Path | None,
    offline: bool,
) -> "Forecast":
    import asyncio

    from batchsync.advice import advised
    from batchsync.forecast import Purse, forecast
    from batchsync.places import places
    from batchsync.remembered import remembered
    from batchsync.standing import Prospect, look_ahead, read_standing, refuse_foreign_ledger

    where = places(loaded.path, loaded.name, settings)
    standing = read_standing(where.state)
    refuse_foreign_ledger(loaded, standing)
    # Not returned: Python 3.11's asyncio.run spells its result out on the way (the signal module
    # puts the task into an error message), which takes 5 s for 100,000 jobs.
    found: list[Prospect] = []

    async def look() -> None:
        found.append(
            await look_ahead(loaded, where, standing, only=only, keep_changed=keep_changed)
        )

    asyncio.run(look())
    prospect = found[0]
    if prospect.plan.problems and not settings.keep_going:
        raise ManifestError(prospect.plan.problems)
    account = None if offline else _account(settings, api_key_file)
    spent = sum(cost.held for cost in standing.costs.values())
    balance, tier = (account.credits, account.tier) if account else (None, None)
    owner = (account.id or "") if account else None
    memory = remembered(where.state, settings.base_url, owner)
    return forecast(
        loaded.name,
        advised(prospect.plan, prospect.facts, tier),
        Purse(balance, tier, settings.max_credits, spent),
        prospect.facts,
        memory.assets,
        memory.render_seconds,
        settings.max_in_flight,
    )


def _account(settings: "RunSettings", api_key_file: Path | None) -> "Account | None":
    import asyncio

    from batchsync.api.client import HttpApi

    try:
        key = api_key(settings.base_url, api_key_file)
    except KeyMissing:
        sys.stderr.write("no API key, so the balance is not known; --offline says so on purpose\n")
        return None

    async def ask() -> "Account":
        async with HttpApi(settings.base_url, key) as api:
            return await api.account()

    try:
        return asyncio.run(ask())
    except Unauthorized:
        raise
    except RemoteError as error:
        sys.stderr.write(f"the account can't be read: {error}\n")
        return None
