"""The server: which request goes where, and the life of it all."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiohttp import web

from batchsync.sandbox.answers import Answer, Refusal, html_answer, json_answer, storage_error
from batchsync.sandbox.api import Api
from batchsync.sandbox.assets import AssetShelf
from batchsync.sandbox.delivery import Delivery
from batchsync.sandbox.farm import RenderFarm
from batchsync.sandbox.faults import STORAGE_ENDPOINTS, FaultPlan, Mishap, Outage, Phase
from batchsync.sandbox.journal import Journal
from batchsync.sandbox.listening import listen
from batchsync.sandbox.observer import Observer
from batchsync.sandbox.projects import ProjectBook
from batchsync.sandbox.report import make_report
from batchsync.sandbox.settings import SandboxSettings
from batchsync.sandbox.signing import UrlSigner, keep_secret
from batchsync.sandbox.storage import Storage
from batchsync.sandbox.webhooks import WebhookSender

Handler = Callable[[web.Request], Awaitable[Answer]]

# What the vendor publishes of the endpoints that are spoken here; tests hold every answer to it.
OPENAPI: Final = Path(__file__).with_name("openapi.json")

_READ_BUFFER_BYTES: Final = 1 << 20
_MOST_JSON_BYTES: Final = 16 << 20
_SHUTDOWN_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One thing that can be asked for, by the name that faults and the report use."""

    name: str
    method: str
    path: str
    handler: Handler

    @property
    def at_storage(self) -> bool:
        """Whether it is answered by the storage host."""
        return self.name in STORAGE_ENDPOINTS


class Sandbox:
    """A running sandbox: `async with Sandbox(settings) as sandbox: … sandbox.base_url`."""

    def __init__(
        self, settings: SandboxSettings | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        """Prepare a sandbox.

        Args:
            settings: What it is to be like.
            clock: The time that expiry is told by.

        Raises:
            ValueError: A fault is not understood.
        """
        self.settings = settings or SandboxSettings()
        self._clock = clock
        self._faults = FaultPlan(self.settings.faults, self.settings.seed)
        self._observer = Observer()
        self._port = 0

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return f"http://{self.settings.host}:{self._port}"

    @property
    def storage_url(self) -> str:
        """Where the storage is."""
        return f"http://{self.settings.storage_name}:{self._port}"

    def report(self) -> dict[str, Any]:
        """What was seen so far; `GET /_sandbox` shows the same."""
        return make_report(self._book, self._faults, self._observer)

    def send_events_to(self, url: str | None) -> None:
        """Send events there from now on, of a sandbox that runs; None sends none."""
        self._webhooks.url = url

    async def __aenter__(self) -> Self:
        # First, so that a port in use leaves nothing behind.
        sockets = listen(self.settings.host, self.settings.port)
        self._port = sockets[0].getsockname()[1]
        self._closing = asyncio.Event()
        await asyncio.to_thread(self._open)
        self._runner = web.AppRunner(
            self._build(),
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            read_bufsize=_READ_BUFFER_BYTES,
        )
        await self._runner.setup()
        for sock in sockets:
            await web.SockSite(self._runner, sock).start()
        self._farm.resume()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        await self._farm.close()
        await self._webhooks.close()
        await self._runner.cleanup()
        self._journal.close()
        if self.settings.data_dir is None:
            await asyncio.to_thread(shutil.rmtree, self._folder)

    def _open(self) -> None:
        """Open the data directory and take back what it holds."""
        settings = self.settings
        self._folder = settings.data_dir or Path(tempfile.mkdtemp(prefix="batchsync-sandbox-"))
        assets, renders = self._folder / "assets", self._folder / "renders"
        for folder in (assets, renders):
            folder.mkdir(parents=True, exist_ok=True)
        self._journal = Journal(self._folder / "journal.jsonl")
        self._shelf = AssetShelf(assets, self._journal, self._clock, settings.asset_ttl)
        self._book = ProjectBook(settings.credits, self._journal, self._clock)
        restorers = {"asset": self._shelf.restore, "project": self._book.restore}
        for kind, record in self._journal.records():
            restorers[kind](record)
        self._signer = UrlSigner(keep_secret(self._folder / "secret"), self._clock)
        self._farm = RenderFarm(settings, self._book, self._shelf, self._observer, renders)

    def _build(self) -> web.Application:
        settings = self.settings
        self._api = api = Api(
            settings, self._faults, self._signer, self._shelf, self._book, self._farm
        )
        api.storage_url = self.storage_url
        self._webhooks = WebhookSender(
            settings, self._faults, self._observer, api.shown, self._clock
        )
        self._book.told = self._webhooks.tell
        self._storage = storage = Storage(
            settings.tier, self._signer, self._shelf, self._book, self._farm, self._observer
        )
        self._delivery = Delivery(
            settings.hold_seconds, settings.trickle_seconds, self._observer, self._closing
        )
        app = web.Application(client_max_size=_MOST_JSON_BYTES)
        app.router.add_get("/_sandbox", self._show_report)
        app.router.add_get("/_sandbox/openapi.json", _show_schema)
        for endpoint in (
            Endpoint("upload-urls", "POST", "/v1/files/upload-urls", api.upload_urls),
            Endpoint("create", "POST", "/v1/lip-sync", api.create),
            Endpoint("status", "GET", "/v1/video-projects/{id}", api.status),
            Endpoint("delete", "DELETE", "/v1/video-projects/{id}", api.delete),
            Endpoint("account", "GET", "/v1/account", api.account),
            Endpoint("upload", "PUT", "/api-assets/{tail:.+}", storage.upload),
            Endpoint("download", "GET", "/outputs/{id}/output.mp4", storage.download),
            Endpoint("download", "HEAD", "/outputs/{id}/output.mp4", storage.download),
        ):
            app.router.add_route(endpoint.method, endpoint.path, self._serve(endpoint))
        app.router.add_route("*", "/{tail:.*}", self._show_nothing)
        return app

    def _serve(self, endpoint: Endpoint) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            if endpoint.at_storage != self._is_storage(request):
                return await self._show_nothing(request)
            self._observer.requests[endpoint.name] += 1
            with self._observer.handling.one():
                answer, mishap = await self._answer(endpoint, request)
                unanswered = mishap in {Mishap.RESET, Mishap.HOLD}
                self._observer.answers["none" if unanswered else str(answer.status)] += 1
                return await self._delivery.send(request, answer, mishap)

        return serve

    async def _answer(
        self, endpoint: Endpoint, request: web.Request
    ) -> tuple[Answer, Mishap | None]:
        """Handle one request, with the faults that strike before and after."""
        fault = self._faults.draw(Phase.BEFORE, endpoint.name)
        if fault is not None and isinstance(fault.effect, Outage):
            return _stand_in(fault.effect, endpoint), None
        if fault is not None and isinstance(fault.effect, Mishap):
            return Answer(0), fault.effect
        try:
            if not endpoint.at_storage:
                self._api.admit(request)
            answer = await endpoint.handler(request)
        except Refusal as refusal:
            return refusal.answer, None
        fault = self._faults.draw(Phase.AFTER, endpoint.name)
        if fault is not None and isinstance(fault.effect, Mishap):
            return answer, fault.effect
        return answer, None

    def _is_storage(self, request: web.Request) -> bool:
        return request.url.host == self.settings.storage_name

    async def _show_report(self, _: web.Request) -> web.Response:
        return web.json_response(self.report())

    async def _show_nothing(self, request: web.Request) -> web.StreamResponse:
        answer = json_answer(404, {"message": "Not Found"})
        if self._is_storage(request):
            answer = storage_error(404, "NoSuchKey", "The specified key does not exist")
        return await self._delivery.send(request, answer, None)


async def _show_schema(_: web.Request) -> web.FileResponse:
    return web.FileResponse(OPENAPI)


def _stand_in(outage: Outage, endpoint: Endpoint) -> Answer:
    if outage.html:
        return html_answer(outage.status)
    headers = {} if outage.retry_after is None else {"Retry-After": str(outage.retry_after)}
    if endpoint.at_storage:
        return storage_error(outage.status, "ServiceFault", outage.message, headers)
    return json_answer(outage.status, {"message": outage.message}, headers)
