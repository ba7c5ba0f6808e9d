"""The ledger's arrows: each legal one, no other, and what is recorded with it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
from test_request import a_job

from batchsync.errors import LedgerError, StaleTransition
from batchsync.ledger import Cost, Draft, FileFacts, RunRecord, SqliteLedger, Transition
from batchsync.model import LEGAL_TRANSITIONS, Asset, Failure, JobState, Media, Stage

S = JobState
ARROWS = list(product(JobState, JobState))
DRAFT = Draft(1, "bs-abc", "https://api.example.com", {"video": "sha256:1"}, 450)
FAILURE = Failure(Stage.SUBMIT, "rejected", "no")
# How a new job comes to each state.
WAYS: dict[JobState, tuple[JobState, ...]] = {
    S.PENDING: (),
    S.UPLOADED: (S.UPLOADED,),
    S.SUBMITTING: (S.UPLOADED, S.SUBMITTING),
    S.SUBMITTED: (S.UPLOADED, S.SUBMITTING, S.SUBMITTED),
    S.RENDERED: (S.UPLOADED, S.SUBMITTING, S.SUBMITTED, S.RENDERED),
    S.DONE: (S.UPLOADED, S.SUBMITTING, S.SUBMITTED, S.RENDERED, S.DONE),
    S.FAILED: (S.FAILED,),
    S.CANCELED: (S.UPLOADED, S.SUBMITTING, S.SUBMITTED, S.CANCELED),
    S.UNCONFIRMED: (S.UPLOADED, S.SUBMITTING, S.UNCONFIRMED),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batch.db"


@pytest.fixture
async def ledger(path: Path) -> AsyncIterator[SqliteLedger]:
    ticks = count(1000)
    opened = SqliteLedger.open(path, "run-1", now=lambda: float(next(ticks)))
    await opened.enroll([a_job("a"), a_job("b", position=1)])
    yield opened
    await opened.close()


def query(path: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql, values).fetchall()


async def walk(ledger: SqliteLedger, job: str, target: JobState) -> None:
    state = S.PENDING
    attempt = 0
    for step in WAYS[target]:
        draft = replace(DRAFT, number=1) if step is S.SUBMITTING else None
        attempt = 1 if step is S.SUBMITTING else attempt
        changes = {"project_id": f"p-{job}"} if step is S.SUBMITTED else {}
        await ledger.move(Transition(job, state, step, attempt, draft=draft, changes=changes))
        state = step


@pytest.mark.parametrize(("source", "target"), ARROWS)
async def test_an_arrow_is_recorded_if_it_is_legal_and_refused_if_not(
    ledger: SqliteLedger, path: Path, source: JobState, target: JobState
) -> None:
    await walk(ledger, "a", source)
    before = query(path, "SELECT count(*) FROM history")[0][0]
    attempt = (await ledger.records())["a"].attempt_number
    draft = replace(DRAFT, number=attempt + 1) if target is S.SUBMITTING else None
    move = Transition("a", source, target, attempt + (draft is not None), draft=draft)

    if target in LEGAL_TRANSITIONS[source]:
        await ledger.move(move)
        assert (await ledger.records())["a"].state is target
        rows = query(path, "SELECT source, target, run, job FROM history ORDER BY seq")
        assert rows[before:] == [(source.value, target.value, "run-1", "a")]
    else:
        with pytest.raises(StaleTransition):
            await ledger.move(move)
        assert (await ledger.records())["a"].state is source
        assert query(path, "SELECT count(*) FROM history")[0][0] == before


@pytest.mark.parametrize("stands", [state for state in JobState if state is not S.PENDING])
async def test_a_job_that_stands_elsewhere_is_not_moved(
    ledger: SqliteLedger, stands: JobState
) -> None:
    await walk(ledger, "a", stands)
    with pytest.raises(StaleTransition, match=f"job a is {stands.value}, not pending"):
        await ledger.move(Transition("a", S.PENDING, S.UPLOADED, 0))

    assert (await ledger.records())["a"].state is stands


async def test_of_two_that_move_a_job_at_once_one_wins(ledger: SqliteLedger, path: Path) -> None:
    move = Transition("a", S.PENDING, S.UPLOADED, 0)
    results = await asyncio.gather(*(ledger.move(move) for _ in range(8)), return_exceptions=True)

    assert sum(result is None for result in results) == 1
    assert sum(isinstance(result, StaleTransition) for result in results) == 7
    assert query(path, "SELECT count(*) FROM history") == [(1,)]


async def test_an_unknown_job_is_not_moved(ledger: SqliteLedger) -> None:
    with pytest.raises(StaleTransition, match="unknown to the ledger"):
        await ledger.move(Transition("nobody", S.PENDING, S.UPLOADED, 0))


async def test_the_draft_of_an_attempt_is_on_disk_with_the_arrow(
    ledger: SqliteLedger, path: Path
) -> None:
    await walk(ledger, "a", S.SUBMITTING)

    record = (await ledger.records())["a"]
    assert record.attempt is not None
    assert record.attempt_number == record.attempt.number == 1
    assert record.attempt.tag == "bs-abc"
    assert record.attempt.parameters == {"video": "sha256:1"}
    assert record.attempt.project_id is None
    assert query(path, "SELECT job, number, credits_estimated, run FROM attempts") == [
        ("a", 1, 450, "run-1")
    ]


async def test_an_attempt_that_made_no_job_is_taken_away_again(
    ledger: SqliteLedger, path: Path
) -> None:
    await walk(ledger, "a", S.SUBMITTING)
    await ledger.move(
        Transition("a", S.SUBMITTING, S.UPLOADED, 0, drop_attempt=True, failure=FAILURE)
    )

    record = (await ledger.records())["a"]
    assert (record.state, record.attempt_number, record.attempt) == (S.UPLOADED, 0, None)
    assert record.failure == FAILURE
    assert query(path, "SELECT count(*) FROM attempts") == [(0,)]


async def test_an_attempt_with_a_project_is_never_taken_away(
    ledger: SqliteLedger, path: Path
) -> None:
    await walk(ledger, "a", S.RENDERED)
    await ledger.move(Transition("a", S.RENDERED, S.FAILED, 0, drop_attempt=True))

    assert query(path, "SELECT project_id FROM attempts") == [("p-a",)]


async def test_a_project_belongs_to_one_attempt(ledger: SqliteLedger) -> None:
    for job in ("a", "b"):
        await walk(ledger, job, S.SUBMITTING)
    await ledger.move(Transition("a", S.SUBMITTING, S.SUBMITTED, 1, changes={"project_id": "same"}))
    with pytest.raises(LedgerError):
        await ledger.move(
            Transition("b", S.SUBMITTING, S.SUBMITTED, 1, changes={"project_id": "same"})
        )

    records = await ledger.records()
    assert records["b"].state is S.SUBMITTING
    assert records["b"].attempt is not None
    assert records["b"].attempt.project_id is None


async def test_an_unknown_column_changes_nothing(ledger: SqliteLedger, path: Path) -> None:
    await walk(ledger, "a", S.SUBMITTED)
    with pytest.raises(LedgerError):
        await ledger.move(Transition("a", S.SUBMITTED, S.RENDERED, 1, changes={"tag = 'x' --": 1}))

    assert (await ledger.records())["a"].state is S.SUBMITTED
    assert query(path, "SELECT tag FROM attempts") == [("bs-abc",)]


async def test_a_failure_is_kept_and_cleared_by_the_next_arrow(ledger: SqliteLedger) -> None:
    await ledger.move(Transition("a", S.PENDING, S.FAILED, 0, failure=FAILURE))
    assert (await ledger.records())["a"].failure == FAILURE
    await ledger.move(Transition("a", S.FAILED, S.PENDING, 0))

    assert (await ledger.records())["a"].failure is None


async def test_an_error_is_remembered_without_a_move(ledger: SqliteLedger, path: Path) -> None:
    await walk(ledger, "a", S.SUBMITTED)
    before = query(path, "SELECT count(*) FROM history")
    await ledger.remember_error("a", FAILURE)

    record = (await ledger.records())["a"]
    assert (record.state, record.failure) == (S.SUBMITTED, FAILURE)
    assert query(path, "SELECT count(*) FROM history") == before


async def test_costs_are_summed_over_all_attempts(ledger: SqliteLedger) -> None:
    await walk(ledger, "a", S.SUBMITTED)
    await ledger.move(
        Transition(
            "a",
            S.SUBMITTED,
            S.FAILED,
            1,
            changes={"credits_charged": 100, "credits_refunded": 350},
        )
    )
    await ledger.move(Transition("a", S.FAILED, S.PENDING, 1))
    await ledger.move(Transition("a", S.PENDING, S.UPLOADED, 1))
    await ledger.move(Transition("a", S.UPLOADED, S.SUBMITTING, 2, draft=replace(DRAFT, number=2)))

    assert await ledger.costs() == {"a": Cost(charged=100, refunded=350, estimated=900, held=550)}


@pytest.mark.parametrize(
    "changes",
    [{"credits_charged": 10**30}, {"fps": "\ud800"}, {"output": object()}],
    ids=["a number too large", "half a character", "no column's value"],
)
async def test_a_value_that_sqlite_does_not_take_is_an_error_of_that_call_alone(
    ledger: SqliteLedger, changes: dict[str, Any]
) -> None:
    """The service's figures and words come in here: they must not stop the ledger."""
    await walk(ledger, "a", S.SUBMITTED)
    async with asyncio.timeout(2):
        with pytest.raises(LedgerError):
            await ledger.move(Transition("a", S.SUBMITTED, S.RENDERED, 1, changes=changes))
        await ledger.move(Transition("b", S.PENDING, S.UPLOADED, 0))

        assert (await ledger.records())["a"].state is S.SUBMITTED


async def test_an_odd_message_is_written_down_or_refused_but_never_hangs(
    ledger: SqliteLedger,
) -> None:
    odd = Failure(Stage.POLL, "odd", "half a pair: \ud83d")
    async with asyncio.timeout(2):
        with suppress(LedgerError):
            await ledger.remember_error("a", odd)
        await ledger.move(Transition("b", S.PENDING, S.UPLOADED, 0))


async def test_enrolling_the_same_jobs_again_writes_nothing(
    ledger: SqliteLedger, path: Path
) -> None:
    before = query(path, "SELECT * FROM jobs")
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size
    for _ in range(3):
        await ledger.enroll([a_job("a"), a_job("b", position=1)])

    assert query(path, "SELECT * FROM jobs") == before
    assert wal.stat().st_size == size


async def test_jobs_come_and_go_with_the_manifest_and_keep_their_state(
    ledger: SqliteLedger,
) -> None:
    await walk(ledger, "a", S.SUBMITTED)
    await ledger.enroll([a_job("c"), a_job("b", position=1)])
    records = await ledger.records()
    assert [record.in_manifest for record in records.values()].count(False) == 1
    assert (records["a"].in_manifest, records["a"].state) == (False, S.SUBMITTED)
    await ledger.enroll([a_job("b"), a_job("a", position=1)])

    records = await ledger.records()
    assert {name: record.in_manifest for name, record in records.items()} == {
        "a": True,
        "b": True,
        "c": False,
    }
    assert (records["b"].position, records["a"].position) == (0, 1)


async def test_assets_are_told_apart_by_account_server_role_and_age(ledger: SqliteLedger) -> None:
    asset = Asset("ab" * 32, "audio", "webm", 5, "api-assets/1", 100.0)
    await ledger.keep_asset("u", "me", asset)
    await ledger.keep_asset("u", "me", replace(asset, role="video", file_path="api-assets/2"))
    await ledger.keep_asset("u", "me", replace(asset, file_path="api-assets/3", uploaded_at=200.0))

    paths = sorted(found.file_path for found in await ledger.assets("u", "me", 0))
    assert paths == ["api-assets/2", "api-assets/3"]
    assert [found.file_path for found in await ledger.assets("u", "me", 150)] == ["api-assets/3"]
    assert await ledger.assets("u", "you", 0) == await ledger.assets("v", "me", 0) == []


async def test_files_are_remembered_with_what_was_found(ledger: SqliteLedger) -> None:
    facts = [
        FileFacts("/a", 5, 7, "ab", Media(1.5, 25.0, 4, 3, True, False)),
        FileFacts("/b", 5, 2**62),
    ]
    await ledger.keep_files(facts)

    assert await ledger.files() == {fact.path: fact for fact in facts}


async def test_a_run_is_remembered_with_its_end(ledger: SqliteLedger, path: Path) -> None:
    run = RunRecord(
        id="r",
        started_at=5.0,
        ended_at=None,
        host="host",
        pid=7,
        manifest="/batch.yaml",
        base_url="https://u",
        version="0.1",
        exit_code=None,
    )
    assert await ledger.latest_run() is None
    await ledger.begin_run(run)
    assert await ledger.latest_run() == run
    await ledger.end_run("r", 9.0, 3, '{"a": 1}')

    assert await ledger.latest_run() == replace(run, ended_at=9.0, exit_code=3)
    assert query(path, "SELECT summary FROM runs") == [('{"a": 1}',)]


async def test_render_times_come_newest_first(ledger: SqliteLedger) -> None:
    for job, (begin, end) in {"a": (10.0, 15.0), "b": (10.0, 30.0)}.items():
        await walk(ledger, job, S.SUBMITTED)
        changes = {"submitted_at": begin, "rendered_at": end}
        await ledger.move(Transition(job, S.SUBMITTED, S.RENDERED, 1, changes=changes))

    times = await ledger.render_times(10)
    assert [(time.submitted_at, time.rendered_at) for time in times] == [(10.0, 30.0), (10.0, 15.0)]
    assert await ledger.render_times(1) == times[:1]


async def test_calls_that_come_together_share_a_commit(ledger: SqliteLedger) -> None:
    commits = 0

    def traced(sql: str) -> None:
        nonlocal commits
        commits += sql == "COMMIT"

    await ledger.enroll([a_job(f"j{number}", position=number) for number in range(200)])
    ledger._writer._connection.set_trace_callback(traced)
    await asyncio.gather(
        *(ledger.move(Transition(f"j{number}", S.PENDING, S.UPLOADED, 0)) for number in range(200))
    )

    assert 1 <= commits < 100
    assert {record.state for record in (await ledger.records()).values() if record.in_manifest} == {
        S.UPLOADED
    }


async def test_one_refused_call_takes_nothing_of_its_neighbours(ledger: SqliteLedger) -> None:
    await ledger.enroll([a_job(f"j{number}", position=number) for number in range(30)])
    good = [Transition(f"j{number}", S.PENDING, S.UPLOADED, 0) for number in range(0, 30, 3)]
    bad = [Transition(f"j{number}", S.DONE, S.PENDING, 0) for number in range(30) if number % 3]
    moves = [ledger.move(move) for move in sorted(good + bad, key=lambda move: int(move.job[1:]))]
    results = await asyncio.gather(*moves, return_exceptions=True)

    records = await ledger.records()
    for number, result in enumerate(results):
        refused = isinstance(result, StaleTransition)
        assert refused == bool(number % 3)
        assert (records[f"j{number}"].state is S.UPLOADED) == (not refused)
