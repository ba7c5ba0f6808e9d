"""From a manifest and its ledger to the page."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchsync import __version__
from batchsync.ledger.reviews import Verdict
from batchsync.manifest import Manifest
from batchsync.model import JobState
from batchsync.plan import Step
from batchsync.report.html import figures, timeline
from batchsync.report.html.clock import Clock, clock_of
from batchsync.report.html.next_steps import Commands, next_steps
from batchsync.report.html.page import render
from batchsync.report.html.reading import Record, read
from batchsync.report.html.rows import link, outputs, table
from batchsync.report.html.thumbnails import thumbnails
from batchsync.standing import planned_offline, refuse_foreign_ledger

# Seconds that pictures may take: whoever asks for a report waits for it.
_PICTURES_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a report is to be made of.

    Attributes:
        state: the ledger.
        folder: that the page will lie in; outputs are linked relative to it.
        pictures: outputs to show a picture of, at most.
        now: unix seconds.
    """

    manifest: Manifest
    state: Path
    folder: Path
    command: Commands
    pictures: int
    now: float


@dataclass(frozen=True, slots=True)
class Made:
    """A page, and what is worth saying about it."""

    page: bytes
    jobs: int
    pictures: int
    missing: int


def make(wanted: Wanted) -> Made:
    """Read the ledger and put the page together; blocking.

    Raises:
        LedgerUnusable: the ledger is newer, foreign, damaged or locked.
        UsageError: it is another manifest's, or a library is missing.
    """
    record = read(wanted.state)
    refuse_foreign_ledger(wanted.manifest, record.standing)
    steps = planned_offline(wanted.manifest, record.standing)
    clock = clock_of(record, wanted.now)
    placed = outputs(steps, record)
    there = {job: path for job, path in placed.items() if path.is_file()}
    first = list(there.items())[: wanted.pictures]
    pictures = thumbnails(first, _PICTURES_SECONDS) if first else {}
    ways = timeline.segments(record.arrows, clock)
    links = {job: link(path, wanted.folder) for job, path in there.items()}
    data = {
        "jobs": table(steps, record, ways, links),
        "pictures": [
            [number, pictures[step.job.id]]
            for number, step in enumerate(steps)
            if step.job.id in pictures
        ],
        "charts": _charts(record, clock),
        "stages": timeline.STAGES,
    }
    facts = _facts(wanted, record, steps, len(placed) - len(there))
    facts |= _times(record, clock, ways)
    page = render(facts, data)
    return Made(page, len(steps), len(pictures), len(placed) - len(there))


def _facts(wanted: Wanted, record: Record, steps: Sequence[Step], missing: int) -> dict[str, Any]:
    """What the top of the page says."""
    counts = figures.counts(steps, record)
    named = {step.job.id for step in steps}
    unconfirmed = [
        (known.id, known.attempt.tag)
        for step in steps
        if (known := record.standing.records.get(step.job.id))
        and known.state is JobState.UNCONFIRMED
        and known.attempt
    ]
    tags = {step.job.id: step.job.tags for step in steps}
    verdicts = record.verdicts(named)
    return {
        "batch": wanted.manifest.name,
        "made_at": wanted.now,
        "version": __version__,
        "counts": counts,
        "total": len(steps),
        "missing": missing,
        "verdicts": [(verdict.value, count) for verdict, count in sorted(verdicts.items())],
        "running": record.running,
        "runs": record.runs,
        "credits": figures.totals(record.bills),
        "to_come": figures.to_come(steps, record),
        "left_out": figures.totals([bill for bill in record.bills if bill.job not in named]),
        "next_steps": next_steps(
            counts,
            unconfirmed,
            missing,
            verdicts[Verdict.REJECTED],
            record.running is not None,
            wanted.command,
        ),
        "troubles": figures.troubles(steps, record),
        "reasons": figures.reasons(steps, record),
        "spending": figures.spending(record.bills, tags),
    }


def _times(record: Record, clock: Clock, ways: dict[str, list[timeline.Segment]]) -> dict[str, Any]:
    curve = timeline.in_flight(record.arrows, clock)
    return {
        "worked": clock.length,
        "spans": clock.spans,
        "stage_times": timeline.stage_times(ways),
        "usage": timeline.usage(record.arrows, curve, clock),
    }


def _charts(record: Record, clock: Clock) -> dict[str, Any]:
    """The axis, and the curves as (place in seconds, height)."""

    def drawn(curve: timeline.Curve) -> list[list[float]]:
        thin = timeline.thinned(curve, clock.length)
        return [[round(place, 1), round(height, 2)] for place, height in thin]

    return {
        "spans": [[begin, end - begin] for begin, end in clock.spans],
        "in_flight": drawn(timeline.in_flight(record.arrows, clock)),
        "estimated": drawn(figures.estimates_over_time(record.bills, clock)),
        "charged": drawn(figures.charges_over_time(record.bills, clock)),
    }
