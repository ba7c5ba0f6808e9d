"""A small strict server with its own accounting: an opinion on batchsync that owes it nothing.

It shares no line with the sandbox. `strict_thread()` runs one beside a test, on a thread and a
loop of its own; `python -m tests.strict --port 0 --ready PATH` runs one as a process.
"""

import argparse
import asyncio
import hashlib
import json
import math
import random
import signal
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

KEY = "strict-key-7c1f0e55"
PREFIX = "api-assets/"
NOTHING = b""

Hook = Callable[["Strict", web.Request, int], web.StreamResponse | None]


@dataclass
class Asset:
    """A place for one file, and what came to lie there."""

    kind: str
    sha256: str | None = None
    size: int = 0


@dataclass
class Project:
    """One job that was bought."""

    id: str
    body: dict[str, Any]
    content: str
    made_at: float
    seconds: float
    estimate: int
    fate: str | None
    looks: int = 0
    ended: bool = False
    charged: int = 0
    downloads: int = 0

    @property
    def job(self) -> str:
        """The manifest's id, which its name begins with."""
        return str(self.body.get("name", "")).partition(" ")[0]


@dataclass
class Rules:
    """How a server behaves.

    Attributes:
        render_seconds: from the create call to the end.
        credits: the balance at first.
        fps: of every video, as the charge is settled by.
        most_active: jobs that may render at a time; one more is answered 429.
        retry_after: what such a 429 says, None leaves the header out.
        faults: `endpoint:name=probability`, see `FAULTS`.
        fates: how jobs end that do not end well: job id -> `error:CODE`, `cancel` or `stuck`.
        hidden_seconds: a new project is answered 404 for so long.
        pad: bytes that every output is made longer by.
        hang: endpoints that never answer, though what was asked is done.
        deny: endpoint -> status of every answer.
        key: the one that is accepted.
    """

    render_seconds: float = 0.0
    credits: int = 1_000_000
    fps: float = 25.0
    most_active: int | None = None
    retry_after: int | None = None
    faults: tuple[str, ...] = ()
    seed: int = 0
    fates: Mapping[str, str] = field(default_factory=dict)
    hidden_seconds: float = 0.0
    pad: int = 0
    hang: tuple[str, ...] = ()
    deny: Mapping[str, int] = field(default_factory=dict)
    key: str = KEY


class Strict:
    """The server: `localhost` is the API, `127.0.0.1` at the same port its storage."""

    def __init__(self, clip: bytes, rules: Rules | None = None) -> None:
        self.clip = clip
        self.rules = rules or Rules()
        self.hooks: dict[str, Hook] = {}
        self.requests: Counter[str] = Counter()
        self.answers: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.assets: dict[str, Asset] = {}
        self.projects: dict[str, Project] = {}
        self.bodies: list[dict[str, Any]] = []
        self.refused_bodies: list[str] = []
        self.key_at_storage = 0
        self.bad_uploads: list[str] = []
        self.downloads = 0
        self.most_active = 0
        self.port = 0
        self._dice = random.Random(self.rules.seed)
        self._faults = [_fault(text) for text in self.rules.faults]

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return f"http://localhost:{self.port}"

    @property
    def uploads(self) -> int:
        """Files that arrived whole."""
        return sum(asset.sha256 is not None for asset in self.assets.values())

    @property
    def spent(self) -> int:
        """Credits charged and not given back."""
        return sum(project.charged for project in self.projects.values())

    def output(self, project_id: str) -> bytes:
        """The bytes of a render, which no other has."""
        payload = project_id.encode() + bytes(self.rules.pad)
        return self.clip + struct.pack(">I4s", len(payload) + 8, b"free") + payload

    def of_job(self, job: str) -> list[Project]:
        """What was bought for one job, in order."""
        return [project for project in self.projects.values() if project.job == job]

    def duplicates(self) -> dict[str, int]:
        """Contents that were bought more than once."""
        counts = Counter(project.content for project in self.projects.values())
        return {content: count for content, count in counts.items() if count > 1}

    def report(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "requests": dict(self.requests),
            "answers": dict(self.answers),
            "struck": dict(self.struck),
            "uploads": self.uploads,
            "creates": len(self.projects),
            "duplicates": self.duplicates(),
            "spent": self.spent,
            "key_at_storage": self.key_at_storage,
            "bad_uploads": self.bad_uploads,
            "refused_bodies": self.refused_bodies,
            "projects": {
                each.id: {
                    "job": each.job,
                    "charged": each.charged,
                    "sha256": hashlib.sha256(self.output(each.id)).hexdigest(),
                }
                for each in self.projects.values()
            },
        }

    async def start(self, port: int = 0) -> None:
        """Listen on both names of this machine."""
        app = web.Application(client_max_size=1 << 20)
        app.router.add_route("*", "/{tail:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        for sock in _listen(port):
            self.port = sock.getsockname()[1]
            await web.SockSite(self._runner, sock).start()

    async def stop(self) -> None:
        """Close everything."""
        await self._runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/_report":
            return web.json_response(self.report())
        if request.path == "/_count":
            return web.json_response(self.requests.total())
        endpoint = self._endpoint(request)
        count = self.requests[endpoint] = self.requests[endpoint] + 1
        if endpoint in ("upload", "download") and "Authorization" in request.headers:
            self.key_at_storage += 1
        hook = self.hooks.get(endpoint)
        answer = hook(self, request, count) if hook else None
        if answer is None:
            answer = await self._answer(endpoint, request)
        self.answers[f"{endpoint} {answer.status}"] += 1
        return answer

    async def _answer(self, endpoint: str, request: web.Request) -> web.StreamResponse:
        if endpoint in self.rules.deny:
            return _problem(self.rules.deny[endpoint], "denied")
        if endpoint not in ("upload", "download", "nothing"):
            given = request.headers.get("Authorization", "")
            if given != f"Bearer {self.rules.key}":
                return _problem(401, f"Invalid API key: {given}")
        fault = self._draw(endpoint)
        if fault in _BEFORE:
            return _BEFORE[fault](request)
        answer = await _HANDLERS[endpoint](self, request)
        if endpoint in self.rules.hang:
            await asyncio.sleep(3600)
        if fault in ("lost", "reset-after"):
            return reset(request)
        if fault in ("slow", "truncate") and isinstance(answer, web.Response):
            return await _trickle(request, answer, cut=fault == "truncate")
        return answer

    def _endpoint(self, request: web.Request) -> str:
        at_storage = request.host.startswith("127.0.0.1")
        path, method = request.path, request.method
        known = {
            (False, "POST", "/v1/files/upload-urls"): "upload_urls",
            (False, "POST", "/v1/lip-sync"): "create",
            (False, "GET", "/v1/account"): "account",
        }
        if (found := known.get((at_storage, method, path))) is not None:
            return found
        if not at_storage and method == "GET" and path.startswith("/v1/video-projects/"):
            return "status"
        if at_storage and method == "PUT" and path.startswith("/put/"):
            return "upload"
        if at_storage and method == "GET" and path.startswith("/get/"):
            return "download"
        return "nothing"

    def _draw(self, endpoint: str) -> str | None:
        for where, name, chance in self._faults:
            if where == endpoint and self._dice.random() < chance:
                self.struck[f"{endpoint}:{name}"] += 1
                return name
        return None

    def _sign(self, path: str, endpoint: str) -> str:
        expired = self._draw(f"{endpoint}-url") == "expired"
        until = time.time() + (-60 if expired else 3600)
        return f"http://127.0.0.1:{self.port}{path}?until={until:.0f}&sig=a%2Fb%2Bc"

    async def _upload_urls(self, request: web.Request) -> web.StreamResponse:
        items = (await request.json())["items"]
        answers = []
        for item in items:
            if set(item) != {"type", "extension"} or item["type"] not in ("video", "audio"):
                return _problem(400, "items")
            name = f"{len(self.assets):04}.{item['extension']}"
            self.assets[PREFIX + name] = Asset(item["type"])
            answers.append(
                {
                    "upload_url": self._sign(f"/put/{name}", "upload"),
                    "file_path": PREFIX + name,
                    "expires_at": "2030-01-01T00:00:00Z",
                }
            )
        return web.json_response({"items": answers})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if refusal := _unsigned(request):
            return refusal
        asset = self.assets.get(PREFIX + request.path.removeprefix("/put/"))
        if asset is None:
            return _problem(404, "NoSuchKey")
        if request.content_length is None or "Transfer-Encoding" in request.headers:
            self.bad_uploads.append("no Content-Length")
            return _problem(411, "MissingContentLength")
        digest, size = hashlib.sha256(), 0
        async for block in request.content.iter_any():
            digest.update(block)
            size += len(block)
        if size != request.content_length:
            self.bad_uploads.append("short")
            return _problem(400, "IncompleteBody")
        asset.sha256, asset.size = digest.hexdigest(), size
        return web.Response()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        if why := self._refusal(body):
            self.refused_bodies.append(why)
            return _problem(422, why)
        active = sum(not each.ended for each in self.projects.values())
        if self.rules.most_active is not None and active >= self.rules.most_active:
            wait = self.rules.retry_after
            headers = {} if wait is None else {"Retry-After": str(wait)}
            return _problem(429, "Too many jobs at once", headers)
        mode = body.get("style", {}).get("generation_mode", "lite")
        price = 2 if mode == "pro" else 1
        estimate = math.ceil(round((body["end_seconds"] - body["start_seconds"]) * 30, 6)) * price
        if self.rules.credits - self.spent < estimate:
            return _problem(402, "Not enough credits")
        project = Project(
            id=f"cm{len(self.projects):05}x{self._dice.randrange(1 << 32):08x}",
            body=body,
            content=self._content(body),
            made_at=time.monotonic(),
            seconds=self.rules.render_seconds,
            estimate=estimate,
            fate=self.rules.fates.get(str(body.get("name", "")).partition(" ")[0]),
            charged=estimate,
        )
        self.projects[project.id] = project
        self.most_active = max(self.most_active, active + 1)
        return web.json_response({"id": project.id, "credits_charged": estimate})

    def _refusal(self, body: dict[str, Any]) -> str | None:
        assets = body.get("assets", {})
        known = {"name", "start_seconds", "end_seconds", "max_fps_limit", "style", "assets"}
        if extra := set(body) - known:
            return f"unknown fields {sorted(extra)}"
        if None in [*body.values(), *assets.values()]:
            return "null"
        if not 0 <= body["start_seconds"] < body["end_seconds"]:
            return "range"
        video = assets.get("video_file_path") or assets.get("youtube_url") or ""
        for reference, kind in ((video, "video"), (assets["audio_file_path"], "audio")):
            if reference.startswith(PREFIX):
                asset = self.assets.get(reference)
                if asset is None or asset.sha256 is None or asset.kind != kind:
                    return f"{reference} is no uploaded {kind}"
            elif not reference.startswith("https://"):
                return f"{reference!r} can't be fetched"
        return None

    def _content(self, body: dict[str, Any]) -> str:
        assets = body["assets"]
        video = assets.get("video_file_path") or assets.get("youtube_url")
        contents = [
            self.assets[name].sha256 if name in self.assets else name
            for name in (video, assets["audio_file_path"])
        ]
        rest = {key: value for key, value in body.items() if key not in ("name", "assets")}
        return json.dumps([*contents, rest], sort_keys=True)

    async def _status(self, request: web.Request) -> web.StreamResponse:
        project = self.projects.get(request.path.rpartition("/")[2])
        if project is None:
            return _problem(404, "Not found")
        age = time.monotonic() - project.made_at
        if age < self.rules.hidden_seconds:
            return _problem(404, "Not found")
        project.looks += 1
        status = "queued" if age < project.seconds / 4 else "rendering"
        error = None
        if age >= project.seconds and project.fate != "stuck":
            status = self._end(project)
            if status == "error":
                code = str(project.fate).partition(":")[2]
                error = {"code": code, "message": f"It broke: {code}"}
        done = status == "complete"
        urls = [self._sign(f"/get/{project.id}", "download")] if done else []
        return web.json_response(
            {
                "id": project.id,
                "name": project.body.get("name"),
                "status": status,
                "type": "LIP_SYNC",
                "enabled": True,
                "credits_charged": project.charged,
                "fps": self.rules.fps,
                "width": 64,
                "height": 36,
                "start_seconds": project.body["start_seconds"],
                "end_seconds": project.body["end_seconds"],
                "error": error,
                "downloads": [{"url": url, "expires_at": "2030-01-01T00:00:00Z"} for url in urls],
            }
        )

    def _end(self, project: Project) -> str:
        fate = project.fate or ""
        word = "error" if fate.startswith("error") else "canceled" if fate else "complete"
        if not project.ended:
            project.ended = True
            body = project.body
            price = 2 if body.get("style", {}).get("generation_mode") == "pro" else 1
            fps = min(self.rules.fps, body.get("max_fps_limit", self.rules.fps))
            seconds = body["end_seconds"] - body["start_seconds"]
            frames = math.ceil(round(seconds * fps, 6))
            project.charged = frames * price if word == "complete" else 0
        return word

    async def _download(self, request: web.Request) -> web.StreamResponse:
        if refusal := _unsigned(request):
            return refusal
        project = self.projects[request.path.removeprefix("/get/")]
        whole = self.output(project.id)
        project.downloads += 1
        self.downloads += 1
        asked = request.headers.get("Range")
        if asked is None:
            return web.Response(body=whole, content_type="video/mp4")
        first = int(asked.removeprefix("bytes=").partition("-")[0])
        if first >= len(whole):
            page = b"<?xml version='1.0'?><Error><Code>InvalidRange</Code></Error>"
            headers = {"Content-Range": f"bytes */{len(whole)}"}
            return web.Response(
                status=416, body=page, headers=headers, content_type="application/xml"
            )
        headers = {"Content-Range": f"bytes {first}-{len(whole) - 1}/{len(whole)}"}
        return web.Response(
            status=206, body=whole[first:], headers=headers, content_type="video/mp4"
        )

    async def _account(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(
            {"id": "acct", "credits": self.rules.credits - self.spent, "tier": "business"}
        )

    async def _nothing(self, _: web.Request) -> web.StreamResponse:
        return _problem(404, "Not found")


def _problem(
    status: int, message: str, headers: Mapping[str, str] | None = None
) -> web.StreamResponse:
    return web.json_response({"message": message}, status=status, headers=headers)


def _unsigned(request: web.Request) -> web.StreamResponse | None:
    # The signature holds only if the client sent the query back to the letter.
    if "sig=a%2Fb%2Bc" not in request.raw_path:
        return _problem(403, "SignatureDoesNotMatch")
    if float(request.query["until"]) < time.time():
        return _problem(403, "Request has expired")
    return None


def reset(request: web.Request) -> web.StreamResponse:
    """Cut the connection with an RST."""
    transport = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=499)


async def _trickle(request: web.Request, answer: web.Response, *, cut: bool) -> web.StreamResponse:
    body = bytes(answer.body) if isinstance(answer.body, bytes | bytearray) else NOTHING
    slow = web.StreamResponse(status=answer.status, headers=answer.headers)
    slow.content_length = len(body)
    await slow.prepare(request)
    step = max(1, len(body) // 4)
    for start in range(0, len(body), step):
        if cut and start >= len(body) // 2:
            if request.transport is not None:
                request.transport.close()
            break
        try:
            await slow.write(body[start : start + step])
        except ConnectionResetError:
            break  # whoever asked is gone: killed, perhaps
        await asyncio.sleep(0.01)
    return slow


_BEFORE: dict[str | None, Callable[[web.Request], web.StreamResponse]] = {
    "429": lambda _: _problem(429, "slow down"),
    "429-after": lambda _: _problem(429, "slow down", {"Retry-After": "0"}),
    "500": lambda _: _problem(500, "oops"),
    "502": lambda _: _problem(502, "bad gateway"),
    "503": lambda _: _problem(503, "overloaded"),
    "html": lambda _: web.Response(
        status=502, text="<html><h1>502</h1></html>", content_type="text/html"
    ),
    "403": lambda _: _problem(403, "forbidden"),
    "reset": reset,
}
FAULTS = (*[name for name in _BEFORE if name], "slow", "truncate", "lost", "reset-after", "expired")

_HANDLERS: dict[str, Callable[[Strict, web.Request], Any]] = {
    "upload_urls": Strict._upload_urls,
    "upload": Strict._upload,
    "create": Strict._create,
    "status": Strict._status,
    "download": Strict._download,
    "account": Strict._account,
    "nothing": Strict._nothing,
}


def _fault(text: str) -> tuple[str, str, float]:
    place, _, chance = text.partition("=")
    endpoint, _, name = place.partition(":")
    if name not in FAULTS:
        raise ValueError(text)
    return endpoint, name, float(chance)


def _listen(port: int) -> list[socket.socket]:
    while True:
        four = socket.create_server(("127.0.0.1", port))
        try:
            six = socket.create_server(
                ("::1", four.getsockname()[1]), family=socket.AF_INET6, dualstack_ipv6=False
            )
        except OSError:
            if port or not socket.has_ipv6 or not _has_loopback6():
                return [four]
            four.close()
            continue
        return [four, six]


def _has_loopback6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@contextmanager
def strict_thread(clip: bytes, rules: Rules | None = None) -> Iterator[Strict]:
    """A server on an event loop of its own."""
    server = Strict(clip, rules)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="strict", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
        try:
            yield server
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.strict", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--ready", type=Path, help="gets the base URL once the server listens")
    parser.add_argument("--clip", type=Path, required=True, help="the mp4 that outputs begin with")
    parser.add_argument("--render-seconds", type=float, default=0.0)
    parser.add_argument("--credits", type=int, default=1_000_000)
    parser.add_argument("--most-active", type=int)
    parser.add_argument("--fault", action="append", default=[], metavar="ENDPOINT:NAME=CHANCE")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pad", type=int, default=0)
    parser.add_argument("--key", default=KEY)
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    rules = Rules(
        render_seconds=arguments.render_seconds,
        credits=arguments.credits,
        most_active=arguments.most_active,
        faults=tuple(arguments.fault),
        seed=arguments.seed,
        pad=arguments.pad,
        key=arguments.key,
    )
    server = Strict(arguments.clip.read_bytes(), rules)
    await server.start(arguments.port)
    if arguments.ready:
        part = arguments.ready.with_suffix(".part")
        part.write_text(server.base_url)
        part.replace(arguments.ready)
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await ended.wait()
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(_arguments()))
