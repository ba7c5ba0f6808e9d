"""Where a run takes the service's events in, and says how many have come."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from batchsync.api.wire import Project
from batchsync.errors import UsageError
from batchsync.events import Event, Note
from batchsync.settings import RunSettings
from batchsync.webhook.address import Address
from batchsync.webhook.event import Kind, WebhookEvent

_ENDS = (Kind.COMPLETED, Kind.ERRORED)

# Told of each event: the project, and whether its render has ended.
Heard = Callable[[Project, bool], None]
Listen = Callable[[Heard], AbstractAsyncContextManager[None]]


SECRET_VARIABLE = "MAGIC_HOUR_WEBHOOK_SECRET"  # noqa: S105 - its name


def door_of(
    settings: RunSettings, secret: str | None, announce: Callable[[Event], None]
) -> Listen | None:
    """The door that the settings ask for; None without `webhook`.

    Raises:
        UsageError: there is no secret, or no such address.
    """
    if settings.webhook is None:
        return None
    if not secret:
        raise UsageError(
            f"--webhook: set {SECRET_VARIABLE} to the secret of the webhook, as the vendor's "
            "developer hub shows it; without it, anybody could send events"
        )
    return door(Address.parse(settings.webhook, settings.webhook_path), secret, announce)


def door(address: Address, secret: str, announce: Callable[[Event], None]) -> Listen:
    """What a run opens for as long as it works; see `run.Options.listen`.

    Args:
        address: to listen at.
        secret: that events are signed with.
        announce: told where it listens, and at the end what came.
    """

    @asynccontextmanager
    async def open_door(heard: Heard) -> AsyncIterator[None]:
        # aiohttp's server is loaded by those alone who want it.
        from batchsync.webhook.receiver import Receiver, listening  # noqa: PLC0415

        def tell(event: WebhookEvent) -> None:
            heard(event.project, event.kind in _ENDS)

        receiver = Receiver(secret, tell)
        async with listening(receiver, address) as port:
            place = f"http://{address.host}:{port}{address.path}"
            announce(Note("info", f"events are taken in at {place}"))
            try:
                yield
            finally:
                said = ", ".join(f"{count} {name}" for name, count in receiver.counts.items())
                announce(Note("info", f"events: {said or 'none came'}"))

    return open_door
