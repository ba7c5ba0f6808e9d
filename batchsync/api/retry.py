"""When a call is made again, and after how long: the one place that imports tenacity.

Reads and transfers are idempotent and are repeated here. The create call is not: it passes
through, and what may be sent again is decided in `stages.submit`.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import tenacity

from batchsync.api.protocol import Api, Fetched, Progress, Traffic, UploadItem
from batchsync.api.wire import Account, Created, Project, UploadTicket
from batchsync.errors import BatchsyncError, RemoteError, UrlExpired

T = TypeVar("T")

# Pauses grow by this factor: six failures in a row, as under a shower of faults, cost seconds, and
# an outage of minutes is still asked only twice a minute.
_GROWTH = 1.6

# Seconds. A fresh pre-signed URL helps at once: there is nothing to wait for.
_EXPIRED_URL_PAUSE = 1.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on trying. Times are seconds; tests hold the clock through `sleep`.

    Attributes:
        tries: calls at most.
        first: longest pause after the first failure; it grows with each.
        longest: where the growth ends (CONTRACT advises 30-60 s after a 502).
        total: seconds from the first call after which no further one is made.
    """

    tries: int = 40
    first: float = 0.5
    longest: float = 30.0
    total: float = 600.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def pause(self, tries: int, retry_after: float | None = None) -> float:
        """Seconds to wait after `tries` failures; a `Retry-After` is the least."""
        wait = tenacity.wait_random_exponential(
            multiplier=self.first, max=self.longest, exp_base=_GROWTH
        )
        waited: float = wait(_after(tries))
        if retry_after is None:
            return waited
        # A little after the moment named, and not all callers at once.
        return retry_after + waited / 4


def poll_pause(looks: int, shortest: float, longest: float) -> float:
    """Seconds to the next look at a render that has been looked at `looks` times.

    The vendor advises 3 s to 30 s, growing by half each time. A tenth of jitter keeps jobs that
    were submitted together from being asked for together.
    """
    wait = tenacity.wait_exponential(multiplier=shortest, exp_base=1.5, max=longest)
    grown: float = wait(_after(max(1, looks)))
    return grown * random.uniform(0.9, 1.1)  # noqa: S311


def _after(tries: int) -> tenacity.RetryCallState:
    """What tenacity's wait strategies are asked with."""
    state = tenacity.RetryCallState(None, None, (), {})  # type: ignore[arg-type]
    state.attempt_number = tries
    return state


class RetryingApi:
    """An `Api` whose idempotent calls are repeated while that may help."""

    def __init__(
        self,
        api: Api,
        patience: Patience,
        traffic: Traffic,
        on_retry: Callable[[str, BaseException, float], None] = lambda *_: None,
    ) -> None:
        self._api = api
        self._patience = patience
        self._traffic = traffic
        self._on_retry = on_retry

    async def account(self) -> Account:
        """`GET /v1/account`."""
        return await self._repeat("account", self._api.account)

    async def upload_urls(self, items: Sequence[UploadItem]) -> list[UploadTicket]:
        """`POST /v1/files/upload-urls`: asking twice costs nothing, unused places expire."""
        return await self._repeat("upload_urls", lambda: self._api.upload_urls(items))

    async def create(self, body: dict[str, Any]) -> Created:
        """Never repeated: it is not idempotent, and each success is a charge."""
        return await self._api.create(body)

    async def project(self, project_id: str) -> Project:
        """One look; the poll scheduler is its own retry."""
        return await self._api.project(project_id)

    async def put(self, url: str, path: Path, size: int, progress: Progress) -> str:
        """One try: the upload stage asks for a fresh URL before the next."""
        return await self._api.put(url, path, size, progress)

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """One try: the download stage asks for a fresh URL before the next."""
        return await self._api.get(url, part, progress)

    async def _repeat(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await repeat(
            call, self._patience, lambda error, pause: self._note(name, error, pause)
        )

    def _note(self, name: str, error: BaseException, pause: float) -> None:
        self._traffic.retries += 1
        self._on_retry(name, error, pause)


def is_retryable(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    return isinstance(error, BatchsyncError) and error.retryable


async def repeat(
    call: Callable[[], Awaitable[T]],
    patience: Patience,
    note: Callable[[BaseException, float], None] = lambda *_: None,
) -> T:
    """Call until it succeeds, the error is final, or patience ends (then the last error)."""
    # Nearly every call succeeds at once, and then needs no machinery.
    try:
        return await call()
    except BatchsyncError as error:
        if not error.retryable:
            raise
        failed = [error]

    def wait(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, UrlExpired):
            return min(_EXPIRED_URL_PAUSE, patience.pause(state.attempt_number))
        hint = error.retry_after if isinstance(error, RemoteError) else None
        return patience.pause(state.attempt_number, hint)

    def before_sleep(state: tenacity.RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if error is not None and state.next_action is not None:
            note(error, state.next_action.sleep)

    retrying = tenacity.AsyncRetrying(
        retry=tenacity.retry_if_exception(is_retryable),
        wait=wait,
        stop=tenacity.stop_after_attempt(patience.tries)
        | tenacity.stop_before_delay(patience.total),
        before_sleep=before_sleep,
        sleep=patience.sleep,
        reraise=True,
    )

    async def attempt() -> T:
        if failed:
            raise failed.pop()
        return await call()

    return await retrying(attempt)
