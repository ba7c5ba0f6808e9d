"""For tests: a sandbox in another thread, and a plain client that takes nothing for granted."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientSession

from batchsync.sandbox.projects import ENDED
from batchsync.sandbox.server import Sandbox
from batchsync.sandbox.settings import SandboxSettings

_LOOK_SECONDS: Final = 0.01


class Visitor:
    """Sends one request for one call, and shows what came back as it came."""

    def __init__(self, sandbox: Sandbox, session: ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session

    async def call(
        self, method: str, path: str, body: Any = None, *, key: str | None = "test"
    ) -> tuple[int, Any]:
        """One API request: the status, and the JSON or the text of the answer."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        url = self.sandbox.base_url + path
        data = None if body is None else json.dumps(body).encode()
        async with self.session.request(method, url, data=data, headers=headers) as answer:
            if answer.content_type == "application/json":
                return answer.status, await answer.json()
            return answer.status, await answer.text()

    async def upload_url(self, kind: str, extension: str) -> dict[str, str]:
        """A place for one file."""
        items = {"items": [{"type": kind, "extension": extension}]}
        status, answer = await self.call("POST", "/v1/files/upload-urls", items)
        _expect_well(status, answer)
        place: dict[str, str] = answer["items"][0]
        return place

    async def upload(self, kind: str, path: Path) -> str:
        """Upload a file; its `api-assets/…` path."""
        place = await self.upload_url(kind, path.suffix.removeprefix("."))
        data = BytesIO(await asyncio.to_thread(path.read_bytes))
        async with self.session.put(place["upload_url"], data=data) as answer:
            _expect_well(answer.status, await answer.text())
        return place["file_path"]

    async def create(self, body: Mapping[str, Any] | None = None, **changes: Any) -> Any:
        """Make a job, of stand-ins unless told otherwise, and expect that to go well."""
        status, answer = await self.call("POST", "/v1/lip-sync", {**(body or ORDER), **changes})
        _expect_well(status, answer)
        return answer

    async def show(self, project_id: str) -> Any:
        """A job as it is now."""
        return (await self.call("GET", f"/v1/video-projects/{project_id}"))[1]

    async def ended(self, project_id: str) -> Any:
        """A job once it has ended."""
        while True:
            shown = await self.show(project_id)
            if shown["status"] in ENDED:
                return shown
            await asyncio.sleep(_LOOK_SECONDS)

    async def balance(self) -> int:
        """The account's credits."""
        credits: int = (await self.call("GET", "/v1/account"))[1]["credits"]
        return credits


def _expect_well(status: int, answer: object) -> None:
    if status != 200:
        raise AssertionError(f"{status}: {answer}")


# A create body that needs no upload: both files are generated stand-ins.
ORDER: Final[Mapping[str, Any]] = {
    "start_seconds": 0,
    "end_seconds": 1,
    "assets": {
        "video_source": "file",
        "video_file_path": "https://media.example.com/clip.mp4",
        "audio_file_path": "https://media.example.com/voice.mp3",
    },
}


@asynccontextmanager
async def visited(
    settings: SandboxSettings | None = None, **options: Any
) -> AsyncIterator[Visitor]:
    """A sandbox on this event loop and a visitor to it."""
    async with Sandbox(settings, **options) as sandbox, ClientSession() as session:
        yield Visitor(sandbox, session)


@contextmanager
def sandbox_thread(settings: SandboxSettings | None = None) -> Iterator[Sandbox]:
    """A sandbox on an event loop of its own, for clients that block."""
    sandbox = Sandbox(settings)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="sandbox", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(sandbox.__aenter__(), loop).result()
        try:
            yield sandbox
        finally:
            leaving = sandbox.__aexit__(None, None, None)
            asyncio.run_coroutine_threadsafe(leaving, loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
