"""Where a batch stands: its ledger, its files and its plan, read without changing anything."""

import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from batchsync import overrides
from batchsync import plan as planning
from batchsync.collector import collector_resting
from batchsync.errors import UsageError
from batchsync.ledger.file import is_ledger, open_for_reading
from batchsync.ledger.protocol import Cost, FileFacts, JobRecord, RunRecord
from batchsync.ledger.reviews import Review, read_reviews
from batchsync.ledger.sqlite import read_costs, read_files, read_latest_run, read_records
from batchsync.manifest import Manifest
from batchsync.model import Job
from batchsync.places import Places
from batchsync.plan import Action, Plan, Step
from batchsync.preflight import settle_auto
from batchsync.request import estimated_credits
from batchsync.survey import survey


@dataclass(frozen=True, slots=True)
class Standing:
    """What a ledger says, all at one moment."""

    records: Mapping[str, JobRecord] = field(default_factory=dict)
    costs: Mapping[str, Cost] = field(default_factory=dict)
    files: Mapping[str, FileFacts] = field(default_factory=dict)
    latest_run: RunRecord | None = None
    reviews: Mapping[str, Review] = field(default_factory=dict)


def read_standing(state: Path) -> Standing:
    """Read a ledger, or the empty standing of a batch that has none yet; blocking.

    Raises:
        LedgerUnusable: the file is newer, foreign or damaged.
    """
    if not is_ledger(state):
        return Standing()
    with contextlib.closing(open_for_reading(state)) as connection, collector_resting():
        return _read(connection)


def refuse_foreign_ledger(manifest: Manifest, standing: Standing) -> None:
    """Two manifests of one name in one folder would take each other's jobs for changed; blocking.

    A manifest that was moved or renamed keeps its ledger.

    Raises:
        UsageError: another manifest, which is still there, uses this ledger.
    """
    run = standing.latest_run
    if run is None or run.manifest == str(manifest.path):
        return
    other = Path(run.manifest)
    if other.exists() and not other.samefile(manifest.path):
        raise UsageError(
            f"the ledger of {manifest.name!r} is that of {other}: two manifests of one name would "
            "buy each other's jobs again; give one of them another name, or --state PATH"
        )


def _read(connection: sqlite3.Connection) -> Standing:
    connection.execute("BEGIN")
    return Standing(
        read_records(connection),
        read_costs(connection),
        read_files(connection),
        read_latest_run(connection),
        read_reviews(connection),
    )


@dataclass(frozen=True, slots=True)
class Prospect:
    """A plan, with the facts about files that it was made from."""

    plan: Plan
    facts: Mapping[str, FileFacts]


async def look_ahead(
    manifest: Manifest,
    places: Places,
    standing: Standing,
    *,
    only: tuple[str, ...] = (),
    keep_changed: bool = False,
) -> Prospect:
    """Look at the files that matter, and plan."""
    wanted = selector(only)
    jobs = [job for job in effective_jobs(manifest, standing) if wanted(job.id)]
    needs = planning.needs(jobs, standing.records)
    found = await survey(needs.to_probe, needs.to_hash, standing.files)
    with collector_resting():
        made = planning.make(jobs, standing.records, found, places.output_dir, keep_changed)
    return Prospect(made, {**standing.files, **found.facts})


def effective_jobs(manifest: Manifest, standing: Standing) -> list[Job]:
    """The manifest's jobs, with what `retry --set` said of them."""
    return [
        overrides.apply(job, record.overrides)
        if (record := standing.records.get(job.id)) and record.overrides
        else job
        for job in manifest.jobs
    ]


def planned_offline(manifest: Manifest, standing: Standing) -> list[Step]:
    """Every job with the estimate that the remembered facts allow; no file is looked at."""
    steps = []
    for job in effective_jobs(manifest, standing):
        settled = settle_auto(job, standing.files)
        estimate = estimated_credits(settled)
        steps.append(
            Step(settled, standing.records.get(job.id), Action.STAY, credits_estimated=estimate)
        )
    return steps


def selector(globs: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells the jobs that `--only` names; without it, all."""
    if not globs:
        return lambda _: True
    return lambda job: any(fnmatchcase(job, glob) for glob in globs)
