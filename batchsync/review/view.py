"""A batch as the page shows it: one plain row a job, and the headline; pure but for file sizes."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from batchsync import overrides
from batchsync.ledger import Attempt, Cost, JobRecord
from batchsync.ledger.reviews import word_on
from batchsync.model import IN_FLIGHT, Job, JobState, SourceKind
from batchsync.review.books import Page
from batchsync.review.films import output_of, source_of
from batchsync.review.steps import Commands, Row, next_steps

Sizes = Callable[[Path], int | None]

_NO_COST = Cost(0, 0, 0, 0)

# What people ask of a job is coarser than its states.
GROUPS: Mapping[JobState, str] = {
    JobState.PENDING: "waiting",
    JobState.UPLOADED: "waiting",
    **dict.fromkeys(IN_FLIGHT, "in flight"),
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELED: "canceled",
    JobState.UNCONFIRMED: "unconfirmed",
}
_ELSEWHERE: Mapping[SourceKind, str] = {
    SourceKind.URL: "a web address",
    SourceKind.LIBRARY: "in the vendor's library",
    SourceKind.ASSET: "on the vendor's storage",
    SourceKind.YOUTUBE: "on YouTube",
}


def rows(jobs: Sequence[Job], page: Page, commands: Commands, size_of: Sizes) -> list[Row]:
    """One row a job, in the order of the manifest.

    Args:
        jobs: of the manifest.
        page: of the ledger.
        commands: to be shown with what they mend.
        size_of: bytes of a video file, None where it is missing.
    """
    sizes = cache(size_of)  # many jobs share a source
    return [_row(job, page.records.get(job.id), page, commands, sizes) for job in jobs]


def _row(
    said: Job, record: JobRecord | None, page: Page, commands: Commands, size_of: Sizes
) -> Row:
    job = overrides.apply(said, record.overrides) if record and record.overrides else said
    state = record.state if record else JobState.PENDING
    attempt = record.attempt if record else None
    word = word_on(page.reviews, record)
    failure = record.failure if record else None
    cost = page.costs.get(job.id, _NO_COST)
    return {
        "id": job.id,
        "name": job.name,
        "tags": dict(job.tags),
        "state": state.value,
        "group": GROUPS[state],
        "attempt": record.attempt_number if record else 0,
        "source": _source(job, size_of),
        "audio": job.audio.text,
        "output": _output(record, commands, size_of),
        **_render(job, attempt),
        "credits": cost.charged,
        "estimated": attempt.credits_estimated if attempt else None,
        "error": asdict(failure) if failure else None,
        "verdict": word.verdict.value if word and word.verdict else None,
        "note": word.note if word else "",
        "reviewed_at": word.at if word else None,
    }


def _source(job: Job, size_of: Sizes) -> Row:
    path = source_of(job)
    if path is None:
        return {"text": job.video.text, "elsewhere": _ELSEWHERE[job.video.kind]}
    return {"text": str(path), "elsewhere": None, "bytes": size_of(path)}


def _output(record: JobRecord | None, commands: Commands, size_of: Sizes) -> Row | None:
    path = output_of(record)
    if record is None or path is None:
        return None
    size = size_of(path)
    again = None if size else commands.give("fetch", record.id)
    return {"path": str(path), "bytes": size, "again": again}


def _render(job: Job, attempt: Attempt | None) -> Row:
    """What was sent, where something was; else what the manifest says."""
    sent = attempt.parameters if attempt else {}
    taken = None
    if attempt and attempt.rendered_at and attempt.submitted_at:
        taken = max(0.0, attempt.rendered_at - attempt.submitted_at)
    return {
        "mode": sent.get("generation_mode", job.generation_mode.value),
        "start": sent.get("start_seconds", job.start_seconds),
        "end": sent.get("end_seconds", job.end_seconds),
        "fps": attempt.fps if attempt else None,
        "width": attempt.width if attempt else None,
        "height": attempt.height if attempt else None,
        "submitted_at": attempt.submitted_at if attempt else None,
        "render_seconds": taken,
    }


def headline(table: Sequence[Row], page: Page, cap: int | None, commands: Commands) -> Row:
    """Counts, credits, whether a run is at work, and what to do next.

    Args:
        table: all rows.
        page: of the ledger.
        cap: the most credits that the batch may spend.
        commands: to go on with.
    """
    groups = Counter(row["group"] for row in table)
    verdicts = Counter(row["verdict"] or "unjudged" for row in table if row["group"] == "done")
    costs = [page.costs.get(row["id"], _NO_COST) for row in table]
    run = page.latest_run
    return {
        "jobs": len(table),
        "groups": dict(groups),
        "verdicts": dict(verdicts),
        "credits": {
            "charged": sum(cost.charged for cost in costs),
            "held": sum(cost.held for cost in costs),
            "refunded": sum(cost.refunded for cost in costs),
            "cap": cap,
        },
        "run": run and {"started_at": run.started_at, "ended_at": run.ended_at},
        "running": page.running,
        "next": next_steps(table, page.latest_run is not None, page.running, commands),
    }
