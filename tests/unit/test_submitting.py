"""When a create call is made, and when it is not any more."""

import asyncio
from typing import Any

from batchsync.api.retry import Patience
from batchsync.api.wire import Created
from batchsync.engine.breaker import Breaker
from batchsync.engine.budget import Budget
from batchsync.engine.case import Case
from batchsync.engine.slots import Slots
from batchsync.engine.stop import Stop
from batchsync.engine.submitting import Submitting
from batchsync.engine.tools import Tools
from batchsync.errors import ExitCode
from batchsync.model import JobState
from batchsync.settings import RunSettings
from tests.unit.test_request import a_job


class SlowApi:
    """Counts create calls, and answers them when told."""

    def __init__(self) -> None:
        self.creates = 0
        self.answer = asyncio.Event()

    async def create(self, _: dict[str, Any]) -> Created:
        self.creates += 1
        await self.answer.wait()
        return Created(id=f"p{self.creates}", credits_charged=1)


class Memory:
    """A recorder that keeps nothing."""

    async def submitting(self, case: Case, _: Any) -> Case:
        return case.moved(JobState.SUBMITTING)

    async def submitted(self, case: Case, project_id: str, _: Any) -> Case:
        return case.moved(JobState.SUBMITTED, project_id=project_id)


def _desk(api: Any, made: list[Case]) -> tuple[Submitting, Tools]:
    stop = Stop(lambda _: None)
    tools = Tools(
        api=api,
        recorder=Memory(),  # type: ignore[arg-type]
        settings=RunSettings(),
        stop=stop,
        slots=Slots(8),
        budget=Budget(None, 0),
        breaker=Breaker(stop.close),
        announce=lambda _: None,
        patience=Patience(),
    )
    return Submitting(tools, made.append), tools


def _case(name: str) -> Case:
    sources: Any = {"video": "api-assets/v", "audio": "api-assets/a"}
    return Case(a_job(name), JobState.UPLOADED, estimate=1, sources=sources)


async def _submit(submitting: Submitting, tools: Tools, name: str) -> "asyncio.Task[None]":
    await tools.slots.take()
    return asyncio.create_task(submitting.handle(_case(name)))


async def test_calls_go_one_after_the_other_so_that_a_crash_leaves_one_unconfirmed(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("batchsync.engine.submitting._PROMPT_SECONDS", 60)
    api, made = SlowApi(), []
    submitting, tools = _desk(api, made)
    tasks = [await _submit(submitting, tools, name) for name in "abc"]
    await asyncio.sleep(0.05)
    assert api.creates == 1
    api.answer.set()
    await asyncio.gather(*tasks)
    assert [case.id for case in made] == ["a", "b", "c"]


async def test_a_job_that_waits_for_its_turn_is_not_bought_once_the_door_is_closed(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr("batchsync.engine.submitting._PROMPT_SECONDS", 60)
    api, made = SlowApi(), []
    submitting, tools = _desk(api, made)
    tasks = [await _submit(submitting, tools, name) for name in "ab"]
    await asyncio.sleep(0.05)
    tools.stop.close(ExitCode.INCOMPLETE, "enough")
    api.answer.set()
    await submitting.landed()
    await asyncio.gather(*tasks)
    assert (api.creates, [case.id for case in made]) == (1, ["a"])
    assert tools.budget.promised == 1


async def test_a_call_that_hangs_does_not_hold_up_the_next(monkeypatch: Any) -> None:
    monkeypatch.setattr("batchsync.engine.submitting._PROMPT_SECONDS", 0.01)
    api, made = SlowApi(), []
    submitting, tools = _desk(api, made)
    tasks = [await _submit(submitting, tools, name) for name in "ab"]
    async with asyncio.timeout(5):
        while api.creates < 2:
            await asyncio.sleep(0.005)
    api.answer.set()
    await asyncio.gather(*tasks)
    assert len(made) == 2
