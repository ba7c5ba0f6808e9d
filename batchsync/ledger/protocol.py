"""What the rest of batchsync asks of a ledger, and the frozen records that it hands out."""

import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from batchsync.ledger.reviews import Review
from batchsync.model import Asset, Failure, Job, JobState, Media

# What a transition may change of the latest attempt.
ATTEMPT_COLUMNS = frozenset(
    {
        "project_id",
        "credits_estimated",
        "credits_charged",
        "credits_refunded",
        "submitted_at",
        "rendered_at",
        "downloaded_at",
        "fps",
        "width",
        "height",
        "output",
        "output_bytes",
        "output_sha256",
    }
)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One create call of a job. Times are unix seconds, sizes bytes.

    Attributes:
        parameters: what the render was made from, as `parameters.fingerprint` gives it.
        credits_estimated: the service's figure once it answered, ours before.
        credits_charged: net of refunds; None until the service has settled.
    """

    number: int
    run: str
    tag: str
    base_url: str
    parameters: Mapping[str, Any]
    project_id: str | None
    credits_estimated: int
    credits_charged: int | None
    credits_refunded: int
    submitting_at: float
    submitted_at: float | None
    rendered_at: float | None
    downloaded_at: float | None
    fps: float | None
    width: int | None
    height: int | None
    output: str | None
    output_bytes: int | None
    output_sha256: str | None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """Where a job stands, with its latest attempt.

    Attributes:
        overrides: what `retry --set` said, as `overrides.Overrides` writes it.
    """

    id: str
    position: int
    state: JobState
    attempt_number: int
    in_manifest: bool
    failure: Failure | None
    updated_at: float
    attempt: Attempt | None
    overrides: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cost:
    """What all attempts of a job came to, in credits.

    Attributes:
        charged: settled, net of refunds.
        refunded: given back by the service.
        estimated: sum of the estimates.
        held: settled charges, and estimates where the service has not settled: what a cap counts.
    """

    charged: int
    refunded: int
    estimated: int
    held: int


@dataclass(frozen=True, slots=True)
class Draft:
    """The write-ahead record of an attempt, on disk before the create call leaves."""

    number: int
    tag: str
    base_url: str
    parameters: Mapping[str, Any]
    credits_estimated: int


@dataclass(frozen=True, slots=True)
class Transition:
    """One arrow: a compare-and-set on the job's state, and what changes with it.

    Attributes:
        attempt: number of the job's latest attempt after the arrow.
        draft: the attempt to open, on the way into `submitting`.
        drop_attempt: take the latest attempt away again: it made no job.
        changes: columns of the latest attempt (`ATTEMPT_COLUMNS`).
        failure: why the job stopped; None clears what stood there.
        detail: a few words for the history.
    """

    job: str
    source: JobState
    target: JobState
    attempt: int
    draft: Draft | None = None
    drop_attempt: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is known of a local file, good as long as size and mtime stand."""

    path: str
    size: int
    mtime_ns: int
    sha256: str | None = None
    media: Media | None = None


@dataclass(frozen=True, slots=True)
class RenderTime:
    """A render that was waited for from its submission to its end; times are unix seconds."""

    parameters: Mapping[str, Any]
    submitted_at: float
    rendered_at: float


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One process that worked on the batch."""

    id: str
    started_at: float
    ended_at: float | None
    host: str
    pid: int
    manifest: str
    base_url: str
    version: str
    exit_code: int | None

    @property
    def is_at_work(self) -> bool:
        """Whether its process has not ended, as far as can be told from here."""
        if self.ended_at is not None:
            return False
        # Nobody can tell from another machine; and on Windows, signal 0 is Ctrl-C.
        if self.host != socket.gethostname() or os.name == "nt":
            return True
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True


class Ledger(Protocol):
    """The durable record of a batch. A call that returns has been synced to disk.

    Raises:
        LedgerError: the record could not be written; the run must stop.
        StaleTransition: the job was not in the state that a transition starts from.
    """

    async def records(self) -> dict[str, JobRecord]:
        """Every job known, in manifest order."""
        ...

    async def costs(self) -> dict[str, Cost]:
        """What every job has cost over all its attempts."""
        ...

    async def enroll(self, jobs: Sequence[Job]) -> None:
        """Take the manifest's jobs in; those it no longer names stay, marked."""
        ...

    async def move(self, transition: Transition) -> None:
        """Record one arrow, synced."""
        ...

    async def remember_error(self, job: str, failure: Failure) -> None:
        """Note why a job came no further, without moving it."""
        ...

    async def override(self, job: str, overrides: Mapping[str, Any]) -> None:
        """Remember what `retry --set` said of a job; empty forgets it."""
        ...

    async def owner_of(self, base_url: str, project_id: str) -> tuple[str, int] | None:
        """The job and attempt that a project belongs to, if the ledger knows it."""
        ...

    async def keep_asset(self, base_url: str, account: str, asset: Asset) -> None:
        """Remember an upload."""
        ...

    async def assets(self, base_url: str, account: str, newer_than: float) -> list[Asset]:
        """Uploads that the service still has; `newer_than` in unix seconds."""
        ...

    async def keep_files(self, facts: Iterable[FileFacts]) -> None:
        """Remember hashes and probes."""
        ...

    async def files(self) -> dict[str, FileFacts]:
        """All remembered files by path."""
        ...

    async def begin_run(self, run: RunRecord) -> None:
        """Record that a process starts to work on the batch."""
        ...

    async def end_run(self, run_id: str, ended_at: float, exit_code: int, summary: str) -> None:
        """Record how it ended; `summary` is JSON."""
        ...

    async def latest_run(self) -> RunRecord | None:
        """The run that started last."""
        ...

    async def render_times(self, limit: int) -> list[RenderTime]:
        """When the latest renders were submitted and seen to end, newest first."""
        ...

    async def reviews(self) -> dict[str, Review]:
        """The latest word on each job's output."""
        ...

    async def close(self) -> None:
        """Write what is queued and close the file."""
        ...
