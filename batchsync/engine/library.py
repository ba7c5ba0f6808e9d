"""Which contents the service has already; each is uploaded once, whoever needs it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

from batchsync.errors import (
    Forbidden,
    PaymentRequired,
    RemoteError,
    SourceUnfit,
    Unauthorized,
)
from batchsync.model import Asset, Role
from batchsync.stages.upload import Parcel

# The service keeps uploads for 7 days (CONTRACT: "Upload"); one day less, so that none expires
# between upload and rendering.
REUSE_SECONDS = 6 * 24 * 3600

Key = tuple[str, Role, str]

_ACCOUNT_ERRORS = (Unauthorized, Forbidden, PaymentRequired)


class Library:
    """Assets known to the service, and those on their way.

    Args:
        assets: uploads of earlier runs that are still good.
        send: uploads parcels and records the assets.
    """

    def __init__(
        self,
        assets: Sequence[Asset],
        send: Callable[[Sequence[Parcel]], Awaitable[Sequence[Asset]]],
        saved: Callable[[int], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._send = send
        self._saved = saved
        self._now = now
        self._shelf: dict[Key, asyncio.Future[Asset]] = {}
        self._known = {(asset.sha256, asset.role, asset.extension): asset for asset in assets}

    async def file_paths(self, parcels: Sequence[Parcel]) -> list[str]:
        """The API's names for some contents, uploading what is missing.

        Contents that another job is uploading just now are waited for.
        """
        missing = [parcel for parcel in parcels if not self._has(parcel)]
        for parcel in parcels:
            if parcel not in missing:
                self._saved(parcel.size)
        if missing:
            await self._bring(missing)
        return [(await self._find(parcel)).file_path for parcel in parcels]

    def _has(self, parcel: Parcel) -> bool:
        asset = self._known.get(parcel.key)
        if asset is not None and asset.uploaded_at < self._now() - REUSE_SECONDS:
            # A run of many days outlives its first uploads.
            del self._known[parcel.key]
        return parcel.key in self._known or parcel.key in self._shelf

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
                if not gone.cancelled():
                    raise  # it is this job that is being canceled, not the other
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
            assets = await self._send(missing)
        except BaseException as error:
            for key, future in claims.items():
                del self._shelf[key]
                _fail(future, error)
            raise
        for asset, parcel in zip(assets, missing, strict=True):
            self._known[parcel.key] = asset
            self._shelf.pop(parcel.key).set_result(asset)


def _fail(future: "asyncio.Future[Asset]", error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError):
        future.cancel()
        return
    future.set_exception(error)
    # Nobody may be waiting for it, and that is no mistake.
    future.exception()
