"""Kills a run at one named instant, in this process or for good.

A point is `what when`, e.g. `move submitted before` or `create after`, and a number: the how
manieth time it is passed. In this process a kill is a `Killed` that ends the run; the batch's
folder is copied at that very instant and put back once the run has unwound, and calls made
meanwhile reach neither ledger nor service, so that nothing which a dead process could not have
done is seen by what follows.

    python -m tests.support.injection MANIFEST BASE_URL 'create after' 2

runs a manifest in a process of its own, which leaves by `os._exit` at the point.
"""

import asyncio
import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from batchsync.api.protocol import Api, Traffic
from batchsync.ledger import SqliteLedger

DEAD = 137

# Calls of the API, by the names that points have.
CALLS = {
    "account": "account",
    "upload_urls": "upload_urls",
    "create": "create",
    "project": "status",
    "put": "upload",
    "get": "download",
}
# What writes to the ledger; reading changes nothing, so a kill around it is one before a write.
WRITES = frozenset(
    {
        *("move", "enroll", "remember_error", "override", "keep_asset", "keep_files"),
        *("begin_run", "end_run"),
    }
)


class Killed(BaseException):
    """The process is dead from here on."""


@dataclass
class Fate:
    """Counts the points that a run passes, and kills it at one of them.

    Attributes:
        at: the point to die at, and how many times it is passed; None lives on.
        die: what dying is, once the time has come.
        passed: how often each point was passed.
    """

    at: tuple[str, int] | None = None
    die: Callable[[], None] = lambda: None
    passed: Counter[str] = field(default_factory=Counter)
    dead: bool = False

    def point(self, name: str) -> None:
        """Pass a point, if the process still lives."""
        if self.dead:
            raise Killed
        self.passed[name] += 1
        if self.at == (name, self.passed[name]):
            self.dead = True
            self.die()
            raise Killed


class MortalLedger:
    """A ledger whose every write has a point before and one after it."""

    def __init__(self, ledger: SqliteLedger, fate: Fate) -> None:
        self._ledger, self._fate = ledger, fate

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._ledger, name)
        if name not in WRITES:
            return real

        async def call(*args: Any) -> Any:
            what = f"move {args[0].target.value}" if name == "move" else name
            self._fate.point(f"{what} before")
            result = await real(*args)
            self._fate.point(f"{what} after")
            return result

        return call


class MortalApi:
    """An API with a point before each call leaves, and one before its answer is taken."""

    def __init__(self, api: Api, fate: Fate) -> None:
        self._api, self._fate = api, fate

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._api, name)
        if name not in CALLS:
            return real

        async def call(*args: Any) -> Any:
            self._fate.point(f"{CALLS[name]} before")
            try:
                return await real(*args)
            finally:
                # An answer of any kind: an error counts as one.
                self._fate.point(f"{CALLS[name]} after")

        return call


@contextmanager
def mortal(fate: Fate) -> Iterator[None]:
    """Every ledger that is opened meanwhile, and every table written, has points."""
    really_open = SqliteLedger.open

    def open_mortal(path: Path, run_id: str) -> Any:
        return MortalLedger(really_open(path, run_id), fate)

    from batchsync import run
    from batchsync.stages import download

    with (
        mock.patch.object(SqliteLedger, "open", open_mortal),
        mock.patch.object(run, "write_csv", _around("results", run.write_csv, fate)),
        mock.patch.object(download, "put_in_place", _around("rename", download.put_in_place, fate)),
    ):
        yield


def _around(name: str, work: Callable[..., None], fate: Fate) -> Callable[..., None]:
    def call(*args: Any) -> None:
        fate.point(f"{name} before")
        work(*args)
        fate.point(f"{name} after")

    return call


@contextmanager
def as_of_death(folder: Path, fate: Fate) -> Iterator[None]:
    """What lies in a folder afterwards is what lay there when `fate` struck, if it did."""
    copy = folder.with_name(f"{folder.name}.at-death")

    def die() -> None:
        shutil.copytree(folder, copy, symlinks=True)

    fate.die = die
    try:
        yield
    finally:
        if fate.dead:
            shutil.rmtree(folder)
            copy.rename(folder)


class MortalConnection:
    """What `BatchRun` opens its API by."""

    def __init__(self, api: AbstractAsyncContextManager[Api], fate: Fate) -> None:
        self._api, self._fate = api, fate

    async def __aenter__(self) -> Any:
        return MortalApi(await self._api.__aenter__(), self._fate)

    async def __aexit__(self, *error: object) -> None:
        await self._api.__aexit__(*error)


async def _main(manifest: str, base_url: str, name: str, number: str) -> None:
    from batchsync.api.client import HttpApi
    from batchsync.engine.stop import Stop
    from batchsync.events import Announcer
    from batchsync.manifest import load
    from batchsync.run import BatchRun, Options
    from batchsync.settings import settle
    from tests.strict import KEY

    fate = Fate((name, int(number)), lambda: os._exit(DEAD))
    quick = {"base_url": base_url, "poll_min": 0.02, "poll_max": 0.05, "max_in_flight": 2}
    loaded = load(Path(manifest))
    settings = settle(loaded.run, quick)
    announce = Announcer()

    def connect(traffic: Traffic) -> AbstractAsyncContextManager[Api]:
        return MortalConnection(HttpApi(base_url, KEY, traffic=traffic), fate)

    with mortal(fate):
        await BatchRun(loaded, settings, Options(), connect, announce, Stop(announce)).run()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
