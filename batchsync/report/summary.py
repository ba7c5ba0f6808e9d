"""What a run came to: the JSON object of `--json`, and the same for people."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from batchsync.api.protocol import Traffic
from batchsync.errors import ExitCode
from batchsync.ledger.protocol import Cost, JobRecord
from batchsync.model import JobState
from batchsync.plan import Step

_EXIT_NAMES: Mapping[ExitCode, str] = {
    ExitCode.OK: "ok",
    ExitCode.INTERNAL: "internal_error",
    ExitCode.USAGE: "usage",
    ExitCode.SOME_FAILED: "some_failed",
    ExitCode.DENIED: "denied",
    ExitCode.OUT_OF_CREDITS: "out_of_credits",
    ExitCode.INCOMPLETE: "incomplete",
    ExitCode.UNCONFIRMED: "unconfirmed",
    ExitCode.NOTHING_TO_DO: "nothing_to_do",
    ExitCode.LOCKED: "locked",
    ExitCode.INTERRUPTED: "interrupted",
    ExitCode.TERMINATED: "terminated",
}

# How a state counts.
_COUNTED_AS: Mapping[JobState, str] = {
    JobState.PENDING: "pending",
    JobState.UPLOADED: "pending",
    JobState.SUBMITTING: "in_flight",
    JobState.SUBMITTED: "in_flight",
    JobState.RENDERED: "in_flight",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELED: "canceled",
    JobState.UNCONFIRMED: "unconfirmed",
}


@dataclass(frozen=True, slots=True)
class JobCounts:
    """Jobs by where they stand; `skipped` were done before this run, `done` by it."""

    total: int
    done: int
    skipped: int
    failed: int
    canceled: int
    unconfirmed: int
    pending: int
    in_flight: int


@dataclass(frozen=True, slots=True)
class Credits:
    """Over all runs of the batch; `balance` is the account's, None where it was not asked."""

    estimated: int
    charged: int
    refunded: int
    balance: int | None


@dataclass(frozen=True, slots=True)
class Bytes:
    """Moved by this run; `upload_saved` did not have to be sent again."""

    uploaded: int
    upload_saved: int
    downloaded: int


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Jobs that stopped for the same reason; `message` is one of theirs."""

    code: str
    count: int
    jobs: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to."""

    batch: str
    run_id: str
    exit: ExitCode
    jobs: JobCounts
    credits: Credits
    bytes: Bytes
    requests: Mapping[str, int]
    elapsed_seconds: float
    results: str
    failures: tuple[FailureGroup, ...]
    next: str | None
    reasons: tuple[str, ...] = ()
    nothing_to_do: bool = False

    def to_json(self) -> dict[str, Any]:
        """The object of `--json` (DESIGN: "JSON summary")."""
        return {
            "batch": self.batch,
            "run_id": self.run_id,
            "exit": {"code": int(self.exit), "name": _EXIT_NAMES[self.exit]},
            "jobs": asdict(self.jobs),
            "credits": asdict(self.credits),
            "bytes": asdict(self.bytes),
            "requests": dict(self.requests),
            "elapsed_seconds": round(self.elapsed_seconds, 3),
            "results": self.results,
            "failures": [
                {"code": group.code, "count": group.count, "jobs": list(group.jobs)}
                for group in self.failures
            ],
            "next": self.next,
        }


def count_jobs(steps: Sequence[Step], records: Mapping[str, JobRecord]) -> JobCounts:
    """Jobs by where they stand now."""
    skipped = sum(_was_done_before(step, records.get(step.job.id)) for step in steps)
    states = (
        record.state if (record := records.get(step.job.id)) else JobState.PENDING for step in steps
    )
    counts = Counter(_COUNTED_AS[state] for state in states)
    return JobCounts(
        total=len(steps),
        done=counts["done"] - skipped,
        skipped=skipped,
        failed=counts["failed"],
        canceled=counts["canceled"],
        unconfirmed=counts["unconfirmed"],
        pending=counts["pending"],
        in_flight=counts["in_flight"],
    )


def _was_done_before(step: Step, record: JobRecord | None) -> bool:
    """Whether a job that is done now was so before this run, and was not made or fetched anew."""
    before = step.record
    if record is None or before is None:
        return False
    both_done = before.state is record.state is JobState.DONE
    return both_done and record.attempt == before.attempt


def count_credits(
    steps: Sequence[Step],
    records: Mapping[str, JobRecord],
    costs: Mapping[str, Cost],
    balance: int | None,
) -> Credits:
    """Estimates, charges and refunds of these jobs over all their attempts."""
    estimated = charged = refunded = 0
    for step in steps:
        cost = costs.get(step.job.id)
        record = records.get(step.job.id)
        if cost is not None:
            estimated += cost.estimated
            charged += cost.charged
            refunded += cost.refunded
        if record is None or record.state in (JobState.PENDING, JobState.UPLOADED):
            # Not bought yet: our own estimate stands in.
            estimated += step.credits_estimated
    return Credits(estimated, charged, refunded, balance)


def group_failures(
    steps: Iterable[Step], records: Mapping[str, JobRecord]
) -> tuple[FailureGroup, ...]:
    """What stopped which jobs, the most frequent first."""
    groups: dict[str, list[JobRecord]] = {}
    for step in steps:
        record = records.get(step.job.id)
        if record is not None and record.failure is not None:
            groups.setdefault(record.failure.code, []).append(record)
    return tuple(
        FailureGroup(
            code, len(group), tuple(record.id for record in group), group[0].failure.message
        )
        for code, group in sorted(groups.items(), key=lambda item: -len(item[1]))
        if group[0].failure is not None
    )


def requests_of(traffic: Traffic) -> dict[str, int]:
    """The four counters of the summary."""
    return {name: traffic.requests[name] for name in ("create", "status", "upload", "download")}


def exit_of(counts: JobCounts, codes: set[ExitCode]) -> set[ExitCode]:
    """What the jobs' states add to the reasons a run had to stop."""
    states = {
        ExitCode.UNCONFIRMED: counts.unconfirmed,
        ExitCode.INCOMPLETE: counts.pending + counts.in_flight,
        ExitCode.SOME_FAILED: counts.failed + counts.canceled,
    }
    return codes | {code for code, count in states.items() if count}
