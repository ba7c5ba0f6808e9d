"""What a second reading of the money code found, each held by a test that failed before."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from batchsync.api.wire import Project
from batchsync.engine.adoption import Adoption
from batchsync.engine.budget import Budget
from batchsync.engine.case import Case
from batchsync.engine.library import Library
from batchsync.engine.slots import Slots
from batchsync.engine.stop import Stop
from batchsync.engine.tools import Tools
from batchsync.errors import LedgerError
from batchsync.model import Asset, JobState
from batchsync.request import tagged
from batchsync.settings import RunSettings
from batchsync.stages.claim import Claim
from batchsync.stages.upload import Parcel
from tests.unit.test_request import a_job

TAG = "bs-7f3a12"


def project(name: str, project_id: str = "p1") -> Project:
    return Project.model_validate({"id": project_id, "status": "queued", "name": name})


@pytest.mark.parametrize("length", [280, 288, 289, 299, 300, 500])
def test_a_name_so_long_that_the_tag_is_cut_off_proves_nothing(length: int) -> None:
    name = "n" * length
    claim = Claim(TAG, name, 0.0, 1.0)

    assert not claim.proves(project(tagged(name, "bs-000000")))
    # Neither may a longer name look like proof by what is left of the tag.
    assert claim.proves(project(tagged(name, TAG))) == (length <= 300 - len(f" · {TAG}"))


class Full:
    """A recorder whose disk takes nothing more."""

    async def submitted(self, *_: Any) -> Case:
        await asyncio.sleep(0)
        raise LedgerError("disk full")


async def test_an_adoption_that_could_not_be_written_down_ends_the_run() -> None:
    stop = Stop(lambda _: None)
    tools = Tools(
        api=None,  # type: ignore[arg-type]
        recorder=Full(),  # type: ignore[arg-type]
        settings=RunSettings(),
        stop=stop,
        slots=Slots(8),
        budget=Budget(None, 0),
        breaker=None,  # type: ignore[arg-type]
        announce=lambda _: None,
    )
    adoption = Adoption(tools, lambda _: None)
    adoption.expect(Case(a_job("j"), JobState.UNCONFIRMED), Claim(TAG, "j", 0.0, 1.0))
    adoption.heard(project(f"j · {TAG}"))
    # Long before the run comes to its end.
    await asyncio.sleep(0.01)

    with pytest.raises(LedgerError):
        await adoption.recorded()


async def test_a_job_that_is_called_back_with_the_one_it_waits_for_sends_nothing() -> None:
    video = Parcel("/in/v.mp4", "video", "mp4", 100, "vv")
    sent = []

    async def send(parcels: Sequence[Parcel]) -> list[Asset]:
        sent.append(parcels)
        await asyncio.Event().wait()
        return []

    library = Library([], send, lambda _: None)
    first = asyncio.create_task(library.assets([video]))
    second = asyncio.create_task(library.assets([video]))
    await asyncio.sleep(0.01)
    # As a task group does it, in any order: here the one that sends comes first.
    first.cancel()
    second.cancel()
    done, running = await asyncio.wait({first, second}, timeout=0.5)
    for task in running:
        task.cancel()

    assert not running
    assert len(done) == 2
    assert len(sent) == 1
