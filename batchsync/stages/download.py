"""Bringing a finished render home: fetched beside its target, checked, then renamed."""

import asyncio
import contextlib
import hashlib
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from batchsync.api.protocol import Api, Fetched, Progress
from batchsync.api.retry import Patience, repeat
from batchsync.errors import (
    NotFound,
    OutputInvalid,
    OutputUnwritable,
    Rejected,
    SourceUnfit,
    Unavailable,
    UrlExpired,
)
from batchsync.media import probe
from batchsync.stages.poll import Finished, read

# How often a file that arrives whole but will not open is fetched again from the start.
_TRIES_AT_INVALID = 3


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file under its final name; size in bytes."""

    path: Path
    size: int
    sha256: str


def part_path(target: Path, project_id: str) -> Path:
    """Where the bytes gather: named after the render, so that two are never mixed."""
    mark = hashlib.sha256(project_id.encode()).hexdigest()[:12]
    return target.with_name(f".batchsync-{mark}.part")


def sweep(output_dir: Path, finished: Collection[str]) -> None:
    """Remove parts of renders that are long in place; blocking.

    One is left where a download was cut off and the job's output then given another folder.
    """
    names = {part_path(output_dir, project_id).name for project_id in finished}
    for part in output_dir.rglob(".batchsync-*.part"):
        if part.name in names:
            with contextlib.suppress(OSError):
                part.unlink()


async def download(
    api: Api,
    project_id: str,
    url: str | None,
    target: Path,
    patience: Patience,
    progress: Progress,
    note: Callable[[BaseException, float], None] = lambda *_: None,
) -> Delivered:
    """Fetch a render; `url` is tried first, then fresh ones from the API.

    Raises:
        OutputInvalid: it came whole, several times, and is no video.
        OutputUnwritable: the disk did not take it.
        RemoteError: it could not be had, for as long as `patience` lasts.
    """
    part = part_path(target, project_id)
    for last in (False,) * (_TRIES_AT_INVALID - 1) + (True,):
        try:
            fetched = await _fetch(api, project_id, url, part, patience, progress, note)
            await asyncio.to_thread(take_in, part, target)
            break
        except OutputInvalid:
            url = None
            await asyncio.to_thread(part.unlink, missing_ok=True)
            if last:
                raise
    return Delivered(target, fetched.size, fetched.sha256)


async def _fetch(
    api: Api,
    project_id: str,
    url: str | None,
    part: Path,
    patience: Patience,
    progress: Progress,
    note: Callable[[BaseException, float], None],
) -> Fetched:
    fresh = [url] if url else []

    async def once() -> Fetched:
        if not fresh:
            return await api.get(await _fresh_url(api, project_id), part, progress)
        try:
            return await api.get(fresh.pop(), part, progress)
        except (Rejected, NotFound) as error:
            # Some object stores say 400 or 404 of a URL that has expired.
            raise UrlExpired(str(error), status=error.status) from error

    return await repeat(once, patience, note)


async def _fresh_url(api: Api, project_id: str) -> str:
    look = read(await api.project(project_id))
    url = look.project.output_url if isinstance(look, Finished) else None
    if url is None:
        raise Unavailable("the service gives no download URL for a finished render at present")
    return url


def take_in(part: Path, target: Path) -> None:
    """Check a finished part, and give it its name; blocking.

    Raises:
        OutputInvalid: it holds no video.
        OutputUnwritable: the target can't be replaced.
    """
    check_output(part)
    put_in_place(part, target)


def check_output(part: Path) -> None:
    """Open the container; blocking.

    Raises:
        OutputInvalid: it holds no video.
    """
    try:
        media = probe(part)
    except SourceUnfit as error:
        raise OutputInvalid("the output is no playable video") from error
    if not media.has_video:
        raise OutputInvalid("the output has no moving picture in it")


def put_in_place(part: Path, target: Path) -> None:
    """Rename into place and sync the folder; blocking.

    Raises:
        OutputUnwritable: the target can't be replaced.
    """
    try:
        part.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise OutputUnwritable(f"can't write {target}: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename durable. Not every file system or system can, and that is no error."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
