"""`batchsync status`."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchsync.cli.options import Json, ManifestArgument, Only, State, overrides, where_flags

if TYPE_CHECKING:
    from batchsync.manifest import Manifest
    from batchsync.places import Places
    from batchsync.report.standing import Row
    from batchsync.standing import Standing


def status(
    manifest: ManifestArgument,
    *,
    only: Only = None,
    state: State = None,
    as_json: Json = False,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Go on showing it, until all is done or Ctrl-C.")
    ] = False,
    interval: Annotated[
        float,
        typer.Option(min=0.1, max=3600, metavar="SECONDS", help="Between two looks of --watch."),
    ] = 2.0,
) -> None:
    """Show where every job stands, from the ledger alone; also while a run goes on.

    \b
    --watch shows a run that goes on elsewhere. It only reads, and can do a run no harm. It ends
    by itself with 0 once no run is at work and no job is left to be done, and with 130 by Ctrl-C.
    With --json, it prints an object a line, each time something has changed.
    """
    from batchsync.errors import UsageError
    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.settings import settle
    from batchsync.standing import selector

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state))
    wanted = selector(tuple(only or ()))
    jobs = [job.id for job in loaded.jobs if wanted(job.id)]
    if only and not jobs:
        raise UsageError(f"--only {' '.join(only)}: no job of the manifest fits")
    subject = Subject(
        loaded,
        places(loaded.path, loaded.name, settings),
        jobs,
        settings.max_credits,
        (str(manifest), *where_flags(state, None, None, None)),
    )
    if watch:
        from batchsync.cli.watching import follow

        follow(subject, as_json, interval)
        return
    standing = subject.read()
    if as_json:
        text = json.dumps(subject.as_json(standing), indent=2, ensure_ascii=False)
        sys.stdout.write(f"{text}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in _lines(subject, standing))


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at.

    Attributes:
        jobs: ids, in manifest order.
        words: the manifest as it was given, and the flags that say where things are.
    """

    loaded: "Manifest"
    where: "Places"
    jobs: list[str]
    cap: int | None
    words: tuple[str, ...]

    def read(self) -> "Standing":
        """What the ledger says now; blocking."""
        from batchsync.standing import read_standing

        return read_standing(self.where.state)

    def as_json(self, standing: "Standing") -> dict[str, Any]:
        """The object of `--json`."""
        jobs = [_job_json(job, standing) for job in self.jobs]
        return {
            "batch": self.loaded.name,
            "running": is_running(standing),
            "states": Counter(job["state"] for job in jobs),
            "jobs": jobs,
            "removed_from_manifest": self.removed(standing),
        }

    def removed(self, standing: "Standing") -> list[str]:
        """Jobs of the ledger that the manifest does not name."""
        named = {job.id for job in self.loaded.jobs}
        return [job for job in standing.records if job not in named]

    def next(self, standing: "Standing") -> str | None:
        """The command to go on with, if no run is at work and there is something to do."""
        import shlex

        from batchsync.model import JobState
        from batchsync.report.standing import to_do

        if is_running(standing):
            return None
        states = {job: record.state for job, record in standing.records.items()}
        counts = Counter(states.get(job, JobState.PENDING) for job in self.jobs)
        lost = (job for job in self.jobs if states.get(job) is JobState.UNCONFIRMED)
        words = to_do(counts, next(lost, None))
        if words is None:
            return None
        command, *rest = words
        manifest, *flags = self.words
        return shlex.join(["batchsync", command, manifest, *rest, *flags])


def is_running(standing: "Standing") -> bool:
    """Whether a run is at work, so far as can be told from here."""
    run = standing.latest_run
    return run is not None and run.is_at_work


def _job_json(job: str, standing: "Standing") -> dict[str, Any]:
    record = standing.records.get(job)
    attempt = record.attempt if record else None
    failure = record.failure if record else None
    cost = standing.costs.get(job)
    return {
        "job": job,
        "state": record.state.value if record else "pending",
        "attempt": record.attempt_number if record else 0,
        "tag": attempt.tag if attempt else None,
        "project_id": attempt.project_id if attempt else None,
        "credits_charged": cost.charged if cost else 0,
        "error": {"stage": failure.stage.value, "code": failure.code, "message": failure.message}
        if failure
        else None,
    }


def _lines(subject: Subject, standing: "Standing") -> Iterator[str]:
    from batchsync.report.standing import row_of

    yield from _table([row_of(job, standing) for job in subject.jobs])
    yield from ending(subject, standing)


def ending(subject: Subject, standing: "Standing") -> Iterator[str]:
    """What a status comes to, and what to do next."""
    from batchsync.cli.paper import colored, wrapped
    from batchsync.report.standing import closing

    headline, *lines = closing(subject.loaded.name, subject.jobs, standing, subject.cap)
    run = standing.latest_run
    if run and is_running(standing):
        lines.append(f"  running   pid {run.pid} on {run.host}")
    if removed := subject.removed(standing):
        lines.append(f"  no longer in the manifest: {', '.join(removed)}")
    if words := subject.next(standing):
        lines.append(f"  next      {words}")
    yield colored(headline, "head")
    yield from wrapped(lines)


def _table(rows: "list[Row]") -> Iterator[str]:
    from batchsync.cli.paper import colored, columns
    from batchsync.report.standing import table

    for line, state in table(rows, columns()):
        yield colored(line, state.value if state else "head")
