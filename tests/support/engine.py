"""Runs a batch inside the test's own process."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from batchsync.api.client import HttpApi
from batchsync.api.protocol import Api, Traffic
from batchsync.api.retry import Patience
from batchsync.engine.stop import Stop
from batchsync.events import Announcer, Event, JobMoved
from batchsync.manifest import load
from batchsync.report.summary import Summary
from batchsync.run import BatchRun, Options
from batchsync.settings import settle
from tests.strict import KEY, Strict
from tests.support.batches import Batch

_OPTIONS = frozenset(Options.__dataclass_fields__)


async def _brief(seconds: float) -> None:
    await asyncio.sleep(min(seconds, 0.01))


BRIEF = Patience(tries=40, sleep=_brief)


class Crash(BaseException):
    """Stands for the process's death at one instant."""


@dataclass
class Workbench:
    """One batch and the server that it is run against.

    Attributes:
        wrap: put around the API client, to make things happen at a call.
        watch: sees every event; what it raises ends the run.
        events: of all runs.
    """

    batch: Batch
    server: Strict
    patience: Patience = BRIEF
    wrap: Callable[[Any], Api] = lambda api: api
    watch: Callable[[Event], None] = lambda event: None
    stop: Stop | None = None
    events: list[Event] = field(default_factory=list)

    async def run(self, **given: Any) -> Summary:
        """One run; options and settings by their names."""
        manifest = load(self.batch.manifest)
        options = {name: given.pop(name) for name in list(given) if name in _OPTIONS}
        quick = {"base_url": self.server.base_url, "poll_min": 0.02, "poll_max": 0.1}
        settings = settle(manifest.run, {**quick, **given})
        announce = Announcer(self.events.append, self.watch)
        self.stop = Stop(announce)

        def connect(traffic: Traffic) -> AbstractAsyncContextManager[Api]:
            return _Wrapped(HttpApi(settings.base_url, KEY, traffic=traffic), self.wrap)

        batch = BatchRun(
            manifest, settings, Options(**options), connect, announce, self.stop, self.patience
        )
        async with asyncio.timeout(60):
            return await batch.run()

    def moves(self, target: str) -> list[str]:
        """Jobs that were seen to reach a state, in order."""
        return [
            event.job
            for event in self.events
            if isinstance(event, JobMoved) and event.target == target
        ]


class _Wrapped:
    def __init__(self, api: HttpApi, wrap: Callable[[Any], Api]) -> None:
        self._api, self._wrap = api, wrap

    async def __aenter__(self) -> Api:
        return self._wrap(await self._api.__aenter__())

    async def __aexit__(self, *error: object) -> None:
        await self._api.__aexit__(*error)


class Passing:
    """An API client that passes everything on; tests override what they care about."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def __getattr__(self, name: str) -> Any:
        return getattr(self.api, name)
