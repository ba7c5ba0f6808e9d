"""With events, ends are seen at once and lost answers are proved; without, all is as before."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from batchsync.api.client import HttpApi
from batchsync.api.protocol import Api, Traffic
from batchsync.engine.stop import Stop
from batchsync.errors import ExitCode
from batchsync.events import Announcer, Event, JobMoved
from batchsync.manifest import load
from batchsync.report.summary import Summary
from batchsync.run import BatchRun, Options
from batchsync.sandbox import Sandbox, SandboxSettings
from batchsync.settings import settle
from batchsync.webhook.address import Address
from batchsync.webhook.event import Kind
from batchsync.webhook.receiver import Receiver, listening
from tests.support.batches import Batch
from tests.support.engine import BRIEF

SECRET = "whsec"
_ENDS = (Kind.COMPLETED, Kind.ERRORED)


class Stage:
    """A batch, a sandbox that sends events, and runs that take them in."""

    def __init__(self, batch: Batch, *faults: str, **given: Any) -> None:
        self.batch = batch
        self.settings = SandboxSettings(
            fast=True, faults=faults, webhook_secret=SECRET, late_seconds=0.2, **given
        )
        self.events: list[Event] = []
        self.ended: dict[str, float] = {}
        self.receiver: Receiver | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sandbox]:
        async with Sandbox(self.settings) as sandbox:
            self.sandbox = sandbox
            yield sandbox

    async def run(self, hears: bool = True, secret: str = SECRET, **given: Any) -> Summary:
        manifest = load(self.batch.manifest)
        quick = {"base_url": self.sandbox.base_url, "poll_min": 0.05, "poll_max": 0.5}
        settings = settle(manifest.run, {**quick, **given})
        announce = Announcer(self.events.append)

        def connect(traffic: Traffic) -> AbstractAsyncContextManager[Api]:
            return HttpApi(settings.base_url, "key", traffic=traffic)

        @asynccontextmanager
        async def listen(heard: Callable[..., None]) -> AsyncIterator[None]:
            receiver = Receiver(secret, lambda event: heard(event.project, event.kind in _ENDS))
            self.receiver = receiver
            async with listening(receiver, Address("127.0.0.1", 0)) as port:
                self.sandbox.send_events_to(f"http://127.0.0.1:{port}/")
                try:
                    yield
                finally:
                    self.sandbox.send_events_to(None)

        options = Options(listen=listen if hears else None)
        run = BatchRun(manifest, settings, options, connect, announce, Stop(announce), BRIEF)
        return await run.run()

    def pairs(self, count: int) -> None:
        host = "https://media.example.com"
        job = {"video": f"{host}/v.mp4", "start_seconds": 0, "end_seconds": 1}
        self.batch.write({"id": f"j{n}", "audio": f"{host}/{n}.mp3", **job} for n in range(count))

    def watch_ends(self) -> None:
        book = self.sandbox._book
        told = book.told

        def note(project: Any) -> None:
            if project.status == "complete":
                self.ended[project.id] = time.time()
            told(project)

        book.told = note

    def lags(self) -> list[float]:
        """Seconds from each render's end to its being on record."""
        return [
            event.at - self.ended[str(event.project_id)]
            for event in self.events
            if isinstance(event, JobMoved) and event.target == "rendered"
        ]


async def test_with_events_ends_are_seen_at_once_and_looks_are_few(batch: Batch) -> None:
    stage = Stage(batch, render_seconds=(0.4, 1.2))
    stage.pairs(24)
    async with stage.open():
        stage.watch_ends()
        summary = await stage.run(poll_min=30, poll_max=60)

    assert summary.exit is ExitCode.OK
    assert summary.requests["status"] <= 2 * 24
    lags = stage.lags()
    assert len(lags) == 24
    # The first look of its own comes after 30 s: events alone can have told so soon.
    assert max(lags) < 10


async def test_with_half_of_the_events_lost_all_jobs_are_done(batch: Batch) -> None:
    faults = ("event-lost=0.5", "event-twice=0.3", "event-late=0.3", "event-disorder=0.3")
    stage = Stage(batch, *faults, render_seconds=(0.1, 0.4), seed=4)
    stage.pairs(24)
    async with stage.open() as sandbox:
        summary = await stage.run()
        report = sandbox.report()

    assert summary.exit is ExitCode.OK
    assert report["creates"] == 24
    assert min(report["faults"][fault.split("=")[0]] for fault in faults) > 0


async def test_a_lost_answer_is_proved_by_its_event_and_nothing_is_bought_twice(
    batch: Batch,
) -> None:
    stage = Stage(batch, "create:reset-after=3x", "create:empty-200=2x", render_seconds=0.2)
    stage.pairs(8)
    async with stage.open() as sandbox:
        summary = await stage.run()
        report = sandbox.report()

    assert report["faults"] == {"reset-after": 3, "empty-200": 2}
    assert summary.exit is ExitCode.OK
    assert (report["creates"], report["duplicates"]) == (8, [])
    assert summary.credits.charged == report["spent"]
    assert summary.credits.estimated == report["charges"]


async def test_an_event_proves_what_an_earlier_run_left_unconfirmed(batch: Batch) -> None:
    stage = Stage(batch, "create:reset-after=1x", render_seconds=0.6)
    stage.pairs(2)
    async with stage.open() as sandbox:
        first = await stage.run(hears=False, poll_max=0.05, poll_timeout=0.05)
        assert first.jobs.unconfirmed == 1
        summary = await stage.run()
        assert sandbox.report()["creates"] == 2

    assert summary.exit is ExitCode.OK


async def test_events_signed_by_others_are_as_none_at_all(batch: Batch) -> None:
    stage = Stage(batch, "create:reset-after=1x", render_seconds=0.2)
    stage.pairs(4)
    async with stage.open() as sandbox:
        summary = await stage.run(secret="another", poll_timeout=2)
        assert sandbox.report()["creates"] == 4

    assert summary.exit is ExitCode.UNCONFIRMED
    assert (summary.jobs.done, summary.jobs.unconfirmed) == (3, 1)
    assert stage.receiver is not None
    assert set(stage.receiver.counts) == {"wrong signature"}


async def test_an_attempt_without_a_tag_is_left_to_a_person(batch: Batch) -> None:
    stage = Stage(batch, "create:reset-after=1x", render_seconds=0.2)
    stage.pairs(2)
    async with stage.open():
        summary = await stage.run(name_tag=False)

    assert summary.exit is ExitCode.UNCONFIRMED
