"""The sandbox's events: which there are, how they are signed, and what can befall them."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web

from batchsync.sandbox.faults import EVENT, FAULTS
from batchsync.sandbox.settings import SandboxSettings
from batchsync.sandbox.testing import Visitor, visited
from batchsync.webhook.event import Unsigned, verify

SECRET = "s3cret"


@dataclass
class Inbox:
    """What came, with its headers; `wait` returns once so many events have come."""

    posts: list[tuple[Any, bytes]] = field(default_factory=list)
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def take(self, request: web.Request) -> web.Response:
        async with self.more:
            self.posts.append((request.headers, await request.read()))
            self.more.notify_all()
        return web.Response()

    async def wait(self, count: int) -> list[Any]:
        async with asyncio.timeout(20), self.more:
            await self.more.wait_for(lambda: len(self.posts) >= count)
        return [json.loads(body) for _, body in self.posts]


@asynccontextmanager
async def listening(*faults: str, **given: Any) -> AsyncIterator[tuple[Visitor, Inbox]]:
    inbox = Inbox()
    app = web.Application()
    app.router.add_post("/hook", inbox.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    settings = SandboxSettings(
        fast=True,
        faults=faults,
        webhook_url=f"http://127.0.0.1:{port}/hook",
        webhook_secret=SECRET,
        late_seconds=0.3,
        **given,
    )
    try:
        async with visited(settings) as visitor:
            yield visitor, inbox
    finally:
        await runner.cleanup()


async def test_a_job_tells_that_it_has_begun_and_that_it_is_complete() -> None:
    async with listening() as (visitor, inbox):
        made = await visitor.create()
        events = await inbox.wait(2)
        shown = await visitor.ended(made["id"])

    assert [event["type"] for event in events] == ["video.started", "video.completed"]
    assert events[0]["payload"]["status"] == "rendering"
    # The same shape as the status answer; only the URL is signed anew.
    last = events[1]["payload"]
    assert {**last, "downloads": 0, "download": 0} == {**shown, "downloads": 0, "download": 0}
    assert last["downloads"][0]["url"].split("?")[0] == shown["downloads"][0]["url"].split("?")[0]


async def test_events_are_signed_as_the_vendor_signs_them() -> None:
    async with listening("event-forged=once") as (visitor, inbox):
        await visitor.create()
        await inbox.wait(2)

    (forged_headers, forged), (headers, body) = inbox.posts
    verify(headers, body, SECRET, time.time())
    with pytest.raises(Unsigned):
        verify(forged_headers, forged, SECRET, time.time())


async def test_a_failed_job_tells_its_code_and_a_canceled_one_nothing() -> None:
    async with listening("cancel=once", "job-error-no_source_face=once") as (visitor, inbox):
        canceled = await visitor.create()
        await visitor.ended(canceled["id"])
        await visitor.ended((await visitor.create(end_seconds=2))["id"])
        events = await inbox.wait(3)

    assert [event["type"] for event in events if event["payload"]["id"] == canceled["id"]] == [
        "video.started"
    ]
    assert events[-1]["type"] == "video.errored"
    assert events[-1]["payload"]["error"]["code"] == "no_source_face"


@pytest.mark.parametrize(
    ("fault", "types"),
    [
        ("event-lost", ["video.completed"]),
        ("event-twice", ["video.started", "video.started", "video.completed"]),
        ("event-late", ["video.completed", "video.started"]),
        ("event-disorder", ["video.completed", "video.started"]),
    ],
)
async def test_events_are_lost_doubled_late_and_out_of_order(fault: str, types: list[str]) -> None:
    async with listening(f"{fault}=once", render_seconds=0.1) as (visitor, inbox):
        await visitor.create()
        events = await inbox.wait(len(types))

        assert sorted(event["type"] for event in events) == sorted(types)
        if fault != "event-twice":
            assert [event["type"] for event in events] == types
        assert visitor.sandbox.report()["faults"] == {fault: 1}


async def test_a_receiver_that_is_not_there_stops_no_render() -> None:
    settings = SandboxSettings(fast=True, webhook_url="http://127.0.0.1:9/hook")
    async with visited(settings) as visitor:
        shown = await visitor.ended((await visitor.create())["id"])

    assert shown["status"] == "complete"


def test_every_fault_of_events_is_tested_here() -> None:
    tested = {"event-lost", "event-twice", "event-late", "event-disorder", "event-forged"}

    assert tested == {fault.name for fault in FAULTS.values() if EVENT in fault.endpoints}
