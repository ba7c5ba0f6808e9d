"""Bringing local files to the service's storage."""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from batchsync.api.protocol import Api, Progress, UploadItem
from batchsync.api.retry import Patience, repeat
from batchsync.api.wire import UploadTicket
from batchsync.errors import Rejected, SourceUnfit, UrlExpired
from batchsync.model import Asset, Role

# What one upload serves: a content, or a file whose content is not known yet; role; extension.
Key = tuple[str, Role, str]


@dataclass(frozen=True, slots=True)
class Parcel:
    """One file to be sent; `size` in bytes.

    Attributes:
        sha256: of the content that was checked; None where it is hashed as it is sent.
        mtime_ns: of the file when it was checked.
    """

    path: str
    role: Role
    extension: str
    size: int
    sha256: str | None
    mtime_ns: int = 0

    @property
    def key(self) -> Key:
        """Files with equal keys need one upload."""
        return self.sha256 or f"file:{self.path}", self.role, self.extension


async def upload(
    api: Api,
    parcels: Sequence[Parcel],
    patience: Patience,
    progress: Progress,
    note: Callable[[BaseException, float], None] = lambda *_: None,
    now: Callable[[], float] = time.time,
) -> list[Asset]:
    """Send files, asking for all their places in one call; returns the assets in order.

    Raises:
        SourceUnfit: a file vanished or changed since it was checked.
        RemoteError: storage or API would not have it, for as long as `patience` lasts.
    """
    tickets = await api.upload_urls([UploadItem(each.role, each.extension) for each in parcels])
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_send(api, parcel, ticket, patience, progress, note))
                for parcel, ticket in zip(parcels, tickets, strict=True)
            ]
    except ExceptionGroup as failed:
        # The first to fail has canceled the others: its error is the job's.
        raise failed.exceptions[0] from failed
    return [
        Asset(sha256, each.role, each.extension, each.size, file_path, now())
        for each, (sha256, file_path) in zip(
            parcels, (task.result() for task in tasks), strict=True
        )
    ]


async def _send(
    api: Api,
    parcel: Parcel,
    ticket: UploadTicket,
    patience: Patience,
    progress: Progress,
    note: Callable[[BaseException, float], None],
) -> tuple[str, str]:
    """PUT one file; returns what was sent, and as what.

    A further try asks for a place of its own, as URLs expire.
    """
    fresh: list[UploadTicket] = [ticket]

    async def once() -> tuple[str, str]:
        first = bool(fresh)
        if first:
            place = fresh.pop()
        else:
            [place] = await api.upload_urls([UploadItem(parcel.role, parcel.extension)])
        try:
            sent = await api.put(place.upload_url, Path(parcel.path), parcel.size, progress)
        except Rejected as error:
            if not first:
                raise
            # Some object stores say 400 of a URL that has expired: one fresh one is tried.
            raise UrlExpired(str(error), status=error.status) from error
        if parcel.sha256 is None:
            await asyncio.to_thread(_check_version, parcel)
        elif sent != parcel.sha256:
            raise _changed(parcel)
        return sent, place.file_path

    return await repeat(once, patience, note)


def _check_version(parcel: Parcel) -> None:
    """What was sent must be what was looked at: length and streams are of that version; blocking.

    Raises:
        SourceUnfit: it may be another.
    """
    try:
        found = os.stat(parcel.path)  # noqa: PTH116 - a Path takes longer than the call itself
    except OSError as error:
        raise SourceUnfit(f"can't read {parcel.path}: {error.strerror}", "unreadable") from error
    if (found.st_size, found.st_mtime_ns) != (parcel.size, parcel.mtime_ns):
        raise _changed(parcel)


def _changed(parcel: Parcel) -> SourceUnfit:
    return SourceUnfit(f"{parcel.path} changed while it was uploaded", "source_changed")
