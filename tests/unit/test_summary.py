"""What a run came to: counts, credits, the exit code."""

import json
from typing import Any

import pytest
from test_plan import a_record
from test_request import a_job

from batchsync.api.protocol import Traffic
from batchsync.engine.stop import most_severe
from batchsync.errors import ExitCode
from batchsync.ledger.protocol import Cost
from batchsync.model import Failure, JobState, Stage
from batchsync.plan import Action, Step
from batchsync.report.summary import (
    Bytes,
    Credits,
    JobCounts,
    Summary,
    count_credits,
    count_jobs,
    exit_of,
    group_failures,
    requests_of,
)

S, E = JobState, ExitCode
NONE = dict.fromkeys(
    ("done", "skipped", "failed", "canceled", "unconfirmed", "pending", "in_flight"), 0
)


def counts(**given: int) -> JobCounts:
    return JobCounts(total=sum(given.values()), **(NONE | given))


def a_summary(**changes: Any) -> Summary:
    """A run that went well, unless told otherwise."""
    fields: dict[str, Any] = {
        "batch": "spring",
        "run_id": "r1",
        "exit": E.OK,
        "jobs": counts(done=3),
        "credits": Credits(1350, 1125, 225, 98_875),
        "bytes": Bytes(1_000_000, 2_000_000, 3_000_000),
        "requests": {"create": 3, "status": 9, "upload": 4, "download": 3},
        "elapsed_seconds": 12.34567,
        "results": "/out/results.csv",
        "failures": (),
        "next": None,
    }
    return Summary(**(fields | changes))


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (None, "pending"),
        (S.PENDING, "pending"),
        (S.UPLOADED, "pending"),
        (S.SUBMITTING, "in_flight"),
        (S.SUBMITTED, "in_flight"),
        (S.RENDERED, "in_flight"),
        (S.DONE, "done"),
        (S.FAILED, "failed"),
        (S.CANCELED, "canceled"),
        (S.UNCONFIRMED, "unconfirmed"),
    ],
)
def test_each_state_counts_once(state: JobState | None, name: str) -> None:
    job = a_job()
    records = {} if state is None else {job.id: a_record(job, state)}

    assert count_jobs([Step(job, None, Action.SUBMIT)], records) == counts(**{name: 1})


def test_jobs_done_before_are_told_from_those_done_now() -> None:
    jobs = [a_job(name) for name in "ab"]
    records = {job.id: a_record(job, S.DONE) for job in jobs}
    steps = [Step(jobs[0], records["a"], Action.SKIP), Step(jobs[1], None, Action.SUBMIT)]

    assert count_jobs(steps, records) == counts(done=1, skipped=1)


@pytest.mark.parametrize(
    ("jobs", "reasons", "code"),
    [
        (counts(done=2, skipped=1), set(), E.OK),
        (counts(done=2, failed=1), set(), E.SOME_FAILED),
        (counts(canceled=1), set(), E.SOME_FAILED),
        (counts(failed=1, pending=1), set(), E.INCOMPLETE),
        (counts(in_flight=1), set(), E.INCOMPLETE),
        (counts(failed=1, pending=1, unconfirmed=1), set(), E.UNCONFIRMED),
        (counts(unconfirmed=1), {E.OUT_OF_CREDITS}, E.OUT_OF_CREDITS),
        (counts(pending=1), {E.OUT_OF_CREDITS, E.DENIED}, E.DENIED),
        (counts(pending=1), {E.DENIED, E.INTERNAL}, E.INTERNAL),
        (counts(unconfirmed=1), {E.INTERNAL, E.INTERRUPTED}, E.INTERRUPTED),
        (counts(done=1), {E.TERMINATED}, E.TERMINATED),
    ],
)
def test_the_most_severe_reason_is_the_exit_code(
    jobs: JobCounts, reasons: set[ExitCode], code: ExitCode
) -> None:
    assert most_severe(exit_of(jobs, reasons)) is code


def test_credits_are_of_all_attempts_and_of_what_is_still_to_be_bought() -> None:
    jobs = [a_job(name) for name in "abc"]
    steps = [Step(job, None, Action.SUBMIT, credits_estimated=450) for job in jobs]
    records = {"a": a_record(jobs[0], S.DONE), "b": a_record(jobs[1], S.PENDING)}
    costs = {"a": Cost(charged=800, refunded=100, estimated=900, held=800)}

    assert count_credits(steps, records, costs, 7) == Credits(1800, 800, 100, 7)


def test_failures_are_grouped_by_code_the_most_frequent_first() -> None:
    codes = {"a": "x", "b": "y", "c": "y", "d": None}
    records = {
        name: a_record(
            a_job(name), S.FAILED, Failure(Stage.POLL, code, f"why {name}") if code else None
        )
        for name, code in codes.items()
    }
    steps = [Step(a_job(name), None, Action.STAY) for name in codes]
    first, second = group_failures(steps, records)

    assert (first.code, first.count, first.jobs, first.message) == ("y", 2, ("b", "c"), "why b")
    assert (second.code, second.jobs) == ("x", ("a",))


def test_four_counters_are_told() -> None:
    assert requests_of(Traffic()) == {"create": 0, "status": 0, "upload": 0, "download": 0}


def test_the_json_is_the_designs() -> None:
    said = json.loads(json.dumps(a_summary(exit=E.SOME_FAILED).to_json()))

    assert " ".join(said) == (
        "batch run_id exit jobs credits bytes requests elapsed_seconds results failures next"
    )
    assert said["exit"] == {"code": 3, "name": "some_failed"}
    assert set(said["jobs"]) == {"total", *NONE}
    assert set(said["credits"]) == {"estimated", "charged", "refunded", "balance"}
    assert set(said["bytes"]) == {"uploaded", "upload_saved", "downloaded"}
    assert said["elapsed_seconds"] == 12.346


@pytest.mark.parametrize("code", list(ExitCode))
def test_every_exit_code_has_a_name(code: ExitCode) -> None:
    assert a_summary(exit=code).to_json()["exit"]["name"]
