"""Plans for people (a table), for programs (JSON) and for spreadsheets (csv)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from batchsync.forecast import Forecast, covered, entry_stage, group_value, is_retry
from batchsync.model import Stage
from batchsync.plan import Action, Step
from batchsync.report.grid import Grid, to_csv

NO_TAG = "(none)"

_RIGHT = frozenset({"frames", "estimate", "expected", "jobs", "to work on", "to buy"})
_JOB_COLUMNS = (
    "job", "what", "action", "stage", "changed", "start_seconds", "end_seconds",
    "generation_mode", "frames", "credits_estimated", "credits_expected", "warnings", "problems",
)  # fmt: skip
_GROUP_COLUMNS = (
    "jobs", "to_work_on", "to_buy", "frames", "credits_estimated", "credits_expected",
)  # fmt: skip


def what(step: Step) -> str:
    """What happens to a job, in a few words."""
    if step.action in _WORDS:
        return _WORDS[step.action](step)
    if is_retry(step):
        return "retry"
    if entry_stage(step) is Stage.SUBMIT:
        return "resume at submit"
    return "new"


_WORDS: dict[Action, Callable[[Step], str]] = {
    Action.AGAIN: lambda step: f"again: {', '.join(step.changed)} changed",
    Action.COLLECT: lambda _: "resume at poll: its render is under way",
    Action.DOWNLOAD: lambda step: (
        "download: the output has another place" if step.changed else "resume at download"
    ),
    Action.SKIP: lambda _: "done",
    Action.STAY: lambda step: (
        f"{step.record.state.value if step.record else 'stopped'}: `retry` brings it back"
    ),
    Action.CONFIRM: lambda _: "unconfirmed: needs `resolve`",
    Action.UNFIT: lambda _: "unfit",
}


@dataclass(frozen=True, slots=True)
class Group:
    """Jobs that have one value of a tag, and what they come to; None where a rate is unknown."""

    value: str
    jobs: int
    works: int
    buys: int
    frames: int | None
    estimated: int
    expected: int | None


def groups(made: Forecast, by: str) -> list[Group]:
    """The jobs by a tag, or by `mode`, in the order of the manifest."""
    parts: dict[str, list[Step]] = {}
    for step in made.plan.steps:
        parts.setdefault(group_value(step.job, by), []).append(step)
    return [_group(value, steps, made) for value, steps in parts.items()]


def _group(value: str, steps: Sequence[Step], made: Forecast) -> Group:
    return Group(
        value,
        len(steps),
        sum(step.works for step in steps),
        sum(step.buys for step in steps),
        _sum(made.frames[step.job.id] for step in steps if step.buys),
        sum(step.credits_estimated for step in steps),
        _sum(step.credits_expected for step in steps),
    )


def _sum(figures: Iterator[int | None]) -> int | None:
    known = list(figures)
    return None if None in known else sum(figure for figure in known if figure is not None)


def as_json(made: Forecast, by: str | None) -> dict[str, Any]:
    """Everything, job by job and in all."""
    plan, purse = made.plan, made.purse
    found: dict[str, Any] = {
        "batch": made.batch,
        "jobs": [_job_json(step, made) for step in plan.steps],
        "credits": {
            "estimated": plan.credits_estimated,
            "expected": plan.credits_expected,
            "balance": purse.balance,
            "balance_after": _after(made),
            "max_credits": purse.cap,
            "spent": purse.spent,
            "allowed": purse.allowed,
            "suffices": made.suffices,
        },
        "uploads": {
            "files": made.uploads.files,
            "bytes": made.uploads.bytes,
            "saved_files": made.uploads.saved_files,
            "saved_bytes": made.uploads.saved_bytes,
        },
        "frames": _sum(iter(made.frames.values())),
        "render_seconds": None if made.seconds is None else round(made.seconds, 1),
    }
    if by is not None:
        found["by"] = by
        found["groups"] = [_group_json(group) for group in groups(made, by)]
    return found


def _after(made: Forecast) -> int | None:
    balance = made.purse.balance
    return None if balance is None else balance - made.plan.credits_estimated


def _job_json(step: Step, made: Forecast) -> dict[str, Any]:
    stage = entry_stage(step)
    return {
        "job": step.job.id,
        "action": step.action.value,
        "what": what(step),
        "stage": stage.value if stage else None,
        "changed": list(step.changed),
        "start_seconds": step.job.start_seconds,
        "end_seconds": step.job.end_seconds,
        "generation_mode": step.job.generation_mode.value,
        "frames": made.frames.get(step.job.id),
        "credits_estimated": step.credits_estimated,
        "credits_expected": step.credits_expected,
        "warnings": [str(warning) for warning in step.warnings],
        "problems": [str(problem) for problem in step.problems],
        "tags": dict(step.job.tags),
    }


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "value": group.value,
        "jobs": group.jobs,
        "to_work_on": group.works,
        "to_buy": group.buys,
        "frames": group.frames,
        "credits_estimated": group.estimated,
        "credits_expected": group.expected,
    }


def as_csv(made: Forecast, by: str | None) -> str:
    """A row a job, or a row a group."""
    if by is not None:
        rows = [{by: group.value, **_group_json(group)} for group in groups(made, by)]
        return to_csv((by, *_GROUP_COLUMNS), rows)
    tags = dict.fromkeys(name for step in made.plan.steps for name in step.job.tags)
    columns = {name: f"tags.{name}" if name in _JOB_COLUMNS else name for name in tags}
    return to_csv(
        (*_JOB_COLUMNS, *columns.values()), [_flat(s, made, columns) for s in made.plan.steps]
    )


def _flat(step: Step, made: Forecast, tags: dict[str, str]) -> dict[str, Any]:
    row = _job_json(step, made)
    row["changed"] = " ".join(row["changed"])
    row["warnings"] = "; ".join(row["warnings"])
    row["problems"] = "; ".join(row["problems"])
    return row | {tags[name]: value for name, value in step.job.tags.items()}


def as_text(made: Forecast, by: str | None, most: int | None) -> Iterator[str]:
    """The table, warnings and totals, line by line; beyond `most` lines each is cut."""
    grid = _job_grid(made) if by is None else _group_grid(made, by)
    yield from grid.lines(most)
    warnings = made.plan.warnings
    for warning in warnings[:most]:
        yield f"warning: {warning}"
    if most is not None and len(warnings) > most:
        yield f"… and {len(warnings) - most:,} more warnings"
    yield from totals(made)


def _job_grid(made: Forecast) -> Grid:
    header = ("job", "what", "range", "mode", "frames", "estimate", "expected")
    return Grid(header, _RIGHT, [_cells(step, made) for step in made.plan.steps])


def _cells(step: Step, made: Forecast) -> tuple[str, ...]:
    job = step.job
    attempt = step.record.attempt if step.record and not step.buys else None
    sent = attempt.parameters if attempt else {}
    start = sent.get("start_seconds", job.start_seconds)
    end = sent.get("end_seconds", job.end_seconds)
    figures = ("", "", "")
    if step.buys:
        figures = (
            _figure(made.frames[job.id]),
            _figure(step.credits_estimated),
            _figure(step.credits_expected),
        )
    return (
        job.id,
        what(step),
        f"{start:g}-{'auto' if end is None else f'{end:g}'} s",
        sent.get("generation_mode", job.generation_mode.value),
        *figures,
    )


def _figure(figure: int | None) -> str:
    return "?" if figure is None else f"{figure:,}"


def _group_grid(made: Forecast, by: str) -> Grid:
    header = (by, "jobs", "to work on", "to buy", "frames", "estimate", "expected")
    grid = Grid(header, _RIGHT)
    for group in groups(made, by):
        figures = (
            group.jobs,
            group.works,
            group.buys,
            group.frames,
            group.estimated,
            group.expected,
        )
        grid.rows.append((group.value or NO_TAG, *(_figure(figure) for figure in figures)))
    return grid


def totals(made: Forecast) -> Iterator[str]:
    """What the plan comes to, in sentences."""
    plan = made.plan
    buying = sum(step.buys for step in plan.steps)
    working = sum(step.works for step in plan.steps)
    yield f"{made.batch}: {len(plan.steps):,} jobs, {working:,} to work on, {buying:,} to buy"
    if not working:
        yield "nothing to do"
    if buying:
        yield f"credits: {plan.credits_estimated:,} charged at first, at 30 fps{_settles(made)}"
    if made.uploads.files or made.uploads.saved_files:
        yield f"uploads: {_uploads(made)}"
    if made.seconds is not None:
        seen = f"going by the {made.renders_seen:,} before"
        yield f"time: about {_duration(made.seconds)} of rendering, {seen}"
    yield from _money(made)


def _settles(made: Forecast) -> str:
    figures = [step.credits_expected for step in made.plan.steps if step.buys]
    known = [figure for figure in figures if figure is not None]
    unknown = len(figures) - len(known)
    if not known:
        return ""
    words = f", expected to settle at {sum(known):,}"
    # A URL's frame rate is seen by nobody before it is rendered.
    return f"{words} without the {unknown:,} whose frame rate is not known" if unknown else words


def _uploads(made: Forecast) -> str:
    from rich.filesize import decimal  # noqa: PLC0415 - a plan that buys nothing has no use for it

    up = made.uploads
    saved = f" ({decimal(up.saved_bytes)} saved by sharing)" if up.saved_bytes else ""
    return f"{up.files:,} files, {decimal(up.bytes)}{saved}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _money(made: Forecast) -> Iterator[str]:
    plan, purse = made.plan, made.purse
    after = _after(made)
    if purse.balance is not None and after is not None:
        short = "" if after >= 0 else f": not enough, {_reach(made, purse.balance)}"
        yield f"balance: {purse.balance:,} now, {after:,} after submitting{short}"
    if purse.cap is not None and purse.allowed is not None:
        short = (
            "" if plan.credits_estimated <= purse.allowed else f": {_reach(made, purse.allowed)}"
        )
        yield (
            f"max_credits: {purse.cap:,}, of which {purse.spent:,} are spent "
            f"and {purse.allowed:,} left{short}"
        )


def _reach(made: Forecast, credits: int) -> str:
    buying = sum(step.buys for step in made.plan.steps)
    return f"it covers the first {covered(made.plan.steps, credits):,} of {buying:,} jobs"
