"""`batchsync plan`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
from batchsync.errors import ExitCode, KeyMissing, ManifestError, RemoteError, Unauthorized

if TYPE_CHECKING:
    from batchsync.api.wire import Account
    from batchsync.manifest import Manifest
    from batchsync.plan import Plan, Step
    from batchsync.settings import RunSettings


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
    state: State = None,
    output_dir: OutputDir = None,
    api_key_file: ApiKeyFile = None,
    as_json: Json = False,
) -> None:
    """Show what a run would do and cost, job by job. Nothing is written, nothing is sent.

    \b
    Only the account's balance is asked for; --offline leaves that out, too.
    Exit code 5 if the balance, or --max-credits, does not cover it.
    """
    from batchsync.manifest import load
    from batchsync.settings import settle

    loaded = load(manifest)
    settings = settle(
        loaded.run,
        overrides(base_url=base_url, max_credits=max_credits, state=state, output_dir=output_dir),
    )
    show_plan(loaded, settings, tuple(only or ()), keep_changed, api_key_file, offline, as_json)


def show_plan(
    loaded: "Manifest",
    settings: "RunSettings",
    only: tuple[str, ...],
    keep_changed: bool,
    api_key_file: Path | None,
    offline: bool,
    as_json: bool,
) -> None:
    """Print a plan, and end with 5 where the credits do not reach."""
    import asyncio

    from batchsync.places import places
    from batchsync.standing import look_ahead, read_standing

    where = places(loaded.path, loaded.name, settings)
    standing = read_standing(where.state)
    prospect = asyncio.run(
        look_ahead(loaded, where, standing, only=only, keep_changed=keep_changed)
    )
    made = prospect.plan
    if made.problems and not settings.keep_going:
        raise ManifestError(made.problems)
    account = None if offline else _account(settings, api_key_file)
    spent = sum(cost.held for cost in standing.costs.values())
    room = _room(account.credits if account else None, settings.max_credits, spent)
    if as_json:
        sys.stdout.write(json.dumps(_as_json(loaded.name, made, account), indent=2) + "\n")
    else:
        sys.stdout.write(_as_text(loaded.name, made, account, settings.max_credits, spent))
    if room is not None and made.credits_estimated > room:
        sys.exit(ExitCode.OUT_OF_CREDITS)


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


def _room(balance: int | None, cap: int | None, spent: int) -> int | None:
    """Credits that a run may spend; None where nothing limits it."""
    limits = [balance, None if cap is None else max(0, cap - spent)]
    known = [limit for limit in limits if limit is not None]
    return min(known, default=None)


def _as_json(name: str, plan: "Plan", account: "Account | None") -> dict[str, Any]:
    return {
        "batch": name,
        "jobs": [
            {
                "job": step.job.id,
                "action": step.action.value,
                "changed": list(step.changed),
                "start_seconds": step.job.start_seconds,
                "end_seconds": step.job.end_seconds,
                "generation_mode": step.job.generation_mode.value,
                "credits_estimated": step.credits_estimated,
                "credits_expected": step.credits_expected,
                "warnings": [str(warning) for warning in step.warnings],
                "problems": [str(problem) for problem in step.problems],
            }
            for step in plan.steps
        ],
        "credits": {
            "estimated": plan.credits_estimated,
            "expected": plan.credits_expected,
            "balance": account.credits if account else None,
        },
    }


def _as_text(
    name: str, plan: "Plan", account: "Account | None", cap: int | None, spent: int
) -> str:
    from rich.table import Table

    from batchsync.cli.paper import Paper

    paper = Paper()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("job", "what", "range", "mode"):
        table.add_column(column, overflow="fold")
    for column in ("estimate", "expected"):
        table.add_column(column, justify="right")
    for step in plan.steps:
        table.add_row(*_cells(step))
    paper.write(table)
    for warning in plan.warnings:
        paper.write(f"warning: {warning}")
    for line in _totals(name, plan, account, cap, spent):
        paper.write(line)
    return paper.text


def _cells(step: "Step") -> list[str]:
    from batchsync.plan import Action

    words = {
        Action.SUBMIT: "new" if not step.record else "submit",
        Action.AGAIN: f"again: {', '.join(step.changed)} changed",
        Action.COLLECT: "wait for its render",
        Action.DOWNLOAD: "download",
        Action.SKIP: "done",
        Action.STAY: f"{step.record.state.value if step.record else ''}: retry brings it back",
        Action.CONFIRM: "unconfirmed: needs resolve",
        Action.UNFIT: "unfit",
    }
    job = step.job
    attempt = step.record.attempt if step.record and not step.buys else None
    sent = attempt.parameters if attempt else {}
    start = sent.get("start_seconds", job.start_seconds)
    end = sent.get("end_seconds", job.end_seconds)
    expected = "?" if step.credits_expected is None else f"{step.credits_expected:,}"
    return [
        job.id,
        words[step.action],
        f"{start:g}-{'auto' if end is None else f'{end:g}'} s",
        sent.get("generation_mode", job.generation_mode.value),
        f"{step.credits_estimated:,}" if step.buys else "",
        expected if step.buys else "",
    ]


def _totals(
    name: str, plan: "Plan", account: "Account | None", cap: int | None, spent: int
) -> list[str]:
    buying = sum(step.buys for step in plan.steps)
    working = sum(step.works for step in plan.steps)
    lines = [f"{name}: {len(plan.steps)} jobs, {working} to work on, {buying} to buy"]
    if not working:
        lines.append("nothing to do")
    if buying:
        expected = plan.credits_expected
        settles = "" if expected is None else f", expected to settle at {expected:,}"
        lines.append(f"credits: {plan.credits_estimated:,} charged at first{settles}")
    if account is not None:
        after = account.credits - plan.credits_estimated
        short = "" if after >= 0 else ": not enough"
        lines.append(f"balance: {account.credits:,} now, {after:,} after submitting{short}")
    if cap is not None:
        lines.append(f"max_credits: {cap:,}, of which {spent:,} are spent")
    return lines
