"""The headline of a report: what was done, what failed and why, what it cost; pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from batchsync.model import ENDED, Failure, JobState, Stage
from batchsync.plan import Step
from batchsync.report.html.clock import Clock
from batchsync.report.html.reading import Bill, Record
from batchsync.report.html.timeline import Curve, cumulated
from batchsync.report.html.wording import public
from batchsync.report.spend import NO_TAG, Figures

# States in the order in which they are told, with the word that the report has for each.
WORDS: Mapping[JobState, str] = {
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELED: "canceled",
    JobState.UNCONFIRMED: "unconfirmed",
    JobState.SUBMITTING: "in flight",
    JobState.SUBMITTED: "in flight",
    JobState.RENDERED: "in flight",
    JobState.PENDING: "pending",
    JobState.UPLOADED: "pending",
}
STATUSES = tuple(dict.fromkeys(WORDS.values()))

# What a job was at when it stopped.
_AT: Mapping[Stage, str] = {
    Stage.PREFLIGHT: "in the check before the run",
    Stage.UPLOAD: "while uploading",
    Stage.SUBMIT: "while submitting",
    Stage.POLL: "while rendering",
    Stage.DOWNLOAD: "while downloading",
}

# Of one kind of failure, what is shown before the table has to be asked.
_MOST_MESSAGES = 3
_MOST_JOBS = 12
# Values of one tag in the page; a tag that differs from job to job says nothing in a table.
_MOST_VALUES = 40


@dataclass(frozen=True, slots=True)
class Trouble:
    """Jobs that stopped, or were held up, for one reason.

    Attributes:
        at: what they were at.
        held_up: whether they go on with the next run by themselves.
        messages: the most frequent ones, each with how many jobs it is of.
        jobs: ids of the first few.
    """

    code: str
    at: str
    held_up: bool
    count: int
    messages: tuple[tuple[str, int], ...]
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Spending:
    """Figures by one thing: the mode, or a tag.

    Attributes:
        left_out: values that are not shown, as there are too many.
    """

    by: str
    rows: tuple[tuple[str, Figures], ...]
    left_out: int = 0

    @property
    def most(self) -> int:
        """The largest sum of any value, at least 1: what bars are measured against."""
        return max([1, *(max(each.estimated, each.charged) for _, each in self.rows)])


def status_of(record: Record, job: str) -> str:
    """Where a job stands, in the report's words."""
    known = record.standing.records.get(job)
    return WORDS[known.state if known else JobState.PENDING]


def counts(steps: Iterable[Step], record: Record) -> dict[str, int]:
    """Jobs by status, in the order in which they are told; none is left out."""
    found = Counter(status_of(record, step.job.id) for step in steps)
    return {status: found[status] for status in STATUSES}


def totals(bills: Iterable[Bill]) -> Figures:
    """These create calls together."""
    all_ = list(bills)
    settled = [bill for bill in all_ if bill.charged is not None]
    estimated = sum(bill.estimated for bill in all_)
    settled_estimate = sum(bill.estimated for bill in settled)
    return Figures(
        attempts=len(all_),
        estimated=estimated,
        charged=sum(bill.charged or 0 for bill in settled),
        refunded=sum(bill.refunded for bill in all_),
        open=estimated - settled_estimate,
        settled_estimate=settled_estimate,
    )


def to_come(steps: Iterable[Step], record: Record) -> int:
    """Our estimate, in credits, of the jobs that have still to be bought."""
    return sum(
        step.credits_estimated for step in steps if status_of(record, step.job.id) == "pending"
    )


def spending(bills: Sequence[Bill], tags: Mapping[str, Mapping[str, str]]) -> list[Spending]:
    """What was spent by mode, then by each tag in the order of the manifest."""
    names = list(dict.fromkeys(name for each in tags.values() for name in each))
    found = [_grouped("mode", ((bill.mode, bill) for bill in bills))]
    for name in names:
        pairs = ((tags.get(bill.job, {}).get(name, NO_TAG), bill) for bill in bills)
        found.append(_grouped(name, pairs))
    return [each for each in found if each.rows]


def _grouped(by: str, pairs: Iterable[tuple[str, Bill]]) -> Spending:
    groups: dict[str, list[Bill]] = {}
    for value, bill in pairs:
        groups.setdefault(value, []).append(bill)
    rows = [(public(value), totals(bills)) for value, bills in groups.items()]
    rows.sort(key=lambda row: (-row[1].charged - row[1].open, row[0]))
    return Spending(public(by), tuple(rows[:_MOST_VALUES]), max(0, len(rows) - _MOST_VALUES))


def troubles(steps: Iterable[Step], record: Record) -> list[Trouble]:
    """Why jobs stopped: those that need somebody first, the most frequent first."""
    groups: dict[tuple[str, str, bool], list[tuple[str, Failure]]] = {}
    for step in steps:
        known = record.standing.records.get(step.job.id)
        if known is None or known.failure is None:
            continue
        key = (known.failure.code, _AT[known.failure.stage], known.state not in ENDED)
        groups.setdefault(key, []).append((known.id, known.failure))
    found = [_trouble(*key, jobs) for key, jobs in groups.items()]
    return sorted(found, key=lambda trouble: (trouble.held_up, -trouble.count, trouble.code))


def _trouble(code: str, at: str, held_up: bool, jobs: list[tuple[str, Failure]]) -> Trouble:
    messages = Counter(public(failure.message) for _, failure in jobs)
    first = tuple(job for job, _ in islice(jobs, _MOST_JOBS))
    return Trouble(code, at, held_up, len(jobs), tuple(messages.most_common(_MOST_MESSAGES)), first)


def reasons(steps: Iterable[Step], record: Record) -> list[tuple[str, int]]:
    """Codes of the jobs that failed, each with how many they are, the most frequent first."""
    known = (record.standing.records.get(step.job.id) for step in steps)
    return Counter(
        each.failure.code
        for each in known
        if each and each.failure and each.state is JobState.FAILED
    ).most_common()


def estimates_over_time(bills: Iterable[Bill], clock: Clock) -> Curve:
    """Credits charged at first, summed up along the axis."""
    return cumulated(sorted((clock.at(bill.submitting_at), bill.estimated) for bill in bills))


def charges_over_time(bills: Iterable[Bill], clock: Clock) -> Curve:
    """Credits settled, summed up along the axis."""
    settled = ((bill.settled_at, bill.charged) for bill in bills if bill.charged is not None)
    return cumulated(sorted((clock.at(at), charged) for at, charged in settled))
