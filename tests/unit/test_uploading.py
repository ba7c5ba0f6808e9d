"""The upload stage as a whole, on the fake: what it hands on, and how far it runs ahead."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from test_slots import timeless

from batchsync.api.fake import FakeApi
from batchsync.engine.breaker import Breaker
from batchsync.engine.budget import Budget
from batchsync.engine.case import Case
from batchsync.engine.slots import Slots
from batchsync.engine.stop import Stop
from batchsync.engine.tools import Tools
from batchsync.engine.uploading import Uploading
from batchsync.errors import Rejected
from batchsync.ledger.protocol import FileFacts
from batchsync.model import Asset, Failure, JobState, Source, SourceKind
from batchsync.settings import RunSettings
from tests.unit.test_request import a_job


class Records:
    """Recorder and ledger that keep in memory what they are told."""

    def __init__(self) -> None:
        self.assets: list[Asset] = []
        self.files: dict[str, FileFacts] = {}
        self.ended: list[str] = []

    async def uploaded(self, case: Case) -> Case:
        return case.moved(JobState.UPLOADED)

    async def failed(self, case: Case, _: Failure) -> Case:
        self.ended.append(case.id)
        return case.moved(JobState.FAILED)

    async def keep_asset(self, _: str, __: str, asset: Asset) -> None:
        self.assets.append(asset)

    async def keep_files(self, facts: Iterable[FileFacts]) -> None:
        self.files |= {fact.path: fact for fact in facts}


def case(folder: Path, number: int, size: int) -> Case:
    sources = []
    for name, length in ((f"{number}.mp4", size), (f"{number}.mp3", 1)):
        path = folder / name
        path.write_bytes(bytes([number]) * length)
        sources.append(Source(SourceKind.FILE, name, str(path)))
    job = replace(a_job(), id=f"job-{number}", video=sources[0], audio=sources[1])
    return Case(job, JobState.PENDING)


def stage(
    api: FakeApi, records: Records, cases: list[Case], headstart: int | None = None
) -> Uploading:
    stop = Stop(lambda _: None)
    tools = Tools(
        api=api,
        recorder=records,  # type: ignore[arg-type]
        settings=RunSettings(),
        stop=stop,
        slots=Slots(8),
        budget=Budget(None, 0),
        breaker=Breaker(stop.close),
        announce=lambda _: None,
        now=lambda: 0.0,
    )
    paths = [source.path for each in cases for _, source in each.job.sources]
    files = {
        str(path): FileFacts(str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for path in paths
    }
    return Uploading(tools, records, "acct", [], files, headstart=headstart)  # type: ignore[arg-type]


async def test_a_job_is_handed_on_with_its_uploads_and_what_they_hold(tmp_path: Path) -> None:
    api, records = FakeApi(), Records()
    [one] = cases = [case(tmp_path, 1, 100)]
    handed = await stage(api, records, cases).handle(one)

    assert handed is not None
    assert handed.state is JobState.UPLOADED
    for role, source in one.job.sources:
        sent = api.uploads[handed.sources[role]]
        assert handed.parameters[role] == f"sha256:{sent.sha256}"
        assert records.files[source.value].sha256 == sent.sha256
    assert {asset.file_path for asset in records.assets} == set(handed.sources.values())


@pytest.mark.parametrize("ends", ["handed on", "failed"])
async def test_uploads_wait_until_a_job_before_them_needs_its_files_no_more(
    tmp_path: Path, ends: str
) -> None:
    api, records = FakeApi(), Records()
    cases = [case(tmp_path, number, 100 + number) for number in range(3)]
    uploading = stage(api, records, cases, headstart=250)
    if ends == "failed":
        api.fail("upload_urls", Rejected("HTTP 400: no", status=400))
    waiting = [asyncio.create_task(uploading.handle(each)) for each in cases[:2]]
    handed = await asyncio.gather(*waiting)
    third = asyncio.create_task(uploading.handle(cases[2]))
    if ends == "handed on":
        _, late = await asyncio.wait({third}, timeout=0.05)
        assert late
        assert len(api.uploads) == 4
        assert handed[0] is not None
        uploading.handed_on(handed[0])
    else:
        # Which of the two asks first is for their threads to say.
        assert len(records.ended) == 1
    await asyncio.wait_for(third, 5)

    assert len(api.uploads) == (6 if ends == "handed on" else 4)


@timeless
async def test_files_that_the_service_has_take_nothing_of_the_headstart(tmp_path: Path) -> None:
    api, records = FakeApi(), Records()
    first = case(tmp_path, 1, 100)
    uploading = stage(api, records, [first], headstart=101)
    again = replace(first, job=replace(first.job, id="again"))
    assert await uploading.handle(first)

    # Nothing has been handed on, and yet: it sends nothing.
    assert await uploading.handle(again)
    assert len(api.uploads) == 2
    assert uploading.saved_bytes == 101
