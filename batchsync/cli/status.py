"""`batchsync status`."""

import json
import sys
from typing import TYPE_CHECKING, Any

from batchsync.cli.options import Json, ManifestArgument, Only, State, overrides

if TYPE_CHECKING:
    from batchsync.ledger import JobRecord, RunRecord
    from batchsync.manifest import Manifest
    from batchsync.standing import Standing


def status(
    manifest: ManifestArgument, *, only: Only = None, state: State = None, as_json: Json = False
) -> None:
    """Show where every job stands, from the ledger alone; also while a run goes on."""
    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.settings import settle
    from batchsync.standing import read_standing, selector

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state))
    standing = read_standing(places(loaded.path, loaded.name, settings).state)
    wanted = selector(tuple(only or ()))
    jobs = [job.id for job in loaded.jobs if wanted(job.id)]
    if as_json:
        text = json.dumps(_as_json(loaded, standing, jobs), indent=2, ensure_ascii=False) + "\n"
    else:
        text = _as_text(loaded, standing, jobs)
    sys.stdout.write(text)


def _as_json(loaded: "Manifest", standing: "Standing", jobs: list[str]) -> dict[str, Any]:
    run = standing.latest_run
    return {
        "batch": loaded.name,
        "running": bool(run and run.ended_at is None and _is_alive(run)),
        "jobs": [_job_json(job, standing.records.get(job), standing) for job in jobs],
        "removed_from_manifest": _removed(loaded, standing),
    }


def _is_alive(run: "RunRecord") -> bool:
    """Whether the process of a run that has not said that it ended is still there."""
    import os
    import socket

    if run.host != socket.gethostname():
        return True  # nobody can tell from here
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _job_json(job: str, record: "JobRecord | None", standing: "Standing") -> dict[str, Any]:
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


def _as_text(loaded: "Manifest", standing: "Standing", jobs: list[str]) -> str:
    from collections import Counter

    from rich.table import Table

    from batchsync.cli.paper import Paper

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("job", "state", "attempt", "project", "credits", "note"):
        table.add_column(column, overflow="fold")
    counts: Counter[str] = Counter()
    for job in jobs:
        record = standing.records.get(job)
        row = _job_json(job, record, standing)
        counts[row["state"]] += 1
        # The tag finds a job in the vendor's library, which matters most while its id is unknown.
        project = row["project_id"] or (f"({row['tag']})" if row["tag"] else "")
        note = row["error"]["message"] if row["error"] else ""
        attempt = str(row["attempt"] or "")
        table.add_row(job, row["state"], attempt, project, str(row["credits_charged"]), note)
    paper = Paper()
    paper.write(table)
    words = " · ".join(f"{count} {word}" for word, count in counts.items())
    paper.write(f"{loaded.name}: {words}")
    if removed := _removed(loaded, standing):
        paper.write(f"no longer in the manifest: {', '.join(removed)}")
    return paper.text


def _removed(loaded: "Manifest", standing: "Standing") -> list[str]:
    named = {job.id for job in loaded.jobs}
    return [job for job in standing.records if job not in named]
