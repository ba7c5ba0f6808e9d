"""Which file is a side of a job: named by job and side alone, never by a path from outside."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from batchsync.ledger import JobRecord
from batchsync.model import Job, JobState

Side = Literal["source", "output"]

# What a browser takes. A .mov is told to be its twin: browsers play it, but not by its own name.
CONTENT_TYPES: Mapping[str, str] = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/mp4",
    ".webm": "video/webm",
}


def source_of(job: Job) -> Path | None:
    """The original's file; None where it lies elsewhere."""
    return job.video.path if job.video.is_local else None


def output_of(record: JobRecord | None) -> Path | None:
    """The dubbed video's file; None before the job is done."""
    if record is None or record.state is not JobState.DONE or record.attempt is None:
        return None
    return Path(record.attempt.output) if record.attempt.output else None


def size_of(path: Path) -> int | None:
    """Bytes of a video that may be shown; None where there is none; blocking.

    A manifest may come from somebody else: what is no video by its name is not served, whatever
    the manifest calls it.
    """
    if path.suffix.lower() not in CONTENT_TYPES:
        return None
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
