"""What the page asks for, and the answers."""

import asyncio
import contextlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from batchsync.errors import BatchsyncError, StaleTransition
from batchsync.ledger.reviews import Review, Verdict
from batchsync.manifest import Manifest
from batchsync.review.feed import Feed
from batchsync.review.films import CONTENT_TYPES, output_of, size_of, source_of
from batchsync.review.guard import Guard, add_headers

# Between two signs of life, so that a listener who has gone is noticed.
_QUIET_SECONDS: Final = 15.0
_MOST_BODY_BYTES: Final = 64 << 10
_MOST_NOTE: Final = 4_000
_PAGE_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

PageFiles = Mapping[str, tuple[bytes, str]]


class Word(BaseModel):
    """What the page sends: a person's word on one attempt, whole."""

    model_config = ConfigDict(extra="forbid", strict=True)

    job: Annotated[str, Field(max_length=400)]
    attempt: Annotated[int, Field(ge=1)]
    verdict: Annotated[Verdict | None, Field(strict=False)]
    note: Annotated[str, Field(max_length=_MOST_NOTE)]


@dataclass(frozen=True, slots=True)
class Desk:
    """The answers of one server."""

    manifest: Manifest
    feed: Feed
    guard: Guard
    files: PageFiles

    def app(self) -> web.Application:
        """The application, guarded."""
        app = web.Application(middlewares=[self.guard.middleware], client_max_size=_MOST_BODY_BYTES)
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/", self.page)
        # Each by its name: no path is ever put together from what was asked.
        for name in self.files:
            app.router.add_get(f"/{name}", self.page)
        app.router.add_get("/api/batch", self.batch)
        app.router.add_get("/api/events", self.events)
        app.router.add_put("/api/verdict", self.verdict)
        app.router.add_get("/media", self.media)
        return app

    async def page(self, request: web.Request) -> web.Response:
        """The page, or one of its parts."""
        body, content_type = self.files[request.path[1:] or "index.html"]
        return web.Response(body=body, content_type=content_type, charset="utf-8")

    async def batch(self, _: web.Request) -> web.Response:
        """Everything, to begin with."""
        await self.feed.refresh()
        return _json({"batch": self.manifest.name, **self.feed.since(0)})

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What changes from then on (server-sent events)."""
        said = request.headers.get("Last-Event-ID") or request.query.get("since", "0")
        version = int(said) if said.isascii() and said.isdigit() and len(said) < 16 else 0
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        # A browser that has left is no error.
        with contextlib.suppress(ConnectionError):
            async with contextlib.aclosing(self.feed.listen(version, _QUIET_SECONDS)) as news:
                async for change in news:
                    await response.write(_event(change))
        return response

    async def verdict(self, request: web.Request) -> web.Response:
        """Record a verdict and a note; answered once they are on disk."""
        try:
            word = Word.model_validate_json(await request.read())
        except ValidationError as error:
            first = error.errors()[0]
            return _json({"message": f"{'.'.join(map(str, first['loc']))}: {first['msg']}"}, 400)
        if self.feed.row(word.job) is None:
            return _json({"message": "the manifest has no such job"}, 404)
        review = Review(word.job, word.attempt, word.verdict, _plain(word.note), time.time())
        try:
            return _json(await self.feed.judge(review))
        except StaleTransition as error:
            return _json({"message": str(error)}, 409)
        except BatchsyncError as error:
            return _json({"message": str(error)}, 503)

    async def media(self, request: web.Request) -> web.StreamResponse:
        """One side of a job, in ranges if they are asked for."""
        job_id, side = request.query.get("job"), request.query.get("side")
        job = next((job for job in self.manifest.jobs if job.id == job_id), None)
        path = None
        if job is not None and side == "source":
            path = source_of(job)
        elif job is not None and side == "output":
            path = output_of(self.feed.page.records.get(job.id))
        if path is None or await asyncio.to_thread(size_of, path) is None:
            return _json({"message": "there is no such file"}, 404)
        content_type = CONTENT_TYPES[path.suffix.lower()]
        return web.FileResponse(path, headers={"Content-Type": content_type})


def page_files() -> PageFiles:
    """The page's parts by name, with their types; blocking."""
    folder = resources.files("batchsync.review") / "page"
    return {
        entry.name: (entry.read_bytes(), _PAGE_TYPES[f".{entry.name.rsplit('.', 1)[-1]}"])
        for entry in folder.iterdir()
    }


def _json(content: Any, status: int = 200) -> web.Response:
    return web.json_response(content, status=status)


def _event(change: Mapping[str, Any] | None) -> bytes:
    if change is None:
        return b": still here\n\n"
    return f"id: {change['version']}\ndata: {json.dumps(change)}\n\n".encode()


def _plain(note: str) -> str:
    """Lines of text, without the characters that control terminals."""
    lines = "\n".join(note.splitlines())
    return "".join(c for c in lines if (c >= " " and c != "\x7f") or c in "\n\t").strip()
