"""The jobs as the page's script reads them: a list for each column, texts that recur kept once."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from batchsync.ledger.protocol import Attempt, Cost, JobRecord
from batchsync.model import JobState
from batchsync.plan import Step
from batchsync.report.html.figures import STATUSES, WORDS
from batchsync.report.html.reading import Record
from batchsync.report.html.timeline import Segment
from batchsync.report.html.wording import public

_NO_COST = Cost(0, 0, 0, 0)


class Kept:
    """Keeps each thing that recurs once, as it may be shown, and gives its number."""

    def __init__(self, show: Callable[[Any], Any]) -> None:
        self.all: list[Any] = []
        self._show = show
        self._numbers: dict[Any, int] = {}

    def number(self, thing: Any) -> int | None:
        """Its number; None stays None."""
        if thing is None:
            return None
        if thing not in self._numbers:
            self._numbers[thing] = len(self.all)
            self.all.append(self._show(thing))
        return self._numbers[thing]


def outputs(steps: Iterable[Step], record: Record) -> dict[str, Path]:
    """Where the outputs of the jobs that are done were put."""
    found = {}
    for step in steps:
        known = record.standing.records.get(step.job.id)
        if known and known.state is JobState.DONE and known.attempt and known.attempt.output:
            found[step.job.id] = Path(known.attempt.output)
    return found


def link(path: Path, folder: Path) -> str:
    """A file as a link from a page in `folder`: relative, so that both can be moved together."""
    parent = _way_to(path.parent, folder)
    # The dot keeps a name with a colon from being read as a scheme.
    return path.as_uri() if parent is None else f"./{parent}/{_quoted(path.name)}"


@lru_cache(maxsize=1024)
def _way_to(parent: Path, folder: Path) -> str | None:
    """From one folder to another, the same for many outputs; None on another drive of Windows."""
    try:
        return _quoted(Path(os.path.relpath(parent, folder)).as_posix())
    except ValueError:
        return None


def _quoted(path: str) -> str:
    return quote(os.fsencode(path))


def table(
    steps: Sequence[Step],
    record: Record,
    ways: Mapping[str, Sequence[Segment]],
    links: Mapping[str, str],
) -> dict[str, Any]:
    """The columns, and the texts and tags that they number.

    Args:
        steps: the jobs in manifest order, with their estimates.
        record: what the ledger says.
        ways: each job's stages.
        links: of the outputs that are there, by job; those of jobs that are done but not here
            are missing.
    """
    texts, tags = Kept(public), Kept(lambda pair: [public(part) for part in pair])
    rows = []
    for step in steps:
        row = _row(step, record, texts.number)
        row["tags"] = [tags.number(pair) for pair in step.job.tags.items()]
        row["way"] = _way(ways.get(step.job.id, ()))
        row["output"] = links.get(step.job.id)
        rows.append(row)
    return {
        "texts": texts.all,
        "tags": tags.all,
        "statuses": STATUSES,
        "columns": {name: [row[name] for row in rows] for name in (rows[0] if rows else ())},
    }


def _way(segments: Iterable[Segment]) -> list[int]:
    """Stage, begin, end, stage, … in tenths of seconds: whole numbers are the shortest to write."""
    return [
        number
        for segment in segments
        for number in (segment.stage, round(segment.begin * 10), round(segment.end * 10))
    ]


def _row(step: Step, record: Record, text: Callable[[str | None], int | None]) -> dict[str, Any]:
    job = step.job
    known = record.standing.records.get(job.id)
    attempt = known.attempt if known else None
    failure = known.failure if known else None
    cost = record.standing.costs.get(job.id, _NO_COST)
    state = known.state if known else JobState.PENDING
    review = record.review(job.id)
    pending = WORDS[state] == "pending"
    return {
        "id": job.id,
        "name": public(job.name) if job.name else None,
        "status": STATUSES.index(WORDS[state]),
        "mode": text(str(_sent(attempt, "generation_mode") or job.generation_mode.value)),
        "video": text(job.video.text),
        "audio": text(job.audio.text),
        "charged": cost.charged,
        "estimated": cost.estimated + (step.credits_estimated if pending else 0),
        "open": cost.held - cost.charged,
        "attempts": known.attempt_number if known else 0,
        "project": attempt.project_id if attempt else None,
        "tag": attempt.tag if attempt and state is JobState.UNCONFIRMED else None,
        "ended": _ended(known),
        "bytes": attempt.output_bytes if attempt and state is JobState.DONE else None,
        "verdict": text(review.verdict.value) if review and review.verdict else None,
        "note": text(review.note) if review and review.note else None,
        "code": text(failure.code) if failure else None,
        "stage": text(failure.stage.value) if failure else None,
        "message": text(failure.message) if failure else None,
    }


def _sent(attempt: Attempt | None, name: str) -> Any:
    return attempt.parameters.get(name) if attempt else None


def _ended(known: JobRecord | None) -> int | None:
    """When the job came to where it stands, in unix seconds; None if it never moved."""
    if known is None or WORDS[known.state] in ("pending", "in flight"):
        return None
    return round(known.updated_at)
