"""Which contents the service has already; each is uploaded once, whoever needs it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from batchsync.errors import (
    Forbidden,
    PaymentRequired,
    RemoteError,
    SourceUnfit,
    Unauthorized,
)
from batchsync.model import Asset
from batchsync.stages.upload import Key, Parcel

# The service keeps uploads for 7 days (CONTRACT: "Upload"); one day less, so that none expires
# between upload and rendering.
REUSE_SECONDS = 6 * 24 * 3600

_ACCOUNT_ERRORS = (Unauthorized, Forbidden, PaymentRequired)


async def _nowhere(_: Sequence[Parcel]) -> Mapping[Key, Asset]:
    return {}


class Library:
    """Assets known to the service, and those on their way.

    Args:
        assets: uploads of earlier runs that are still good.
        send: uploads parcels and records the assets.
        saved: told the bytes of each upload that need not be made.
        elsewhere: asked what other batches have uploaded meanwhile, by key, before any is sent.
    """

    def __init__(
        self,
        assets: Iterable[Asset],
        send: Callable[[Sequence[Parcel]], Awaitable[Sequence[Asset]]],
        saved: Callable[[int], None],
        now: Callable[[], float] = time.time,
        elsewhere: Callable[[Sequence[Parcel]], Awaitable[Mapping[Key, Asset]]] = _nowhere,
    ) -> None:
        self._send = send
        self._saved = saved
        self._now = now
        self._elsewhere = elsewhere
        self._shelf: dict[Key, asyncio.Future[Asset]] = {}
        self._known: dict[Key, Asset] = {}
        self.add(assets)

    def add(self, assets: Iterable[Asset]) -> None:
        """Learn of uploads that others have made."""
        for asset in assets:
            key = (asset.sha256, asset.role, asset.extension)
            known = self._known.get(key)
            if known is None or known.uploaded_at < asset.uploaded_at:
                self._known[key] = asset

    def has(self, parcel: Parcel) -> bool:
        """Whether a content is with the service, or on its way."""
        asset = self._known.get(parcel.key)
        if asset is not None and asset.uploaded_at < self._now() - REUSE_SECONDS:
            # A run of many days outlives its first uploads.
            del self._known[parcel.key]
        return parcel.key in self._known or parcel.key in self._shelf

    async def assets(self, parcels: Sequence[Parcel]) -> list[Asset]:
        """What the API calls some contents, uploading what is missing.

        Contents that another job is uploading just now are waited for.
        """
        missing = [parcel for parcel in parcels if not self.has(parcel)]
        for parcel in parcels:
            if parcel not in missing:
                self._saved(parcel.size)
        if missing:
            await self._bring(missing)
        return [await self._find(parcel) for parcel in parcels]

    async def _find(self, parcel: Parcel) -> Asset:
        while parcel.key not in self._known:
            if parcel.key not in self._shelf:
                await self._bring([parcel])
                continue
            gone = self._shelf[parcel.key]
            try:
                # Shielded: a job that gives up waiting must not stop another's upload.
                await asyncio.shield(gone)
            except SourceUnfit:
                pass  # it was the other job's file; ours may be fine
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not gone.cancelled() or (task and task.cancelling()):
                    raise  # it is this job that is being canceled, not only the other
            except RemoteError as error:
                if error.retryable or isinstance(error, _ACCOUNT_ERRORS):
                    raise
                # Refused, perhaps for the other job's second file: ours is tried by itself.
        return self._known[parcel.key]

    async def _bring(self, missing: Sequence[Parcel]) -> None:
        loop = asyncio.get_running_loop()
        claims = {parcel.key: loop.create_future() for parcel in missing}
        self._shelf.update(claims)
        try:
            found = await self._elsewhere(missing)
            sent = [parcel for parcel in missing if parcel.key not in found]
            assets = await self._send(sent) if sent else []
        except BaseException as error:
            for key, future in claims.items():
                del self._shelf[key]
                _fail(future, error)
            raise
        news = {**found, **{each.key: asset for each, asset in zip(sent, assets, strict=True)}}
        # A file that was hashed as it was sent: from now on, its content is known as well.
        self._known |= {(each.sha256, each.role, each.extension): each for each in news.values()}
        self._known |= news
        for parcel in missing:
            if parcel.key in found:
                self._saved(parcel.size)
            self._shelf.pop(parcel.key).set_result(news[parcel.key])


def _fail(future: "asyncio.Future[Asset]", error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
        return
    future.set_exception(error)
    # Nobody may be waiting for it, and that is no mistake.
    future.exception()
