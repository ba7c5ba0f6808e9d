"""Batches that stand where a test wants them, without a server: straight into the ledger."""

import asyncio
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from batchsync.ledger import Draft, SqliteLedger, Transition
from batchsync.manifest import Manifest, load
from batchsync.model import Failure, Job, JobState, Stage
from batchsync.places import places
from batchsync.request import fingerprint
from batchsync.settings import settle

T = TypeVar("T")

_S = JobState
FAILURE = Failure(Stage.POLL, "no_source_face", "No face was detected in the video.")


def ledger_of(manifest: Manifest) -> Path:
    """Where a batch's ledger lies."""
    return places(manifest.path, manifest.name, settle(manifest.run, {})).state


async def bring(
    ledger: SqliteLedger, job: Job, output: Path, state: JobState, number: int = 1
) -> None:
    """Take a pending job to a state, the way a run does, by attempt `number`."""
    draft = Draft(number, f"t{number}", "http://127.0.0.1", fingerprint(job, {}), 60)
    submitted = {"project_id": f"p{number}-{job.id}", "submitted_at": time.time() - 230}
    rendered = {"credits_charged": 50, "rendered_at": time.time(), "fps": 25.0}
    size = {"width": 64, "height": 36}
    delivered = {"output": str(output), "output_bytes": 1, "downloaded_at": time.time()}
    refunded = {"credits_charged": 0, "credits_refunded": 60}
    ways = {
        _S.FAILED: Transition(
            job.id, _S.SUBMITTED, _S.FAILED, number, changes=refunded, failure=FAILURE
        ),
        _S.CANCELED: Transition(job.id, _S.SUBMITTED, _S.CANCELED, number, changes=refunded),
    }
    path = [
        Transition(job.id, _S.PENDING, _S.UPLOADED, number - 1),
        Transition(job.id, _S.UPLOADED, _S.SUBMITTING, number, draft=draft),
        Transition(job.id, _S.SUBMITTING, _S.SUBMITTED, number, changes=submitted),
    ]
    if state in ways:
        path.append(ways[state])
    if state is _S.DONE:
        path += [
            Transition(job.id, _S.SUBMITTED, _S.RENDERED, number, changes={**rendered, **size}),
            Transition(job.id, _S.RENDERED, _S.DONE, number, changes=delivered),
        ]
    if state is not _S.PENDING:
        for transition in path:
            await ledger.move(transition)


async def fill(path: Path, output: Path, states: Mapping[str, JobState] | None = None) -> Manifest:
    """Record every job of a manifest as done, with one file for all outputs; others as said."""
    manifest = load(path)
    ledger = SqliteLedger.open(ledger_of(manifest), "made")
    await ledger.enroll(manifest.jobs)
    await asyncio.gather(
        *(bring(ledger, job, output, (states or {}).get(job.id, _S.DONE)) for job in manifest.jobs)
    )
    await ledger.close()
    return manifest


def apart(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in a thread: the test's own may have a loop already, Playwright's."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
