"""A batch, for programs."""

import contextlib
from collections.abc import AsyncGenerator, Iterable
from typing import Unpack

from batchsync.errors import UsageError
from batchsync.events import Event
from batchsync.library.errand import Errand
from batchsync.library.keywords import PLACES, RunKeywords, check_names
from batchsync.library.observing import Observer, checked
from batchsync.library.opened import Opened, globs
from batchsync.library.results import BatchPlan, JobResult, RunResult
from batchsync.library.working import (
    adopt_project,
    plan_batch,
    read_results,
    resubmit_job,
    retry_jobs,
    run_batch,
)
from batchsync.mending import Choice
from batchsync.run import Options


class Batch(Opened):
    """Audio/video pairs, and the ledger that remembers what was bought for them.

    Open one with `Batch.load` or `Batch.from_jobs`. Nothing is sent before `run`, and whatever
    happens on the way, the same call goes on where the last one stopped.
    """

    def plan(self, *, only: Iterable[str] = (), keep_changed: bool = False) -> BatchPlan:
        """What a run would do and cost: reads files and ledger, writes and sends nothing.

        Args:
            only: globs of job ids; none means all.
            keep_changed: leave finished jobs alone even if their inputs changed.

        Raises:
            UsageError: `only` fits no job, or the ledger is another manifest's.
        """
        return self._planning(only, keep_changed).wait(None)

    async def aplan(self, *, only: Iterable[str] = (), keep_changed: bool = False) -> BatchPlan:
        """`plan`, for coroutines."""
        return await self._planning(only, keep_changed).wait_async(None)

    def run(
        self,
        *,
        on_event: Observer | None = None,
        only: Iterable[str] = (),
        wait: bool = True,
        download: bool = True,
        keep_changed: bool = False,
        resubmit_unconfirmed: bool = False,
        **settings: Unpack[RunKeywords],
    ) -> RunResult:
        """Upload, submit, wait, download; call it again to go on, nothing is bought twice.

        Works wherever it is called from, also in a notebook and in a thread. A KeyboardInterrupt
        does what the first Ctrl-C does to the command: nothing new is started, a submission in
        the air is recorded, results are written; then it goes on its way.

        Args:
            on_event: called with each event of `batchsync.events`, here, in this thread. One that
                raises is not called again, and the run goes on.
            only: globs of job ids; none means all.
            wait: False submits and leaves; a later run collects.
            download: False stops when rendered; a later run downloads.
            keep_changed: leave finished jobs alone even if their inputs changed.
            resubmit_unconfirmed: a person's word that jobs whose submission got lost may be bought
                again; if one was made after all, it is paid for twice.
            **settings: for this run; they win over those of the batch.

        Returns:
            What came of it. Jobs that fail are no exception: see `RunResult.exit` and `.jobs`.

        Raises:
            ManifestError: files are missing or unfit, and `keep_going` is off; nothing was sent.
            KeyMissing: there is work, and no key.
            LockHeld: another run works on this batch.
            LedgerUnusable, LedgerError: the ledger can't be read or written.
            UsageError: `only` fits no job, or a setting is out of range.
        """
        options = self._options(only, wait, download, keep_changed, resubmit_unconfirmed)
        listening = checked(on_event) is not None
        return self._running(options, settings, listening).wait(on_event)

    async def arun(
        self,
        *,
        on_event: Observer | None = None,
        only: Iterable[str] = (),
        wait: bool = True,
        download: bool = True,
        keep_changed: bool = False,
        resubmit_unconfirmed: bool = False,
        **settings: Unpack[RunKeywords],
    ) -> RunResult:
        """`run`, for coroutines; `on_event` is called on the caller's loop.

        Canceling it does what the first Ctrl-C does to the command, and raises CancelledError once
        that is done; canceling it a second time does not wait.
        """
        options = self._options(only, wait, download, keep_changed, resubmit_unconfirmed)
        listening = checked(on_event) is not None
        return await self._running(options, settings, listening).wait_async(on_event)

    def stream(
        self,
        *,
        only: Iterable[str] = (),
        wait: bool = True,
        download: bool = True,
        keep_changed: bool = False,
        resubmit_unconfirmed: bool = False,
        **settings: Unpack[RunKeywords],
    ) -> AsyncGenerator[Event | RunResult, None]:
        """`arun` as the events of it; the last item is the `RunResult`.

        Leaving the loop early calls the run back, as canceling `arun` does. Wrap it in
        `contextlib.aclosing` to have that done with when the block ends.
        """
        options = self._options(only, wait, download, keep_changed, resubmit_unconfirmed)
        return _streamed(self._running(options, settings, listening=True))

    def results(self) -> tuple[JobResult, ...]:
        """Where every job stands, from the ledger alone, also while a run goes on.

        Raises:
            LedgerUnusable: the ledger is newer, foreign or damaged.
        """
        return read_results(self._matter({}))

    def retry(self, *jobs: str, failed: bool = False, canceled: bool = False) -> tuple[str, ...]:
        """Bring jobs back, for the next run: failed renders are bought anew, downloads repeated.

        Args:
            *jobs: ids or globs.
            failed: all that failed.
            canceled: all that were canceled.

        Returns:
            The ids of those that the next run takes up.

        Raises:
            UsageError: nothing is named, a name fits no job, or the batch has not been run yet.
            LockHeld: a run is at work on it.
        """
        if not (jobs or failed or canceled):
            raise UsageError("name the jobs to retry, or give failed=True or canceled=True")
        choice = Choice(jobs, failed, canceled)
        return Errand(lambda _: retry_jobs(self._matter({}), choice)).wait(None)

    def resolve(self, job: str, *, adopt: str | None = None, resubmit: bool = False) -> None:
        """Give a person's word on an unconfirmed job: which project it is, or that there is none.

        Args:
            job: its id.
            adopt: the project id, found in the vendor's library by the job's mark.
            resubmit: buy it again; if it was made after all, it is paid for twice.

        Raises:
            UsageError: not exactly one of the two is said, the job is not unconfirmed, or the
                project is not its own.
            RemoteError: the service can't be asked about the project.
        """
        if (adopt is None) is not resubmit:
            raise UsageError("say one of adopt=PROJECT_ID and resubmit=True")
        matter = self._matter({})
        if resubmit:
            Errand(lambda _: resubmit_job(matter, job)).wait(None)
        else:
            Errand(lambda _: adopt_project(matter, job, adopt or "")).wait(None)

    def _planning(self, only: Iterable[str], keep_changed: bool) -> Errand[BatchPlan]:
        matter = self._matter({})
        return Errand(lambda _: plan_batch(matter, globs(only), keep_changed))

    def _running(
        self, options: Options, settings: RunKeywords, listening: bool
    ) -> Errand[RunResult]:
        check_names("run", settings, refused=PLACES)
        matter = self._matter(settings)
        return Errand(lambda errand: run_batch(errand, matter, options), listening)


async def _streamed(errand: Errand[RunResult]) -> AsyncGenerator[Event | RunResult, None]:
    async with contextlib.aclosing(errand.events()) as events:
        async for event in events:
            yield event
    yield errand.result()
