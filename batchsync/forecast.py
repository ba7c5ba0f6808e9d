"""What a plan comes to beyond its credits: uploads, frames, time, how far the money goes; pure.

Contents are told apart by their hash where the ledger knows it, else by their path: a plan reads
no file just to know whether two are alike.
"""

import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from batchsync.ledger.protocol import FileFacts
from batchsync.model import Asset, Job, JobState, Role, Source, Stage
from batchsync.plan import Action, Plan, Step
from batchsync.request import frames, output_fps, range_seconds

# Where `max_in_flight: auto` starts; what it grows to is not known beforehand.
_AUTO_SLOTS = 16
# Renders seen before their times are trusted.
_ENOUGH = 3

_Key = tuple[str, Role, str]


@dataclass(frozen=True, slots=True)
class Uploads:
    """Files and bytes that go up, and those that need not."""

    files: int = 0
    bytes: int = 0
    saved_files: int = 0
    saved_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Purse:
    """What there is to spend, in credits; None where it is not known or not limited.

    Attributes:
        balance: of the account.
        tier: the account's plan.
        cap: `max_credits`, over all runs of the batch.
        spent: what counts against the cap already.
    """

    balance: int | None = None
    tier: str | None = None
    cap: int | None = None
    spent: int = 0

    @property
    def allowed(self) -> int | None:
        """What the cap leaves; None without one."""
        return None if self.cap is None else max(0, self.cap - self.spent)

    @property
    def room(self) -> int | None:
        """Credits that a run may spend; None where nothing limits it."""
        limits = [limit for limit in (self.balance, self.allowed) if limit is not None]
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class Forecast:
    """A plan, and what it comes to.

    Attributes:
        seconds: how long the renders should take, None without history.
        renders_seen: how many earlier renders that is learnt from.
    """

    batch: str
    plan: Plan
    purse: Purse
    uploads: Uploads
    frames: Mapping[str, int | None]
    seconds: float | None = None
    renders_seen: int = 0

    @property
    def suffices(self) -> bool:
        """Whether balance and cap cover every create call at its estimate."""
        room = self.purse.room
        return room is None or self.plan.credits_estimated <= room


def forecast(
    batch: str,
    plan: Plan,
    purse: Purse,
    files: Mapping[str, FileFacts],
    assets: Iterable[Asset] = (),
    history: Sequence[float] = (),
    slots: int | Literal["auto"] = "auto",
) -> Forecast:
    """Work a plan out.

    Args:
        batch: its name.
        plan: what will happen to each job.
        purse: balance and cap.
        files: what is known of local files.
        assets: contents that the service still has.
        history: seconds that earlier renders of this batch took.
        slots: renders in flight at a time.
    """
    shelf = {(asset.sha256, asset.role, asset.extension) for asset in assets}
    return Forecast(
        batch,
        plan,
        purse,
        _uploads(plan, files, shelf),
        {step.job.id: frames_of(step, files) for step in plan.steps if step.buys},
        _seconds(plan, history, _AUTO_SLOTS if slots == "auto" else slots),
        len(history),
    )


def _uploads(plan: Plan, files: Mapping[str, FileFacts], shelf: Collection[_Key]) -> Uploads:
    there = set(shelf)
    count = size = saved_count = saved_size = 0
    for step in plan.steps:
        if not step.buys:
            continue
        for role, source in step.job.sources:
            fact = files.get(source.value) if source.is_local else None
            if fact is None:
                continue
            key = _key(role, source, fact)
            if key in there:
                saved_count += 1
                saved_size += fact.size
            else:
                there.add(key)
                count += 1
                size += fact.size
    return Uploads(count, size, saved_count, saved_size)


def _key(role: Role, source: Source, fact: FileFacts) -> _Key:
    return fact.sha256 or source.value, role, source.extension


def frames_of(step: Step, files: Mapping[str, FileFacts]) -> int | None:
    """Frames that a job's render should have; None where the video's rate is unknown."""
    fact = files.get(step.job.video.value)
    fps = output_fps(step.job, fact.media if fact else None)
    return None if fps is None else frames(range_seconds(step.job), fps)


def _seconds(plan: Plan, history: Sequence[float], slots: int) -> float | None:
    renders = sum(step.buys or step.action is Action.COLLECT for step in plan.steps)
    if len(history) < _ENOUGH or not renders:
        return None
    # Slots are refilled as they fall free, so the renders line up; the last takes a whole one.
    waiting = max(0, renders - slots)
    return waiting * statistics.fmean(history) / slots + statistics.median(history)


def covered(steps: Iterable[Step], room: int) -> int:
    """How many of the jobs to be bought, in order, some credits cover at their estimates."""
    count = 0
    for step in steps:
        if step.buys:
            room -= step.credits_estimated
            if room < 0:
                break
            count += 1
    return count


def entry_stage(step: Step) -> Stage | None:
    """Where a run takes a job up; None where it leaves it alone."""
    if step.action is Action.COLLECT:
        return Stage.POLL
    if step.action is Action.DOWNLOAD:
        return Stage.DOWNLOAD
    if not step.buys:
        return None
    resumes = step.record is not None and step.record.state is JobState.UPLOADED
    return Stage.SUBMIT if resumes else Stage.UPLOAD


def is_retry(step: Step) -> bool:
    """Whether the job was tried before, and is to be tried again."""
    record = step.record
    return (
        step.action is Action.SUBMIT
        and record is not None
        and (record.attempt_number > 0 or record.state is JobState.FAILED)
    )


def group_value(job: Job, by: str) -> str:
    """What a job counts under: its tag, or its mode."""
    return job.generation_mode.value if by == "mode" else job.tags.get(by, "")
