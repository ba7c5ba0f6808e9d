"""An `Api` that tells how each request ended; put around the client where telemetry is on."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from batchsync.api.protocol import Api, Fetched, Progress, UploadItem
from batchsync.api.wire import Account, Created, Project, UploadTicket
from batchsync.errors import BatchsyncError

T = TypeVar("T")

# Endpoint, outcome (ok, error or interrupted) and the error's code. Must not raise.
Told = Callable[[str, str, str | None], None]


@asynccontextmanager
async def counted(
    connection: AbstractAsyncContextManager[Api], told: Told
) -> AsyncIterator["CountedApi"]:
    """The API of a connection, with its requests counted."""
    async with connection as api:
        yield CountedApi(api, told)


class CountedApi:
    """Passes every call on, once, and its outcome back, whatever it is."""

    def __init__(self, api: Api, told: Told) -> None:
        self._api = api
        self._told = told

    async def account(self) -> Account:
        """`GET /v1/account`."""
        return await self._counted("account", self._api.account())

    async def upload_urls(self, items: Sequence[UploadItem]) -> list[UploadTicket]:
        """`POST /v1/files/upload-urls`."""
        return await self._counted("upload_urls", self._api.upload_urls(items))

    async def create(self, body: dict[str, Any]) -> Created:
        """`POST /v1/lip-sync`."""
        return await self._counted("create", self._api.create(body))

    async def project(self, project_id: str) -> Project:
        """`GET /v1/video-projects/{id}`."""
        return await self._counted("status", self._api.project(project_id))

    async def put(self, url: str, path: Path, size: int, progress: Progress) -> str:
        """Send a file's bytes."""
        return await self._counted("upload", self._api.put(url, path, size, progress))

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """Fetch a render's bytes."""
        return await self._counted("download", self._api.get(url, part, progress))

    async def _counted(self, endpoint: str, call: Awaitable[T]) -> T:
        try:
            answer = await call
        except BatchsyncError as error:
            self._told(endpoint, "error", error.code)
            raise
        except BaseException:
            self._told(endpoint, "interrupted", None)
            raise
        self._told(endpoint, "ok", None)
        return answer
