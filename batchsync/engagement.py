"""One run's work with the service: account, tools and engine put together around a plan."""

import asyncio
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from batchsync.advice import advised
from batchsync.api.protocol import Api, Traffic
from batchsync.api.retry import Patience, RetryingApi
from batchsync.api.wire import Account
from batchsync.engine.breaker import Breaker
from batchsync.engine.budget import Budget
from batchsync.engine.case import Case, from_record
from batchsync.engine.engine import Engine
from batchsync.engine.headstart import HEADSTART
from batchsync.engine.history import Clue, History
from batchsync.engine.library import REUSE_SECONDS
from batchsync.engine.memory import learnt
from batchsync.engine.order import longest_first
from batchsync.engine.recorder import Recorder
from batchsync.engine.slots import Slots
from batchsync.engine.stop import LeftError, Stop
from batchsync.engine.tools import Tools
from batchsync.engine.uploading import Uploading, reusable_since
from batchsync.errors import ExitCode, RemoteError, Unauthorized
from batchsync.events import Announcer, CallRetried, LimitChanged, Note
from batchsync.ledger.protocol import FileFacts, Ledger
from batchsync.ledger.siblings import Siblings
from batchsync.model import Failure, JobState, Stage
from batchsync.places import Places
from batchsync.plan import Action, Plan, Step
from batchsync.request import range_seconds
from batchsync.settings import RunSettings
from batchsync.stages.claim import Claim
from batchsync.standing import Standing
from batchsync.webhook.door import Listen

# How many of the latest render times are learnt from.
_REMEMBERED_RENDERS = 200
# Seconds that the last question for the balance may take.
_BALANCE_SECONDS = 5.0
# More would scroll past; a systematic cause shows in the first few.
_WARNINGS_SHOWN = 10


@dataclass(slots=True)
class Engagement:
    """Carries a plan out.

    Attributes:
        wait: False submits and leaves.
        fetch: False stops at rendered.
        listen: takes the service's events in.
        balance: credits of the account when last asked, None if it was not.
        saved_bytes: uploads that did not have to be made.
    """

    api: Api
    ledger: Ledger
    settings: RunSettings
    places: Places
    announce: Announcer
    stop: Stop
    traffic: Traffic
    patience: Patience
    wait: bool = True
    fetch: bool = True
    listen: Listen | None = None
    balance: int | None = None
    saved_bytes: int = 0

    async def carry_out(self, plan: Plan, standing: Standing) -> None:
        """Work until every job has come as far as it can in this run.

        Raises:
            LedgerError: a record could not be written; nothing more was submitted.
        """
        recorder = Recorder(self.ledger, self.announce)
        cases = await self._open_cases(recorder, plan)
        api = RetryingApi(self.api, self.patience, self.traffic, self._retried)
        account = await self._account(api, plan)
        files = await self.ledger.files()
        self._warn(advised(plan, files, account.tier if account else None))
        tools = self._tools(api, recorder, standing)
        uploading = await self._uploading(tools, account, files, plan)
        history = History(learnt(await self.ledger.render_times(_REMEMBERED_RENDERS)))
        engine = Engine(
            tools,
            uploading,
            history,
            self.places.output_dir,
            total=len(plan.steps),
            wait=self.wait,
            fetch=self.fetch,
            hears=self.listen is not None,
        )
        self.announce.subscribe(engine.heed)
        async with self.listen(engine.heard) if self.listen else nullcontext():
            engine.doubt(self._doubts(plan))
            try:
                await engine.run(self._in_order(cases, tools.budget, history))
            finally:
                self.saved_bytes = uploading.saved_bytes

    def _retried(self, call: str, error: BaseException, pause: float) -> None:
        self.announce(CallRetried(call, str(error), pause))

    def _doubts(self, plan: Plan) -> Iterable[tuple[Case, Claim, float]]:
        """Unconfirmed submissions of earlier runs, what each had asked for, and its age."""
        for step in plan.of(Action.CONFIRM):
            attempt = step.record.attempt if step.record else None
            if attempt is not None and attempt.base_url == self.settings.base_url:
                case = from_record(step.job, step.record)
                claim = Claim.of(step.job, attempt.tag, attempt.parameters)
                yield case, claim, time.time() - attempt.submitting_at

    def _in_order(self, cases: Sequence[Case], budget: Budget, history: History) -> Sequence[Case]:
        """Longest first where that shortens the whole.

        Where not all may be bought, the manifest's order says which are: with a cap, a balance or
        a time limit that may not reach to the end.
        """
        cost = sum(case.estimate for case in cases if case.is_to_be_bought)
        purse = [self.balance] if self.balance is not None else []
        if budget.cap is not None:
            purse.append(budget.cap - budget.spent)
        scarce = any(cost > credits for credits in purse) or self.settings.max_duration is not None
        if self.settings.order == "manifest" or scarce:
            return cases

        def seconds(case: Case) -> float | None:
            job = case.job
            clue = Clue.of(job.generation_mode, range_seconds(job), job.max_fps_limit)
            # Nothing seen yet: frames are what a render's time grows with.
            return history.expected(clue.mode, clue.frames) or clue.frames

        return longest_first(cases, seconds)

    async def ask_balance(self) -> None:
        """Ask once more what is left, if it was asked at the start."""
        if self.balance is None:
            return
        # The figure from the start is stale by now.
        self.balance = None
        try:
            async with asyncio.timeout(_BALANCE_SECONDS):
                self.balance = (await self.stop.unless_left(self.api.account())).credits
        except (RemoteError, TimeoutError, LeftError):
            pass

    async def _open_cases(self, recorder: Recorder, plan: Plan) -> list[Case]:
        """The cases to carry; what is to be downloaded again is moved back to rendered."""
        for step in plan.of(Action.UNFIT):
            await self._record_unfit(recorder, step)
        if self.stop.left.is_set():
            return []
        return [await _open_case(recorder, step) for step in plan.steps if step.works]

    async def _record_unfit(self, recorder: Recorder, step: Step) -> None:
        if step.record is not None and step.record.attempt is not None:
            # Something was made before and stays; only its new version can't be.
            self.stop.codes.add(ExitCode.SOME_FAILED)
            for problem in step.problems:
                self.announce(Note("warning", str(problem)))
            return
        await recorder.failed(from_record(step.job, step.record), preflight_failure(step))

    async def _account(self, api: Api, plan: Plan) -> Account | None:
        """Balance and plan of the account, if anything is to be bought."""
        buying = [step for step in plan.steps if step.buys]
        if not buying:
            return None
        try:
            account = await self.stop.unless_left(api.account())
        except LeftError:
            return None
        except Unauthorized as error:
            self.stop.close(ExitCode.DENIED, f"the key is not accepted ({error})")
            return None
        except RemoteError as error:
            self.announce(Note("warning", f"the account can't be read: {error}"))
            return None
        self.balance = account.credits
        if account.credits < plan.credits_estimated:
            self.announce(Note("warning", _reach(account.credits, buying)))
        return account

    def _tools(self, api: Api, recorder: Recorder, standing: Standing) -> Tools:
        spent = sum(cost.held for cost in standing.costs.values())
        return Tools(
            api=api,
            recorder=recorder,
            settings=self.settings,
            stop=self.stop,
            slots=Slots(
                self.settings.max_in_flight,
                lambda limit, reason: self.announce(LimitChanged(limit, reason)),
            ),
            budget=Budget(self.settings.max_credits, spent, settles=self.wait),
            breaker=Breaker(self.stop.close),
            announce=self.announce,
            patience=self.patience,
        )

    def _warn(self, plan: Plan) -> None:
        for warning in plan.warnings[:_WARNINGS_SHOWN]:
            self.announce(Note("warning", str(warning)))
        if (more := len(plan.warnings) - _WARNINGS_SHOWN) > 0:
            self.announce(Note("warning", f"… and {more} more warnings: batchsync plan has all"))

    async def _uploading(
        self,
        tools: Tools,
        account: Account | None,
        files: Mapping[str, FileFacts],
        plan: Plan,
    ) -> Uploading:
        owner = (account.id if account else None) or ""
        base_url = self.settings.base_url
        assets = await self.ledger.assets(base_url, owner, reusable_since(time.time()))
        # Whose an upload is must be known before another batch's is taken for ours.
        siblings = Siblings(self.places.state, base_url, owner, REUSE_SECONDS) if owner else None
        uploading = Uploading(tools, self.ledger, owner, assets, files, siblings, HEADSTART)
        await uploading.learn(_local_files(plan))
        return uploading


def _local_files(plan: Plan) -> set[str]:
    """What is to be sent, unless the service has it."""
    return {
        source.value
        for step in plan.steps
        if step.buys
        for _, source in step.job.sources
        if source.is_local
    }


def preflight_failure(step: Step) -> Failure:
    """Why a job is unfit, in the words of the results table."""
    return Failure(Stage.PREFLIGHT, "unfit", "; ".join(str(each) for each in step.problems))


async def _open_case(recorder: Recorder, step: Step) -> Case:
    case = from_record(step.job, step.record, step.credits_estimated)
    if step.buys and case.state not in (JobState.PENDING, JobState.UPLOADED):
        why = f"changed: {', '.join(step.changed)}" if step.changed else "the file is there now"
        return from_record(step.job, step.record, step.credits_estimated, reopen=why)
    if step.action is Action.DOWNLOAD and case.state is not JobState.RENDERED:
        return await recorder.to_be_fetched(case, "downloaded again")
    return case


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
