"""`batchsync run`: from a manifest to outputs, results and a summary."""

import asyncio
import json
import os
import shlex
import socket
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from batchsync import __version__, refetch
from batchsync.api.protocol import Api, Traffic
from batchsync.api.retry import Patience, RetryingApi
from batchsync.api.wire import Account
from batchsync.engine.breaker import Breaker
from batchsync.engine.budget import Budget
from batchsync.engine.case import Case, from_record
from batchsync.engine.engine import Engine
from batchsync.engine.poller import History
from batchsync.engine.recorder import Recorder
from batchsync.engine.recovery import unconfirm_crashed
from batchsync.engine.slots import Slots
from batchsync.engine.stop import Stop, most_severe
from batchsync.engine.tools import Tools
from batchsync.engine.uploading import Uploading, reusable_since
from batchsync.errors import (
    ExitCode,
    ManifestError,
    OutputUnwritable,
    RemoteError,
    Unauthorized,
)
from batchsync.events import Announcer, LimitChanged, Note
from batchsync.ledger import Cost, JobRecord, Ledger, RunRecord, SqliteLedger
from batchsync.lock import held
from batchsync.manifest import Manifest
from batchsync.model import IN_FLIGHT, Failure, JobState, Stage
from batchsync.places import Places, places
from batchsync.plan import Action, Plan, Step
from batchsync.report import summary as summaries
from batchsync.report.summary import Summary
from batchsync.report.table import rows, write_csv
from batchsync.settings import RunSettings
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

# How many of the latest render times are learnt from.
_REMEMBERED_RENDERS = 200
# Seconds that the last question for the balance may take.
_BALANCE_SECONDS = 5.0


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
        self._saved_bytes = 0
        self._balance: int | None = None
        self.run_id = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:6]}"

    async def run(self) -> Summary:
        """Do what there is to do.

        Raises:
            ManifestError: files are missing or unfit, and `keep_going` is off; nothing was sent.
            KeyMissing: there is work, and no key.
            LockHeld: another process works on this batch.
            LedgerUnusable, LedgerError: the ledger can't be read or written.
        """
        standing = await asyncio.to_thread(read_standing, self._places.state)
        await asyncio.to_thread(refuse_foreign_ledger, self._manifest, standing)
        prospect = await self._look(standing)
        if not self._has_work(prospect.plan, standing):
            return await self._idle(prospect.plan, standing)
        # Asked before anything is made on disk, so that a missing key leaves no trace.
        connection = self._connect(self._traffic)
        async with held(self._places.lock, self._places.state, self._settings.lock_wait):
            ledger = await asyncio.to_thread(SqliteLedger.open, self._places.state, self.run_id)
            try:
                async with connection as api:
                    return await self._work(ledger, api, prospect)
            finally:
                await ledger.close()

    async def _look(self, standing: Standing) -> Prospect:
        if self._options.refetch is not None:
            jobs = effective_jobs(self._manifest, standing)
            again = await asyncio.to_thread(
                refetch.plan, jobs, standing.records, self._options.refetch
            )
            return Prospect(again, standing.files, frozenset())
        prospect = await look_ahead(
            self._manifest,
            self._places,
            standing,
            only=self._options.only,
            keep_changed=self._options.keep_changed,
        )
        if prospect.plan.problems and not self._settings.keep_going:
            raise ManifestError(prospect.plan.problems)
        return prospect

    def _has_work(self, plan: Plan, standing: Standing) -> bool:
        crashed = any(
            step.record is not None and step.record.state is JobState.SUBMITTING
            for step in plan.steps
        )
        wished = self._options.resubmit_unconfirmed and bool(plan.of(Action.CONFIRM))
        unfit = any(not _is_known_unfit(step) for step in plan.of(Action.UNFIT))
        return crashed or wished or unfit or any(step.works for step in plan.steps)

    async def _idle(self, plan: Plan, standing: Standing) -> Summary:
        """Nothing to do: no request, no file touched, but a lost results table is made again."""
        if not self._places.results.exists() and plan.steps:
            await self._write_results(plan, standing.records, standing.costs)
        codes = summaries.exit_of(summaries.count_jobs(plan.steps, standing.records), set())
        if not codes and self._options.error_on_nothing:
            codes = {ExitCode.NOTHING_TO_DO}
        return self._summary(plan, standing.records, standing.costs, codes, nothing=True)

    async def _work(self, ledger: Ledger, api: Api, prospect: Prospect) -> Summary:
        recorder = Recorder(ledger, self._announce)
        await ledger.enroll(self._manifest.jobs)
        await unconfirm_crashed(self._manifest.jobs, ledger, recorder)
        if self._options.resubmit_unconfirmed:
            await self._resubmit(ledger, recorder)
        await ledger.keep_files([prospect.facts[path] for path in sorted(prospect.fresh)])
        standing = Standing(await ledger.records(), await ledger.costs(), await ledger.files())
        # Planned anew: another run may have worked on the batch since the first look.
        plan = (await self._look(standing)).plan
        self._report_removed(standing)
        await ledger.begin_run(self._run_record())
        code = ExitCode.INTERNAL
        summary = None
        try:
            await self._engage(ledger, api, recorder, plan, standing)
            records, costs = await ledger.records(), await ledger.costs()
            await self._ask_balance(api)
            await self._write_results(plan, records, costs)
            codes = summaries.exit_of(summaries.count_jobs(plan.steps, records), self._stop.codes)
            summary = self._summary(plan, records, costs, codes)
            code = summary.exit
        finally:
            text = json.dumps(summary.to_json()) if summary else "null"
            await ledger.end_run(self.run_id, time.time(), int(code), text)
        return summary

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
                await recorder.reopened(from_record(job, record, 0), "--resubmit-unconfirmed")

    async def _engage(
        self,
        ledger: Ledger,
        api: Api,
        recorder: Recorder,
        plan: Plan,
        standing: Standing,
    ) -> None:
        cases = await self._open_cases(recorder, plan)
        retrying = RetryingApi(api, self._patience, self._traffic)
        account = await self._account(retrying, plan)
        tools = self._tools(retrying, recorder, standing)
        uploading = await self._uploading(tools, ledger, account)
        history = History(await ledger.render_seconds(_REMEMBERED_RENDERS))
        engine = Engine(
            tools,
            uploading,
            history,
            self._places.output_dir,
            total=len(plan.steps),
            wait=self._options.wait,
            fetch=self._options.fetch,
        )
        self._announce.subscribe(engine.heed)
        try:
            await engine.run(cases)
        finally:
            self._saved_bytes = uploading.saved_bytes

    async def _open_cases(self, recorder: Recorder, plan: Plan) -> list[Case]:
        """The cases to carry, with ended jobs brought back to where they begin anew."""
        await asyncio.gather(*(_fail_unfit(recorder, step) for step in plan.of(Action.UNFIT)))
        cases = await asyncio.gather(
            *(_open_case(recorder, step) for step in plan.steps if step.works)
        )
        return list(cases)

    async def _account(self, api: Api, plan: Plan) -> Account | None:
        """Balance and plan of the account, if anything is to be bought."""
        buying = [step for step in plan.steps if step.buys]
        if not buying:
            return None
        try:
            account = await api.account()
        except Unauthorized as error:
            self._stop.close(ExitCode.DENIED, f"the key is not accepted ({error})")
            return None
        except RemoteError as error:
            self._announce(Note("warning", f"the account can't be read: {error}"))
            return None
        self._balance = account.credits
        if account.credits < plan.credits_estimated:
            self._announce(Note("warning", _reach(account.credits, buying)))
        return account

    def _tools(self, api: Api, recorder: Recorder, standing: Standing) -> Tools:
        spent = sum(cost.held for cost in standing.costs.values())
        return Tools(
            api=api,
            recorder=recorder,
            settings=self._settings,
            stop=self._stop,
            slots=Slots(
                self._settings.max_in_flight,
                lambda limit, reason: self._announce(LimitChanged(limit, reason)),
            ),
            budget=Budget(self._settings.max_credits, spent, settles=self._options.wait),
            breaker=Breaker(self._stop.close),
            announce=self._announce,
            patience=self._patience,
        )

    async def _uploading(self, tools: Tools, ledger: Ledger, account: Account | None) -> Uploading:
        owner = (account.id if account else None) or ""
        base_url = self._settings.base_url
        assets = await ledger.assets(base_url, owner, reusable_since(time.time()))
        return Uploading(tools, ledger, owner, assets, await ledger.files())

    async def _ask_balance(self, api: Api) -> None:
        if self._balance is None:
            return
        if self._stop.left.is_set():
            # Whoever pressed Ctrl-C does not wait for it, and the figure from the start is stale.
            self._balance = None
            return
        try:
            async with asyncio.timeout(_BALANCE_SECONDS):
                self._balance = (await api.account()).credits
        except (RemoteError, TimeoutError):
            self._balance = None

    async def _write_results(
        self, plan: Plan, records: Mapping[str, JobRecord], costs: Mapping[str, Cost]
    ) -> None:
        # The whole batch, in manifest order, whatever --only left out.
        planned = {step.job.id: step for step in plan.steps}
        others = planned_offline(self._manifest, Standing(records))
        steps = [planned.get(step.job.id, step) for step in others]
        path = self._places.results
        table = rows(steps, records, costs, path.parent)
        try:
            await asyncio.to_thread(write_csv, path, table)
        except OutputUnwritable as error:
            self._stop.codes.add(ExitCode.INTERNAL)
            self._announce(Note("error", str(error)))

    def _summary(
        self,
        plan: Plan,
        records: Mapping[str, JobRecord],
        costs: Mapping[str, Cost],
        codes: set[ExitCode],
        nothing: bool = False,
    ) -> Summary:
        code = ExitCode.NOTHING_TO_DO if ExitCode.NOTHING_TO_DO in codes else most_severe(codes)
        failures = summaries.group_failures(plan.steps, records)
        return Summary(
            batch=self._manifest.name,
            run_id=self.run_id,
            exit=code,
            jobs=summaries.count_jobs(plan.steps, records),
            credits=summaries.count_credits(plan.steps, records, costs, self._balance),
            bytes=summaries.Bytes(
                self._traffic.uploaded, self._saved_bytes, self._traffic.downloaded
            ),
            requests=summaries.requests_of(self._traffic),
            elapsed_seconds=time.monotonic() - self._begin,
            results=str(self._places.results),
            failures=failures,
            next=self._next(code, plan, records),
            reasons=tuple(self._stop.reasons),
            nothing_to_do=nothing,
        )

    def _next(self, code: ExitCode, plan: Plan, records: Mapping[str, JobRecord]) -> str | None:
        """The exact command to go on with."""
        manifest = self._options.manifest
        if code in (ExitCode.OK, ExitCode.NOTHING_TO_DO):
            return None
        if code is ExitCode.SOME_FAILED:
            return shlex.join(["batchsync", "retry", manifest, "--failed"])
        if code is ExitCode.UNCONFIRMED:
            ids = [
                step.job.id
                for step in plan.steps
                if (record := records.get(step.job.id)) and record.state is JobState.UNCONFIRMED
            ]
            return shlex.join(["batchsync", "resolve", manifest, ids[0], "--adopt", "PROJECT_ID"])
        return shlex.join(self._options.command)

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


async def _open_case(recorder: Recorder, step: Step) -> Case:
    case = from_record(step.job, step.record, step.credits_estimated)
    if step.buys and case.state not in (JobState.PENDING, JobState.UPLOADED):
        why = f"changed: {', '.join(step.changed)}" if step.changed else "the file is there now"
        return replace(
            await recorder.reopened(case, why), submitted_at=None, estimate=step.credits_estimated
        )
    if step.action is Action.DOWNLOAD and case.state is JobState.DONE:
        return await recorder.to_be_fetched(case, "the output has another place")
    return case


def _is_known_unfit(step: Step) -> bool:
    """Whether an earlier run has recorded just this failure already."""
    failure = step.record.failure if step.record else None
    return failure is not None and failure == _preflight_failure(step)


def _preflight_failure(step: Step) -> Failure:
    return Failure(Stage.PREFLIGHT, "unfit", "; ".join(str(each) for each in step.problems))


async def _fail_unfit(recorder: Recorder, step: Step) -> None:
    case = from_record(step.job, step.record, 0)
    if case.state in (JobState.PENDING, JobState.UPLOADED, JobState.FAILED):
        await recorder.failed(case, _preflight_failure(step))


def _reach(balance: int, buying: Sequence[Step]) -> str:
    covered = 0
    left = balance
    for step in buying:
        left -= step.credits_estimated
        if left < 0:
            break
        covered += 1
    need = sum(step.credits_estimated for step in buying)
    return (
        f"the balance of {balance} credits covers {covered} of {len(buying)} jobs "
        f"(about {need} credits)"
    )
