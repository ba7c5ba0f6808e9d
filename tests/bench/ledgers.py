"""A ledger with a batch that is done: `python -m tests.bench.ledgers MANIFEST`."""

import asyncio
import sys
import time
from pathlib import Path

from batchsync.ledger import Draft, FileFacts, SqliteLedger, Transition
from batchsync.manifest import Manifest, load
from batchsync.model import Job, JobState, Media
from batchsync.places import places
from batchsync.request import fingerprint
from batchsync.settings import settle

_MEDIA = Media(1.0, 25.0, 320, 180, True, True)
_S = JobState


async def fill(manifest: Manifest) -> None:
    """Record every job as done, the way a run does."""
    where = places(manifest.path, manifest.name, settle(manifest.run, {}))
    ledger = SqliteLedger.open(where.state, "bench")
    await ledger.enroll(manifest.jobs)
    facts = {job.audio.value: _facts(job.audio.path) for job in manifest.jobs}
    facts |= {job.video.value: _facts(job.video.path) for job in manifest.jobs}
    await ledger.keep_files(facts.values())
    await asyncio.gather(*(_finish(ledger, job, facts, where.output_dir) for job in manifest.jobs))
    await ledger.close()


async def _finish(
    ledger: SqliteLedger, job: Job, facts: dict[str, FileFacts], output_dir: Path
) -> None:
    hashes = {path: facts[path].sha256 or "" for path in (job.video.value, job.audio.value)}
    now = time.time()
    draft = Draft(1, "bench", "http://127.0.0.1", fingerprint(job, hashes), 30)
    submitted = {"project_id": f"p-{job.id}", "credits_estimated": 30, "submitted_at": now}
    rendered = {"credits_charged": 25, "rendered_at": now + 229, "fps": 25.0}
    delivered = {
        "output": str(output_dir / job.output),
        "output_bytes": 10_000,
        "output_sha256": "0" * 64,
        "downloaded_at": now + 230,
    }
    for change in (
        Transition(job.id, _S.PENDING, _S.UPLOADED, 0),
        Transition(job.id, _S.UPLOADED, _S.SUBMITTING, 1, draft=draft),
        Transition(job.id, _S.SUBMITTING, _S.SUBMITTED, 1, changes=submitted),
        Transition(job.id, _S.SUBMITTED, _S.RENDERED, 1, changes=rendered),
        Transition(job.id, _S.RENDERED, _S.DONE, 1, changes=delivered),
    ):
        await ledger.move(change)


def _facts(path: Path) -> FileFacts:
    found = path.stat()
    return FileFacts(str(path), found.st_size, found.st_mtime_ns, f"{path.stem:0>64}", _MEDIA)


if __name__ == "__main__":
    asyncio.run(fill(load(Path(sys.argv[1]))))
