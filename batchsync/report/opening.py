"""Where a batch stands, read from its ledger: what views begin with."""

from collections import Counter
from collections.abc import Iterable

from batchsync.ledger.protocol import JobRecord
from batchsync.model import ENDED, JobState
from batchsync.report.scene import Troubles
from batchsync.report.tally import Opening
from batchsync.standing import Standing

_UNSETTLED = (JobState.SUBMITTING, JobState.SUBMITTED)


def opening_of(batch: str, jobs: Iterable[str], standing: Standing, cap: int | None) -> Opening:
    """The standing of these jobs; the credits are those of the whole batch."""
    states: Counter[JobState] = Counter()
    troubles = Troubles()
    submitted: dict[str, float] = {}
    uploaded = set()
    for job in jobs:
        record = standing.records.get(job)
        state = record.state if record else JobState.PENDING
        states[state] += 1
        if record is None:
            continue
        if record.failure is not None and state in ENDED:
            troubles.add(record.failure.code, job, record.failure.message)
        if state is JobState.UPLOADED:
            uploaded.add(job)
        elif state is JobState.SUBMITTED and record.attempt:
            submitted[job] = record.attempt.submitted_at or record.updated_at
    reserved = {
        record.id: record.attempt.credits_estimated
        for record in standing.records.values()
        if record.attempt and record.state in _UNSETTLED
    }
    held = sum(cost.held for cost in standing.costs.values())
    return Opening(
        batch=batch,
        states=states,
        uploaded=frozenset(uploaded),
        submitted=submitted,
        spent=held - sum(reserved.values()),
        reserved=reserved,
        cap=cap,
        renders=tuple(render_times(standing)),
        troubles=troubles.all(),
    )


def render_times(standing: Standing) -> list[float]:
    """Seconds that renders took, of those that the latest run saw both begin and end."""
    run = standing.latest_run
    if run is None:
        return []
    attempts = (record.attempt for record in standing.records.values())
    spans = sorted(
        (each.rendered_at, each.submitted_at)
        for each in attempts
        if each and each.run == run.id and each.rendered_at and each.submitted_at
    )
    return [end - begin for end, begin in spans]


def since(record: JobRecord) -> float:
    """When a job came where it is, in unix seconds."""
    attempt = record.attempt
    if attempt and record.state is JobState.SUBMITTED and attempt.submitted_at:
        return attempt.submitted_at
    return record.updated_at
