"""`batchsync run`: from a manifest to outputs, results and a summary."""

import asyncio
import contextlib
import json
import os
import shlex
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from batchsync import __version__, refetch
from batchsync.api.protocol import Api, Traffic
from batchsync.api.retry import Patience
from batchsync.ended import ended_by
from batchsync.engagement import Engagement, preflight_failure
from batchsync.engine.case import from_record
from batchsync.engine.recorder import Recorder
from batchsync.engine.recovery import unconfirm_crashed
from batchsync.engine.stop import LeftError, Stop, most_severe
from batchsync.errors import ExitCode, LedgerError, ManifestError, OutputUnwritable, UsageError
from batchsync.events import Announcer, Note, RunBegan, RunEnded
from batchsync.ledger import FileFacts, Ledger, RunRecord, SqliteLedger
from batchsync.lock import held
from batchsync.manifest import Manifest
from batchsync.model import IN_FLIGHT, JobState
from batchsync.places import Places, places
from batchsync.plan import Action, Plan, Step
from batchsync.report import summary as summaries
from batchsync.report.summary import Summary
from batchsync.report.table import rows, write_csv
from batchsync.settings import RunSettings
from batchsync.stages.download import sweep
from batchsync.standing import (
    Prospect,
    Standing,
    effective_jobs,
    look_ahead,
    planned_offline,
    read_standing,
    refuse_foreign_ledger,
    selector,
)
from batchsync.survey import refuse_changed
from batchsync.webhook.door import Listen

# Flags that the command to go on with must not have: it would stop short again, or take a
# person's word that was given once for given twice.
_NOT_AGAIN = frozenset({"--no-wait", "--no-download", "--dry-run", "--resubmit-unconfirmed"})


@dataclass(frozen=True, slots=True)
class Options:
    """What one run is to do, beyond its settings.

    Attributes:
        wait: False submits and leaves.
        fetch: False stops at rendered.
        only: globs of job ids; empty means all.
        keep_changed: leave ended jobs alone even if their inputs changed.
        resubmit_unconfirmed: a person's word that unconfirmed jobs may be bought again.
        error_on_nothing: end with 9 if there was nothing to do.
        refetch: only download finished renders again: those named, or if none is, those whose
            output is missing or damaged.
        command: how to go on, for the summary.
        manifest: its path as the user wrote it, for the same.
        flags: that say where things are; every command to go on with has them.
        sweep: look through the output directory for parts that were left behind.
        listen: takes the service's events in, see `webhook.door`; None where none come.
        pinned: files that must not have changed since; whoever waited for the lock is refused.
    """

    wait: bool = True
    fetch: bool = True
    only: tuple[str, ...] = ()
    keep_changed: bool = False
    resubmit_unconfirmed: bool = False
    error_on_nothing: bool = False
    refetch: tuple[str, ...] | None = None
    command: tuple[str, ...] = ("batchsync", "run", "MANIFEST")
    manifest: str = "MANIFEST"
    flags: tuple[str, ...] = ()
    sweep: bool = True
    listen: Listen | None = None
    pinned: Mapping[str, FileFacts] = field(default_factory=dict)


Connect = Callable[[Traffic], AbstractAsyncContextManager[Api]]


class BatchRun:
    """One process's work on one batch.

    Args:
        manifest: loaded and valid.
        settings: flags, environment and the manifest's `run:` merged.
        connect: opens the API, once there is something to ask of it; raises `KeyMissing`.
        announce: where events go.
        stop: closed from outside by a signal.
        patience: with calls that fail.
    """

    def __init__(
        self,
        manifest: Manifest,
        settings: RunSettings,
        options: Options,
        connect: Connect,
        announce: Announcer,
        stop: Stop,
        patience: Patience | None = None,
    ) -> None:
        self._manifest = manifest
        self._settings = settings
        self._options = options
        self._connect = connect
        self._announce = announce
        self._stop = stop
        self._patience = patience or Patience()
        self._places: Places = places(manifest.path, manifest.name, settings)
        self._begin = time.monotonic()
        self._traffic = Traffic()
        self._engagement: Engagement | None = None
        self.run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"

    async def run(self, standing: Standing | None = None) -> Summary:
        """Do what there is to do; observers are told of the beginning and the end.

        Args:
            standing: of the ledger, if the caller has just read it.

        Raises:
            ManifestError: files are missing or unfit, and `keep_going` is off; nothing was sent.
            UsageError: `only` names no job, or the ledger is another manifest's.
            KeyMissing: there is work, and no key.
            LockHeld: another process works on this batch.
            LedgerUnusable, LedgerError: the ledger can't be read or written.
        """
        self._announce(self._beginning())
        try:
            summary = await self._run(standing)
        except BaseException as error:
            self._announce(ended_by(error))
            raise
        self._announce(RunEnded(time.time(), int(summary.exit)))
        return summary

    def _beginning(self) -> RunBegan:
        options, limit = self._options, self._settings.max_in_flight
        goal = JobState.RENDERED if not options.fetch else JobState.DONE
        return RunBegan(
            self._manifest.name,
            self.run_id,
            time.time(),
            goal if options.wait else JobState.SUBMITTED,
            None if limit == "auto" else limit,
        )

    async def _run(self, standing: Standing | None) -> Summary:
        if standing is None:
            standing = await asyncio.to_thread(read_standing, self._places.state)
        await asyncio.to_thread(refuse_foreign_ledger, self._manifest, standing)
        self._refuse_empty_choice()
        try:
            prospect = await self._look(standing)
            if not self._has_work(prospect.plan, standing):
                return await self._idle(prospect.plan, standing)
            # Asked before anything is made on disk, so that a missing key leaves no trace.
            connection = self._connect(self._traffic)
            lock = held(
                self._places.lock,
                self._places.state,
                self._settings.lock_wait,
                lambda holder: self._announce(Note("info", f"waiting: {holder}")),
            )
            await self._stop.unless_left(lock.__aenter__())
        except LeftError:
            return self._summary(self._everything(standing), standing, self._stop.codes)
        try:
            return await self._locked(connection, prospect.facts)
        finally:
            await lock.__aexit__(None, None, None)

    async def _locked(
        self, connection: AbstractAsyncContextManager[Api], facts: Mapping[str, FileFacts]
    ) -> Summary:
        ledger = await asyncio.to_thread(SqliteLedger.open, self._places.state, self.run_id)
        try:
            async with connection as api:
                return await self._work(ledger, api, facts)
        finally:
            await ledger.close()

    async def _work(self, ledger: Ledger, api: Api, facts: Mapping[str, FileFacts]) -> Summary:
        recorder = Recorder(ledger, self._announce)
        await ledger.enroll(self._manifest.jobs)
        await unconfirm_crashed(self._manifest.jobs, ledger, recorder)
        if self._options.resubmit_unconfirmed:
            await self._resubmit(ledger, recorder)
        standing = await _standing_of(ledger)
        for warning in self._manifest.warnings:
            self._announce(Note("warning", str(warning)))
        self._report_removed(standing)
        await ledger.begin_run(self._run_record())
        summary = None
        try:
            summary = await self._engage(ledger, api, standing, facts)
        finally:
            code = summary.exit if summary else ExitCode.INTERNAL
            text = json.dumps(summary.to_json()) if summary else "null"
            # If the ledger can't be written, the error on its way says more than a second one.
            with contextlib.suppress(LedgerError):
                await ledger.end_run(self.run_id, time.time(), int(code), text)
        return summary

    async def _engage(
        self, ledger: Ledger, api: Api, standing: Standing, facts: Mapping[str, FileFacts]
    ) -> Summary:
        engagement = self._engagement = Engagement(
            api,
            ledger,
            self._settings,
            self._places,
            self._announce,
            self._stop,
            self._traffic,
            self._patience,
            wait=self._options.wait,
            fetch=self._options.fetch,
            listen=self._options.listen,
        )
        plan = self._everything(standing)
        await asyncio.to_thread(refuse_changed, self._options.pinned)
        with contextlib.suppress(LeftError):
            # Planned anew: another run may have worked on the batch since the first look. What
            # that look found in the files still holds, as long as their size and mtime do.
            prospect = await self._look(replace(standing, files={**standing.files, **facts}))
            plan = prospect.plan
            new = [
                fact for path, fact in prospect.facts.items() if standing.files.get(path) != fact
            ]
            await ledger.keep_files(new)
            await engagement.carry_out(plan, standing)
        standing = await _standing_of(ledger)
        if self._options.sweep:
            await asyncio.to_thread(sweep, self._places.output_dir, _finished(standing))
        await engagement.ask_balance()
        await self._write_results(plan, standing)
        counts = summaries.count_jobs(plan.steps, standing.records)
        codes = summaries.exit_of(counts, self._stop.codes)
        if any(_still_changed(step, standing) for step in plan.of(Action.AGAIN)):
            # A finished job whose new version has to wait still looks finished.
            codes |= {ExitCode.INCOMPLETE}
        return self._summary(plan, standing, codes)

    async def _look(self, standing: Standing) -> Prospect:
        """Plan, looking at the files that matter.

        Raises:
            ManifestError: some are unfit, and `keep_going` is off.
            LeftError: the run was told to leave meanwhile.
        """
        if self._options.refetch is not None:
            jobs = effective_jobs(self._manifest, standing)
            again = await self._stop.unless_left(
                asyncio.to_thread(refetch.plan, jobs, standing.records, self._options.refetch)
            )
            return Prospect(again, standing.files)
        prospect = await self._stop.unless_left(
            look_ahead(
                self._manifest,
                self._places,
                standing,
                only=self._options.only,
                keep_changed=self._options.keep_changed,
            )
        )
        if prospect.plan.problems and not self._settings.keep_going:
            raise ManifestError(prospect.plan.problems)
        return prospect

    def _everything(self, standing: Standing) -> Plan:
        """All jobs as they stand, for a run that leaves before it has planned."""
        wanted = selector(self._options.only)
        steps = planned_offline(self._manifest, standing)
        return Plan(tuple(step for step in steps if wanted(step.job.id)))

    def _refuse_empty_choice(self) -> None:
        wanted = selector(self._options.only)
        if self._options.only and not any(wanted(job.id) for job in self._manifest.jobs):
            raise UsageError(f"--only {' '.join(self._options.only)}: no job of the manifest fits")

    def _has_work(self, plan: Plan, standing: Standing) -> bool:
        if _was_cut_off(standing, self._places.state):
            return True
        crashed = any(
            step.record is not None and step.record.state is JobState.SUBMITTING
            for step in plan.steps
        )
        wished = self._options.resubmit_unconfirmed and bool(plan.of(Action.CONFIRM))
        news = any(_is_news(step) for step in plan.of(Action.UNFIT))
        return crashed or wished or news or any(step.works for step in plan.steps)

    async def _idle(self, plan: Plan, standing: Standing) -> Summary:
        """Nothing to do: no request, no file touched, but a lost results table is made again."""
        if not self._places.results.exists() and plan.steps:
            await self._write_results(plan, standing)
        for problem in plan.problems:
            self._announce(Note("warning", str(problem)))
            self._stop.codes.add(ExitCode.SOME_FAILED)
        counts = summaries.count_jobs(plan.steps, standing.records)
        codes = summaries.exit_of(counts, self._stop.codes)
        if not codes and self._options.error_on_nothing:
            codes = {ExitCode.NOTHING_TO_DO}
        return self._summary(plan, standing, codes, nothing=True)

    def _report_removed(self, standing: Standing) -> None:
        removed = [record for record in standing.records.values() if not record.in_manifest]
        waiting = [record.id for record in removed if record.state in IN_FLIGHT]
        if removed:
            words = f"{len(removed)} jobs of the ledger are no longer in the manifest"
            if waiting:
                words += f"; paid for and not fetched: {', '.join(waiting)}: put them back for that"
            self._announce(Note("warning" if waiting else "info", words))

    async def _resubmit(self, ledger: Ledger, recorder: Recorder) -> None:
        wanted = selector(self._options.only)
        records = await ledger.records()
        for job in self._manifest.jobs:
            record = records.get(job.id)
            if record and record.state is JobState.UNCONFIRMED and wanted(job.id):
                await recorder.reopened(from_record(job, record), "--resubmit-unconfirmed")

    async def _write_results(self, plan: Plan, standing: Standing) -> None:
        # The whole batch, in manifest order, whatever --only left out.
        planned = {step.job.id: step for step in plan.steps}
        others = planned_offline(self._manifest, standing)
        steps = [planned.get(step.job.id, step) for step in others]
        path = self._places.results
        table = rows(steps, standing.records, standing.costs, path.parent, standing.reviews)
        try:
            await asyncio.to_thread(write_csv, path, table)
        except OutputUnwritable as error:
            self._stop.codes.add(ExitCode.INTERNAL)
            self._announce(Note("error", str(error)))

    def _summary(
        self, plan: Plan, standing: Standing, codes: set[ExitCode], nothing: bool = False
    ) -> Summary:
        code = ExitCode.NOTHING_TO_DO if ExitCode.NOTHING_TO_DO in codes else most_severe(codes)
        records, engagement = standing.records, self._engagement
        balance = engagement.balance if engagement else None
        saved = engagement.saved_bytes if engagement else 0
        return Summary(
            batch=self._manifest.name,
            run_id=self.run_id,
            exit=code,
            jobs=summaries.count_jobs(plan.steps, records),
            credits=summaries.count_credits(plan.steps, records, standing.costs, balance),
            bytes=summaries.Bytes(self._traffic.uploaded, saved, self._traffic.downloaded),
            requests=summaries.requests_of(self._traffic),
            elapsed_seconds=time.monotonic() - self._begin,
            results=str(self._places.results),
            failures=summaries.group_failures(plan.steps, records),
            next=self._next(code, plan, standing),
            reasons=tuple(self._stop.reasons),
            nothing_to_do=nothing,
        )

    def _next(self, code: ExitCode, plan: Plan, standing: Standing) -> str | None:
        """The exact command to go on with."""
        manifest = self._options.manifest
        if code in (ExitCode.OK, ExitCode.NOTHING_TO_DO):
            return None
        if code is ExitCode.SOME_FAILED:
            return shlex.join(["batchsync", "retry", manifest, "--failed", *self._options.flags])
        if code is ExitCode.UNCONFIRMED:
            ids = [
                step.job.id
                for step in plan.steps
                if (record := standing.records.get(step.job.id))
                and record.state is JobState.UNCONFIRMED
            ]
            words = ["batchsync", "resolve", manifest, *ids[:1], "--adopt", "PROJECT_ID"]
            return shlex.join([*words, *self._options.flags])
        return shlex.join(word for word in self._options.command if word not in _NOT_AGAIN)

    def _run_record(self) -> RunRecord:
        return RunRecord(
            id=self.run_id,
            started_at=time.time(),
            ended_at=None,
            host=socket.gethostname(),
            pid=os.getpid(),
            manifest=str(self._manifest.path),
            base_url=self._settings.base_url,
            version=__version__,
            exit_code=None,
        )


def _finished(standing: Standing) -> set[str]:
    """Renders that lie under their final names."""
    attempts = (
        record.attempt for record in standing.records.values() if record.state is JobState.DONE
    )
    return {attempt.project_id for attempt in attempts if attempt and attempt.project_id}


async def _standing_of(ledger: Ledger) -> Standing:
    return Standing(
        await ledger.records(),
        await ledger.costs(),
        await ledger.files(),
        reviews=await ledger.reviews(),
    )


def _was_cut_off(standing: Standing, state: Path) -> bool:
    """Whether the last run died, perhaps between its last record and the results table."""
    run = standing.latest_run
    died = run is not None and run.ended_at is None
    return died or state.with_name(f"{state.name}-wal").exists()


def _still_changed(step: Step, standing: Standing) -> bool:
    """Whether a job that was to be made anew has not been bought again."""
    record = standing.records.get(step.job.id)
    before = step.record
    return bool(record and before and record.attempt_number == before.attempt_number)


def _is_news(step: Step) -> bool:
    """Whether no run has recorded yet that this job is unfit."""
    if step.record is None:
        return True
    return step.record.attempt is None and step.record.failure != preflight_failure(step)
