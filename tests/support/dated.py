"""A batch that was run on a certain day, without a server: its manifest and its ledger.

Every moment and figure in it is known, so that a page or a table can be compared word for word.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from batchsync.ledger import Draft, SqliteLedger, Transition
from batchsync.manifest import load
from batchsync.model import Failure, Job, JobState, Stage
from batchsync.places import places
from batchsync.request import fingerprint
from batchsync.settings import settle

_S = JobState

# 2026-11-02 08:30 UTC.
BEGIN = 1793608200.0

NO_FACE = Failure(Stage.POLL, "no_source_face", "no face was found in the video")

_ARROWS = (_S.PENDING, _S.UPLOADED, _S.SUBMITTING, _S.SUBMITTED, _S.RENDERED, _S.DONE)


def write_batch(folder: Path, jobs: Sequence[Mapping[str, Any]], name: str = "batch") -> Path:
    """Write a manifest of jobs; `video`, `audio` and `end_seconds` have defaults."""
    whole = [
        {"video": "media/a.mp4", "audio": f"dubs/{job['id']}.mp3", "end_seconds": 10, **job}
        for job in jobs
    ]
    path = folder / f"{name}.yaml"
    content = yaml.safe_dump({"version": 1, "jobs": whole}, sort_keys=False, allow_unicode=True)
    path.write_text(content, "utf-8")
    return path


def run_through(manifest: Path, states: Mapping[str, JobState]) -> None:
    """Bring jobs to these states, a minute apart; the rest stays pending."""
    asyncio.run(_run_through(manifest, states))


async def _run_through(path: Path, states: Mapping[str, JobState]) -> None:
    manifest = load(path)
    where = places(manifest.path, manifest.name, settle(manifest.run, {}))
    ledger = SqliteLedger.open(where.state, "run-1")
    await ledger.enroll(manifest.jobs)
    for number, job in enumerate(manifest.jobs):
        goal = states.get(job.id, _S.PENDING)
        for transition in _transitions(job, goal, number, where.output_dir):
            await ledger.move(transition)
    await ledger.close()


def _transitions(job: Job, goal: JobState, number: int, outputs: Path) -> list[Transition]:
    last = _S.SUBMITTED if goal in (_S.FAILED, _S.CANCELED) else goal
    hashes = {source.value: f"{number:064x}" for _, source in job.sources}
    draft = Draft(1, f"tag{number}", "http://127.0.0.1", fingerprint(job, hashes), 300)
    facts = _facts(number, outputs / job.output)
    moves = [
        Transition(
            job.id,
            source,
            target,
            0 if target is _S.UPLOADED else 1,
            draft=draft if target is _S.SUBMITTING else None,
            changes=facts.get(target, {}),
        )
        for source, target in pairwise(_ARROWS[: _ARROWS.index(last) + 1])
    ]
    if last is not goal:
        refund = {"credits_charged": 0, "credits_refunded": 300}
        why = NO_FACE if goal is _S.FAILED else None
        moves.append(Transition(job.id, last, goal, 1, changes=refund, failure=why))
    return moves


def _facts(number: int, output: Path) -> dict[JobState, dict[str, Any]]:
    submitted = BEGIN + 60 * number
    return {
        _S.SUBMITTED: {
            "project_id": f"p{number}",
            "credits_estimated": 300,
            "submitted_at": submitted,
        },
        _S.RENDERED: {
            "credits_charged": 250,
            "credits_refunded": 50,
            "rendered_at": submitted + 229.5,
            "fps": 25.0,
            "width": 1280,
            "height": 720,
        },
        _S.DONE: {
            "output": str(output),
            "output_bytes": 1_000_000 + number,
            "output_sha256": f"{number:064x}",
            "downloaded_at": submitted + 231,
        },
    }
