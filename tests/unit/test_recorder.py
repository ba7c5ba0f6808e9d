"""One method an arrow: what the ledger and the observers are told."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from test_request import a_job

from batchsync.api.wire import Project
from batchsync.engine.case import Case, from_record
from batchsync.engine.recorder import Recorder
from batchsync.errors import LedgerError
from batchsync.events import Event, JobMoved, JobStalled
from batchsync.ledger import Draft, SqliteLedger, Transition
from batchsync.model import Failure, JobState, Stage
from batchsync.stages.download import Delivered
from batchsync.stages.poll import Finished

S = JobState
WHY = Failure(Stage.SUBMIT, "x", "why")


class Desk:
    """A recorder on a real ledger, and what it said."""

    def __init__(self, ledger: SqliteLedger) -> None:
        self.ledger = ledger
        self.said: list[Event] = []
        self.recorder = Recorder(ledger, self.said.append, lambda: 100.0)

    async def submitted(self, credits: int | None = 440) -> Case:
        case = await self.recorder.uploaded(Case(a_job("a"), S.PENDING, estimate=450))
        draft = Draft(1, "bs-1", "https://api.example.com", {"v": 1}, 450)
        case = await self.recorder.submitting(case, draft)
        return await self.recorder.submitted(case, "p1", credits)

    async def attempt(self) -> Any:
        return (await self.ledger.records())["a"].attempt

    async def state(self) -> JobState:
        return (await self.ledger.records())["a"].state

    async def held(self) -> int:
        return (await self.ledger.costs())["a"].held


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    ledger = SqliteLedger.open(tmp_path / "x.db", "run", lambda: 100.0)
    await ledger.enroll([a_job("a")])
    yield Desk(ledger)
    await ledger.close()


def finished(credits: int | None) -> Finished:
    return Finished(
        Project.model_validate(
            {
                "id": "p1",
                "status": "complete",
                "credits_charged": credits,
                "fps": 25,
                "width": 64,
                "height": 36,
                "downloads": [{"url": "https://s/o.mp4"}],
            }
        )
    )


async def test_a_job_that_goes_well_leaves_all_its_figures(desk: Desk) -> None:
    case = await desk.recorder.rendered(await desk.submitted(), finished(375))
    await desk.recorder.done(case, Delivered(Path("/out/a.mp4"), 5, "ab"))

    attempt = await desk.attempt()
    assert (attempt.credits_estimated, attempt.credits_charged) == (440, 375)
    assert attempt.credits_refunded == 65
    assert (attempt.output, attempt.output_bytes, attempt.fps) == ("/out/a.mp4", 5, 25.0)
    targets = [event.target for event in desk.said if isinstance(event, JobMoved)]
    assert targets == [S.UPLOADED, S.SUBMITTING, S.SUBMITTED, S.RENDERED, S.DONE]
    assert case.url == "https://s/o.mp4"


async def test_an_estimate_that_the_service_does_not_give_is_ours(desk: Desk) -> None:
    case = await desk.submitted(None)
    assert case.estimate == 450
    await desk.recorder.rendered(case, finished(None))

    assert (await desk.attempt()).credits_charged == 450


async def test_a_broken_render_costs_nothing(desk: Desk) -> None:
    await desk.recorder.broke(await desk.submitted(), WHY)

    attempt = await desk.attempt()
    assert (attempt.credits_charged, attempt.credits_refunded) == (0, 440)
    assert await desk.state() is S.FAILED


@pytest.mark.parametrize(("credits", "charged"), [(None, 440), (0, 0), (100, 100)])
async def test_a_canceled_render_costs_what_the_service_says(
    desk: Desk, credits: int | None, charged: int
) -> None:
    await desk.recorder.canceled(await desk.submitted(), credits)

    assert (await desk.attempt()).credits_charged == charged
    assert await desk.state() is S.CANCELED


async def test_a_call_that_made_no_job_leaves_no_attempt(desk: Desk) -> None:
    origin = await desk.recorder.uploaded(Case(a_job("a"), S.PENDING, estimate=450))
    case = await desk.recorder.submitting(origin, Draft(1, "t", "u", {}, 450))
    case = await desk.recorder.not_made(case, origin, WHY)

    assert (case.state, case.attempt, await desk.attempt()) == (S.UPLOADED, 0, None)
    assert await desk.ledger.costs() == {}


async def test_a_refused_call_costs_nothing_and_a_lost_one_counts_as_held(desk: Desk) -> None:
    case = await desk.recorder.uploaded(Case(a_job("a"), S.PENDING, estimate=450))
    case = await desk.recorder.submitting(case, Draft(1, "t", "u", {}, 450))
    lost = await desk.recorder.unconfirmed(case, WHY)
    assert await desk.held() == 450
    again = await desk.recorder.uploaded(await desk.recorder.reopened(lost, "a person's word"))
    again = await desk.recorder.submitting(again, Draft(2, "t", "u", {}, 450))
    await desk.recorder.failed(again, WHY)

    assert await desk.held() == 450
    assert (await desk.attempt()).number == 2


async def test_a_reopened_job_forgets_its_project(desk: Desk) -> None:
    case = await desk.recorder.broke(await desk.submitted(), WHY)
    case = await desk.recorder.reopened(case, "again")

    assert (case.state, case.project_id, case.attempt) == (S.PENDING, None, 1)


async def test_a_stalled_job_stays_and_says_why(desk: Desk) -> None:
    case = await desk.submitted()
    await desk.recorder.stalled(case, WHY)

    assert await desk.state() is S.SUBMITTED
    assert desk.said[-1] == JobStalled("a", S.SUBMITTED, WHY)


async def test_a_record_that_fails_is_not_announced_and_names_the_paid_project(desk: Desk) -> None:
    case = await desk.recorder.uploaded(Case(a_job("a"), S.PENDING, estimate=450))
    case = await desk.recorder.submitting(case, Draft(1, "t", "u", {}, 450))
    await desk.ledger.move(Transition("a", S.SUBMITTING, S.UNCONFIRMED, 1))
    desk.said.clear()
    with pytest.raises(LedgerError, match=r"p1.*resolve MANIFEST a --adopt p1"):
        await desk.recorder.submitted(case, "p1", 450)

    assert not [event for event in desk.said if isinstance(event, JobMoved)]


async def test_a_case_is_taken_up_where_the_ledger_has_it(desk: Desk) -> None:
    await desk.submitted()
    record = (await desk.ledger.records())["a"]
    case = from_record(a_job("a"), record, 0)

    assert (case.state, case.attempt, case.project) == (S.SUBMITTED, 1, "p1")
    assert (case.estimate, case.submitted_at, case.base_url) == (
        440,
        100.0,
        "https://api.example.com",
    )


def test_a_case_without_a_project_says_so() -> None:
    with pytest.raises(ValueError, match="no project"):
        _ = from_record(a_job("a"), None, 5).project
