"""A small strict server that speaks the API, cheaply: `python -m tests.bench.server OUTPUT`.

It keeps no bytes and renders nothing: a job is complete when its time has come. It prints one line
of JSON with its address. `POST /_reset` sets it up anew, `GET /_counts` says what it saw.
"""

import argparse
import asyncio
import itertools
import json
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from tests.bench.orders import Books, Content, Rules

_CREDITS = 100
_KEY = "Bearer bench"
_IN_MEMORY = 1 << 20


class Service:
    """The API and its storage."""

    def __init__(self, output: Path) -> None:
        self._output = output
        self._size = output.stat().st_size
        self._small = output.read_bytes() if self._size < _IN_MEMORY else None
        self._numbers = itertools.count(1)
        self.storage = ""
        self.books = Books(Rules())

    def routes(self) -> list[web.RouteDef]:
        """Of the API host."""
        return [
            web.post("/v1/files/upload-urls", self.upload_urls),
            web.post("/v1/lip-sync", self.create),
            web.get("/v1/video-projects/{id}", self.status),
            web.get("/v1/account", self.account),
            web.get("/_counts", self.show),
            web.post("/_reset", self.set_up),
        ]

    def storage_routes(self) -> list[web.RouteDef]:
        """Of the storage host."""
        return [web.put("/{path:.*}", self.put), web.get("/outputs/{id}.mp4", self.get)]

    async def upload_urls(self, request: web.Request) -> web.Response:
        """Give places for files."""
        self._count(request, "upload_urls")
        items = (await request.json())["items"]
        paths = [f"api-assets/{next(self._numbers)}.{item['extension']}" for item in items]
        self.books.uploads.update(dict.fromkeys(paths))
        return web.json_response({"items": [self._place(path) for path in paths]})

    def _place(self, path: str) -> dict[str, str]:
        return {
            "upload_url": f"{self.storage}/{path}?sig=1",
            "expires_at": "2099-01-01T00:00:00Z",
            "file_path": path,
        }

    async def create(self, request: web.Request) -> web.Response:
        """Make a job."""
        self._count(request, "create")
        try:
            project = self.books.order(await request.json())
        except ValueError as error:
            return web.json_response({"message": str(error)}, status=422)
        if project is None:
            return web.json_response({"message": "too many"}, status=429)
        # The deprecated twins are there because the SDK's models insist on them.
        charged = {"credits_charged": _CREDITS, "estimated_frame_cost": _CREDITS}
        return web.json_response({"id": project, **charged})

    async def status(self, request: web.Request) -> web.Response:
        """Show a job."""
        self._count(request, "status")
        project = request.match_info["id"]
        complete = self.books.look(project)
        if complete is None:
            return web.json_response({"message": "Not Found"}, status=404)
        return web.json_response(self._shown(project, complete))

    async def account(self, request: web.Request) -> web.Response:
        """Show the balance."""
        self._count(request, "account")
        return web.json_response({"id": "bench", "credits": 10**9, "tier": "business"})

    async def put(self, request: web.Request) -> web.Response:
        """Look at a file's bytes and drop them."""
        books = self.books
        self._count_storage(request, "upload")
        path = request.match_info["path"]
        if request.content_length is None or books.uploads.get(path, "") is not None:
            books.violations["upload without length, to nowhere or twice"] += 1
            return web.Response(status=411)
        began = time.monotonic()
        content = Content()
        async for block in request.content.iter_any():
            content.feed(block)
        books.take_in(path, content, began)
        return web.Response()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send the output."""
        books = self.books
        self._count_storage(request, "download")
        if not books.hand_out(request.match_info["id"]):
            return web.Response(status=404)
        books.download.start()
        if self._small is None:
            return _TimedFile(self._output, books)
        books.bytes_out += self._size
        books.download.stop()
        books.span.stop()
        return web.Response(body=self._small, content_type="video/mp4")

    async def show(self, _: web.Request) -> web.Response:
        """Say what was seen."""
        return web.json_response(self.books.report())

    async def set_up(self, request: web.Request) -> web.Response:
        """Begin anew under other rules."""
        self.books = Books(Rules(**await request.json()))
        return web.json_response({})

    def _shown(self, project: str, complete: bool) -> dict[str, Any]:
        link = {"url": f"{self.storage}/outputs/{project}.mp4?sig=1", "expires_at": "2099-01-01"}
        return {
            "id": project,
            "name": "bench",
            "status": "complete" if complete else "rendering",
            "type": "LIP_SYNC",
            "created_at": "2026-07-01T00:00:00Z",
            "width": 320,
            "height": 180,
            "enabled": True,
            "start_seconds": 0,
            "end_seconds": 1,
            "credits_charged": _CREDITS,
            "total_frame_cost": _CREDITS,
            "fps": 25,
            "error": None,
            "download": link if complete else None,
            "downloads": [link] if complete else [],
        }

    def _count(self, request: web.Request, kind: str) -> None:
        self.books.counts[kind] += 1
        if request.headers.get("Authorization") != _KEY:
            self.books.violations["no key"] += 1

    def _count_storage(self, request: web.Request, kind: str) -> None:
        self.books.counts[kind] += 1
        if "Authorization" in request.headers:
            self.books.violations["key at storage"] += 1


class _TimedFile(web.FileResponse):
    """Stops the watch when the last byte has been handed to the kernel."""

    def __init__(self, path: Path, books: Books) -> None:
        super().__init__(path, chunk_size=1 << 20)
        self._books = books

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        # The file is sent within prepare.
        writer = await super().prepare(request)
        self._books.bytes_out += self.content_length or 0
        self._books.download.stop()
        self._books.span.stop()
        return writer


async def _start(routes: list[web.RouteDef]) -> str:
    app = web.Application(client_max_size=1 << 40)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
    await site.start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def serve(output: Path) -> None:
    """Serve until stdin closes."""
    service = Service(output)
    # Storage is another host to a client: another port will do.
    service.storage = await _start(service.storage_routes())
    sys.stdout.write(json.dumps({"api": await _start(service.routes())}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server")
    parser.add_argument("output", type=Path, help="what every download gives")
    asyncio.run(serve(parser.parse_args().output))
