"""A small strict server that speaks the API, cheaply: `python -m tests.bench.server`.

It keeps no bytes and renders nothing: a job is complete when its time has come. It prints one line
of JSON with its addresses. `POST /_reset` sets it up anew, `GET /_counts` says what it saw.
"""

import argparse
import asyncio
import heapq
import itertools
import json
import math
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

_CREDITS = 100


@dataclass
class Rules:
    """How renders go.

    Attributes:
        median: of the render times, seconds.
        sigma: of their logarithm; 0 makes them all alike.
        slots: renders at a time, None for any number.
        over: what happens to one job too many.
        seed: of the render times.
    """

    median: float = 0.5
    sigma: float = 0.0
    slots: int | None = None
    over: str = "queue"
    seed: int = 1


@dataclass
class Books:
    """What the server has seen."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: Counter[str] = field(default_factory=Counter)
    bytes_in: int = 0
    bytes_out: int = 0
    first_create: float | None = None
    last_download: float | None = None


class Service:
    """The API and its storage."""

    def __init__(self, output: Path, storage: str) -> None:
        self._output = output
        self._small = output.read_bytes() if output.stat().st_size < 1 << 20 else None
        self._storage = storage
        self._numbers = itertools.count(1)
        self.reset(Rules())

    def reset(self, rules: Rules) -> None:
        """Forget everything."""
        self._rules = rules
        self._random = random.Random(rules.seed)
        self._books = Books()
        self._ends: dict[str, float] = {}
        self._durations: list[float] = []
        self._busy: list[float] = []
        self._uploaded: dict[str, int] = {}

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
        return [web.put("/{path:.*}", self.put), web.get("/{path:.*}", self.get)]

    async def upload_urls(self, request: web.Request) -> web.Response:
        """Give places for files."""
        self._count(request, "upload_urls")
        items = (await request.json())["items"]
        paths = [f"api-assets/{next(self._numbers)}.{item['extension']}" for item in items]
        self._uploaded.update(dict.fromkeys(paths, -1))
        return web.json_response(
            {
                "items": [
                    {
                        "upload_url": f"{self._storage}/{path}?sig=1",
                        "expires_at": "2099-01-01T00:00:00Z",
                        "file_path": path,
                    }
                    for path in paths
                ]
            }
        )

    async def create(self, request: web.Request) -> web.Response:
        """Make a job."""
        self._count(request, "create")
        assets = (await request.json())["assets"]
        for name in ("video_file_path", "audio_file_path"):
            path = assets[name]
            if path.startswith("api-assets/") and self._uploaded.get(path, -1) < 0:
                self._books.violations["asset never uploaded"] += 1
        now = time.monotonic()
        if self._books.first_create is None:
            self._books.first_create = now
        end = self._schedule(now)
        if end is None:
            self._books.counts["throttled"] += 1
            return web.json_response({"message": "too many"}, status=429)
        project = f"p{next(self._numbers)}"
        self._ends[project] = end
        return web.json_response({"id": project, "credits_charged": _CREDITS})

    async def status(self, request: web.Request) -> web.Response:
        """Show a job."""
        self._count(request, "status")
        project = request.match_info["id"]
        end = self._ends.get(project)
        if end is None:
            self._books.violations["unknown project"] += 1
            return web.json_response({"message": "Not Found"}, status=404)
        done = time.monotonic() >= end
        return web.json_response(self._shown(project, done))

    async def account(self, request: web.Request) -> web.Response:
        """Show the balance."""
        self._count(request, "account")
        return web.json_response({"id": "bench", "credits": 10**9, "tier": "business"})

    async def put(self, request: web.Request) -> web.Response:
        """Count a file's bytes and drop them."""
        self._count_storage(request, "upload")
        path = request.match_info["path"]
        announced = request.content_length
        if announced is None or path not in self._uploaded:
            self._books.violations["chunked or unknown upload"] += 1
            return web.Response(status=411)
        size = 0
        async for block in request.content.iter_any():
            size += len(block)
        self._books.bytes_in += size
        self._uploaded[path] = size
        return web.Response()

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Send the output."""
        self._count_storage(request, "download")
        self._books.last_download = time.monotonic()
        self._books.bytes_out += self._output.stat().st_size
        if self._small is not None:
            return web.Response(body=self._small, content_type="video/mp4")
        return web.FileResponse(self._output, chunk_size=1 << 20)

    async def show(self, _: web.Request) -> web.Response:
        """Say what was seen."""
        books = self._books
        span = None
        if books.first_create is not None and books.last_download is not None:
            span = books.last_download - books.first_create
        return web.json_response(
            {
                "requests": dict(books.counts),
                "violations": dict(books.violations),
                "bytes_in": books.bytes_in,
                "bytes_out": books.bytes_out,
                "jobs": len(self._ends),
                "span": span,
                "ideal": ideal_span(self._durations, self._rules.slots),
            }
        )

    async def set_up(self, request: web.Request) -> web.Response:
        """Begin anew under other rules."""
        self.reset(Rules(**await request.json()))
        return web.json_response({})

    def _schedule(self, now: float) -> float | None:
        """When the next job will be complete; None if it is not taken."""
        rules = self._rules
        if rules.slots is None:
            begin = now
        else:
            while self._busy and self._busy[0] <= now and rules.over == "429":
                heapq.heappop(self._busy)
            full = len(self._busy) >= rules.slots
            if full and rules.over == "429":
                return None
            begin = max(now, heapq.heappop(self._busy)) if full else now
        duration = rules.median * math.exp(rules.sigma * self._random.gauss(0, 1))
        self._durations.append(duration)
        heapq.heappush(self._busy, begin + duration)
        return begin + duration

    def _shown(self, project: str, done: bool) -> dict[str, Any]:
        links = [{"url": f"{self._storage}/outputs/{project}.mp4?sig=1", "expires_at": "2099"}]
        return {
            "id": project,
            "name": "bench",
            "status": "complete" if done else "rendering",
            "type": "LIP_SYNC",
            "created_at": "2026-07-01T00:00:00Z",
            "width": 320,
            "height": 180,
            "enabled": True,
            "start_seconds": 0,
            "end_seconds": 1,
            "credits_charged": _CREDITS,
            "fps": 25,
            "error": None,
            "downloads": links if done else [],
        }

    def _count(self, request: web.Request, kind: str) -> None:
        self._books.counts[kind] += 1
        if request.headers.get("Authorization") != "Bearer bench":
            self._books.violations["no key"] += 1

    def _count_storage(self, request: web.Request, kind: str) -> None:
        self._books.counts[kind] += 1
        if "Authorization" in request.headers:
            self._books.violations["key at storage"] += 1


def ideal_span(durations: list[float], slots: int | None) -> float:
    """Seconds that these renders take if no slot is ever idle, in the order submitted."""
    if not durations:
        return 0.0
    busy = [0.0] * (slots or len(durations))
    for duration in durations:
        heapq.heappush(busy, heapq.heappop(busy) + duration)
    return max(busy)


async def _start(routes: list[web.RouteDef], port: int) -> int:
    app = web.Application(client_max_size=1 << 40)
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    return int(runner.addresses[0][1])


async def serve(output: Path) -> None:
    """Serve until stdin closes."""
    service = Service(output, "")
    # Storage is another host to a client: another port will do.
    storage = await _start(service.storage_routes(), 0)
    service._storage = f"http://127.0.0.1:{storage}"
    api = await _start(service.routes(), 0)
    sys.stdout.write(json.dumps({"api": f"http://127.0.0.1:{api}"}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.server")
    parser.add_argument("output", type=Path, help="what every download gives")
    asyncio.run(serve(parser.parse_args().output))
