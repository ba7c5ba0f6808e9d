"""What programs set going: planning, running, mending. Each is one coroutine of an errand."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from batchsync.api.protocol import Traffic
from batchsync.engine.stop import Stop
from batchsync.errors import ExitCode, UsageError
from batchsync.events import Announcer
from batchsync.library.connecting import Key, connector
from batchsync.library.errand import Errand
from batchsync.library.keywords import in_python_words
from batchsync.library.occupied import occupying, standing_of
from batchsync.library.results import (
    BatchPlan,
    JobResult,
    RunResult,
    batch_plan,
    job_results,
    run_result,
)
from batchsync.manifest import Manifest
from batchsync.mending import Choice, Desk, adopt, desk, resubmit, retry
from batchsync.places import Places, places
from batchsync.report.summary import Summary
from batchsync.run import BatchRun, Options
from batchsync.settings import RunSettings
from batchsync.standing import (
    Standing,
    look_ahead,
    planned_offline,
    refuse_foreign_ledger,
    selector,
)
from batchsync.webhook.door import SECRET_VARIABLE, door_of

T = TypeVar("T")

_CALLED_BACK = "called back; what renders goes on remotely"


@dataclass(frozen=True, slots=True)
class Matter:
    """One batch, with all that work on it needs.

    Attributes:
        has_manifest: whether it can be gone on with from the command line.
    """

    manifest: Manifest
    settings: RunSettings
    key: Key
    has_manifest: bool = False

    @property
    def places(self) -> Places:
        """Where it keeps its things."""
        return places(self.manifest.path, self.manifest.name, self.settings)


async def carry_out(
    errand: Errand[Any], matter: Matter, options: Options, standing: Standing | None = None
) -> Summary:
    """Run a batch; the errand can be called back from now on.

    Args:
        errand: that this is done for.
        matter: the batch.
        options: of the run.
        standing: of the ledger, if the caller has just read it.

    Raises:
        BatchsyncError: as `BatchRun.run` does.
    """
    announce = Announcer(errand.announce)
    stop = Stop(announce)
    errand.on_leave = lambda: stop.leave(ExitCode.INTERRUPTED, _CALLED_BACK)
    if errand.left:
        errand.on_leave()
    events = door_of(matter.settings, os.environ.get(SECRET_VARIABLE), announce)
    run = BatchRun(
        matter.manifest,
        matter.settings,
        replace(options, listen=events),
        connector(matter.settings, matter.key),
        announce,
        stop,
    )
    waiting = occupying(matter.places.state, matter.settings.lock_wait, lambda: errand.left)
    with in_python_words():
        async with waiting:
            return await run.run(standing)


async def run_batch(errand: Errand[RunResult], matter: Matter, options: Options) -> RunResult:
    """Run a batch, and say what came of it.

    Raises:
        BatchsyncError: as `BatchRun.run` does.
    """
    summary = await carry_out(errand, matter, options)
    jobs = await asyncio.to_thread(read_results, matter)
    return run_result(summary, jobs, matter.has_manifest)


def read_results(matter: Matter) -> tuple[JobResult, ...]:
    """Where each job stands; blocking.

    Raises:
        LedgerUnusable: the ledger is newer, foreign or damaged.
    """
    standing = standing_of(matter.places.state)
    return job_results(planned_offline(matter.manifest, standing), standing)


async def plan_batch(matter: Matter, only: tuple[str, ...], keep_changed: bool) -> BatchPlan:
    """What a run would do.

    Raises:
        UsageError: `only` fits no job, or the ledger is another manifest's.
    """
    manifest = matter.manifest
    wanted = selector(only)
    if not any(wanted(job.id) for job in manifest.jobs):
        raise UsageError(f"only={list(only)}: no job fits")
    with in_python_words():
        standing = await asyncio.to_thread(standing_of, matter.places.state)
        await asyncio.to_thread(refuse_foreign_ledger, manifest, standing)
    prospect = await look_ahead(
        manifest, matter.places, standing, only=only, keep_changed=keep_changed
    )
    return batch_plan(manifest.name, prospect.plan, standing, matter.settings.max_credits)


async def at_desk(matter: Matter, what: str, act: Callable[[Desk], Coroutine[Any, Any, T]]) -> T:
    """Do something to single jobs, under the batch's lock.

    Raises:
        UsageError: the batch has not been run yet.
        LockHeld: a run is at work on it.
    """
    where, wait = matter.places, matter.settings.lock_wait
    with in_python_words():
        async with (
            occupying(where.state, wait, lambda: False),
            desk(matter.manifest, where, wait, what) as opened,
        ):
            return await act(opened)


async def retry_jobs(matter: Matter, choice: Choice) -> tuple[str, ...]:
    """Bring jobs back; the ids of those that a run will take up again.

    Raises:
        UsageError: a name fits no job.
    """
    done = await at_desk(matter, "retry", lambda opened: retry(opened, choice, {}, False))
    return (*done.to_buy, *done.to_fetch)


async def resubmit_job(matter: Matter, job: str) -> None:
    """A person's word that an unconfirmed job may be bought again.

    Raises:
        UsageError: it is not unconfirmed.
    """
    await at_desk(matter, "resolve", lambda opened: resubmit(opened, [job]))


async def adopt_project(matter: Matter, job: str, project_id: str) -> None:
    """Tie an unconfirmed job to the project that its lost create call made.

    Raises:
        UsageError: the job is not unconfirmed, or the project is not its own.
        RemoteError: the service can't be asked.
    """
    base_url = matter.settings.base_url

    async def act(opened: Desk) -> str:
        async with connector(matter.settings, matter.key)(Traffic()) as api:
            return await adopt(opened, api, base_url, job, project_id)

    await at_desk(matter, "resolve", act)
