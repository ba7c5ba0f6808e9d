"""What every stage of a run works with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from batchsync.api.protocol import Api
from batchsync.api.retry import Patience
from batchsync.engine.breaker import Breaker
from batchsync.engine.budget import Budget
from batchsync.engine.recorder import Recorder
from batchsync.engine.slots import Slots
from batchsync.engine.stop import Stop
from batchsync.errors import BatchsyncError
from batchsync.events import BytesMoved, CallRetried, Event
from batchsync.model import Failure, Stage
from batchsync.settings import RunSettings


@dataclass(frozen=True, slots=True)
class Tools:
    """One run's shared parts."""

    api: Api
    recorder: Recorder
    settings: RunSettings
    stop: Stop
    slots: Slots
    budget: Budget
    breaker: Breaker
    announce: Callable[[Event], None]
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], float] = time.time

    def uploading(self, count: int) -> None:
        """Some bytes went up."""
        self.announce(BytesMoved("up", count))

    def downloading(self, count: int) -> None:
        """Some bytes came down."""
        self.announce(BytesMoved("down", count))

    def retrying(self, call: str, job: str) -> Callable[[BaseException, float], None]:
        """Says that a call of a job is made again."""
        return lambda error, pause: self.announce(CallRetried(call, str(error), pause, job))


def failure_of(stage: Stage, error: BatchsyncError) -> Failure:
    """An error in the words of the results table."""
    return Failure(stage, error.code, str(error))
