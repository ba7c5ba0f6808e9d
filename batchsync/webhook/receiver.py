"""The server that takes the service's events in. Whatever comes, it never stops the run."""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from batchsync.errors import Unintelligible, UsageError
from batchsync.webhook.address import Address
from batchsync.webhook.event import (
    FRESH_SECONDS,
    SIGNATURE,
    Unsigned,
    WebhookEvent,
    parse,
    verify,
)

# An event carries what a status answer carries: a few kB.
_LARGEST_BODY = 1 << 20
# Seconds that a sender may take over one event.
_BODY_SECONDS = 10.0
# Bounds the memory of events seen; they are forgotten once they would be stale anyway.
_MOST_REMEMBERED = 20_000


@dataclass(slots=True)
class Receiver:
    """Checks what comes, and hands on what the service has said.

    Attributes:
        secret: what events are signed with.
        heard: called with each event, once.
        counts: how often each answer was given: `accepted`, `repeated`, and why others were
            refused.
    """

    secret: str = field(repr=False)
    heard: Callable[[WebhookEvent], None]
    now: Callable[[], float] = time.time
    counts: Counter[str] = field(default_factory=Counter)
    _seen: OrderedDict[str, float] = field(default_factory=OrderedDict)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request; nothing of it is logged but why it was refused."""
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return self._refuse(413, "too large")
        except TimeoutError:
            return self._refuse(408, "too slow")
        try:
            verify(request.headers, body, self.secret, self.now())
            if self._is_repeated(request.headers[SIGNATURE].lower()):
                self.counts["repeated"] += 1
                # Taken, as far as the sender is concerned: it need not try again.
                return web.Response(status=200)
            event = parse(body)
        except Unsigned as why:
            return self._refuse(401, str(why))
        except Unintelligible:
            return self._refuse(400, "not an event")
        self.counts["accepted"] += 1
        self.heard(event)
        return web.Response(status=200)

    def _refuse(self, status: int, why: str) -> web.Response:
        self.counts[why] += 1
        return web.Response(status=status)

    def _is_repeated(self, signature: str) -> bool:
        now = self.now()
        while self._seen and next(iter(self._seen.values())) < now:
            self._seen.popitem(last=False)
        if signature in self._seen:
            return True
        if len(self._seen) >= _MOST_REMEMBERED:
            self._seen.popitem(last=False)
        # Its timestamp may lie ahead of our clock, and it stays fresh for as long.
        self._seen[signature] = now + 2 * FRESH_SECONDS
        return False


@asynccontextmanager
async def listening(receiver: Receiver, address: Address) -> AsyncIterator[int]:
    """Take events in at an address; yields the port.

    Raises:
        UsageError: the address can't be had.
    """
    app = web.Application(client_max_size=_LARGEST_BODY)
    app.router.add_post(address.path, receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address.host, address.port)
        try:
            await site.start()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UsageError(
                f"--webhook {address.host}:{address.port}: can't listen there: {reason}"
            ) from error
        sockets = getattr(site._server, "sockets", ())
        yield sockets[0].getsockname()[1] if sockets else address.port
    finally:
        await runner.cleanup()
