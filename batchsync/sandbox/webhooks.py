"""Events about jobs, sent to the webhook's URL and signed as the vendor signs them."""

import asyncio
import hmac
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Final

from aiohttp import ClientError, ClientSession, ClientTimeout

from batchsync.sandbox.faults import EVENT, Fault, FaultPlan, Phase
from batchsync.sandbox.observer import Observer
from batchsync.sandbox.projects import Project
from batchsync.sandbox.settings import SandboxSettings

# A canceled job sends no event (CONTRACT: "Webhooks").
_TYPES: Final = {
    "rendering": "video.started",
    "complete": "video.completed",
    "error": "video.errored",
}
_ANSWER_SECONDS: Final = 5.0


class WebhookSender:
    """Sends an event for each change that has one; nobody waits for the receiver.

    Attributes:
        url: where to; None is nowhere.
    """

    def __init__(
        self,
        settings: SandboxSettings,
        faults: FaultPlan,
        observer: Observer,
        show: Callable[[Project], dict[str, Any]],
        clock: Callable[[], float],
    ) -> None:
        self.url = settings.webhook_url
        self._secret = settings.webhook_secret.encode()
        self._late = settings.late_seconds
        self._faults = faults
        self._observer = observer
        self._show = show
        self._clock = clock
        self._session: ClientSession | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self._held: list[bytes] = []

    def tell(self, project: Project) -> None:
        """A job has another status than before."""
        kind = _TYPES.get(project.status)
        if self.url is None or kind is None:
            return
        body = json.dumps({"type": kind, "payload": self._show(project)}).encode()
        fault = self._faults.draw(Phase.EVENT, EVENT)
        name = fault.name if isinstance(fault, Fault) else ""
        if name == "event-disorder":
            self._held.append(body)
        elif name != "event-lost":
            self._begin(body, name)
            for held in self._held[:]:
                self._held.remove(held)
                self._begin(held, "event-disorder")

    async def close(self) -> None:
        """Stop sending."""
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _begin(self, body: bytes, fault: str) -> None:
        for _ in range(2 if fault == "event-twice" else 1):
            task = asyncio.create_task(self._send(body, fault))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _send(self, body: bytes, fault: str) -> None:
        if fault in ("event-late", "event-disorder"):
            await asyncio.sleep(self._late if fault == "event-late" else 0.05)
        secret = b"another" if fault == "event-forged" else self._secret
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=_ANSWER_SECONDS))
        headers = {"Content-Type": "application/json", **sign(secret, body, self._clock())}
        answer = "none"
        try:
            async with self._session.post(str(self.url), data=body, headers=headers) as response:
                answer = str(response.status)
        except (ClientError, TimeoutError, OSError):
            # An event can be lost (CONTRACT: "Webhooks"); it is not sent again.
            pass
        self._observer.events[answer] += 1


def sign(secret: bytes, body: bytes, now: float) -> dict[str, str]:
    """The headers of an event (CONTRACT: "Webhooks")."""
    timestamp = str(int(now))
    digest = hmac.new(secret, timestamp.encode() + b"." + body, sha256).hexdigest()
    return {"magic-hour-event-signature": digest, "magic-hour-event-timestamp": timestamp}
