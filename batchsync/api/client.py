"""The API over HTTP: the one place that imports aiohttp for requests.

The key is a header of single requests to the API host, never of a session: there is no way for
it to reach the storage host. Redirects are not followed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from batchsync.api import wire
from batchsync.api.answers import api_error, message_of, storage_error
from batchsync.api.bandwidth import Bandwidth
from batchsync.api.protocol import Fetched, Progress, Traffic, UploadItem
from batchsync.api.receiving import Receiver
from batchsync.api.transfer import BLOCK, Incoming, Outgoing
from batchsync.api.urls import storage_url
from batchsync.errors import AnswerLost, NotSent, OutputInvalid, RemoteError, Unintelligible

# Seconds. A create call may take its time, and giving up on it leaves a job unconfirmed.
_CONNECT = 15
_ANSWER = 60
_CREATE_ANSWER = 120
# Seconds without a byte moving before a transfer counts as dead.
_STALL = 60

# Answers of the API are a few kB; more is somebody's mistake or malice.
_LARGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpApi:
    """The `Api` of a server. Use as an async context manager.

    Args:
        base_url: scheme and host of the API.
        key: the API key; sent to the host of `base_url` alone.
        traffic: counters to add to.
        transfers: threads that may read and write files at a time.
        limit_upload: bytes per second of all uploads together; 0 is no limit.
        limit_download: the same for downloads.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        traffic: Traffic | None = None,
        transfers: int = 8,
        user_agent: str = "batchsync",
        limit_upload: int = 0,
        limit_download: int = 0,
    ) -> None:
        self._base = URL(base_url)
        self._key = key
        self.traffic = traffic or Traffic()
        self._user_agent = user_agent
        self._executor = ThreadPoolExecutor(max_workers=transfers, thread_name_prefix="transfer")
        self._up = Bandwidth(limit_upload) if limit_upload else None
        self._receiver = Receiver(Bandwidth(limit_download) if limit_download else None)
        self._proxies = getproxies()
        self.server_time: datetime | None = None

    async def __aenter__(self) -> "HttpApi":
        """Open the sessions."""
        common: dict[str, Any] = {
            "cookie_jar": aiohttp.DummyCookieJar(),
            "headers": {"User-Agent": self._user_agent},
            # Not trust_env: it would also send the passwords of a ~/.netrc.
            "trust_env": False,
            "read_bufsize": BLOCK // 4,
        }
        self._reads = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=64), **common)
        # A connection of its own for each create call: on a kept one, the server's closing it
        # at that moment could not be told from a lost answer, and would cost an unconfirmed job.
        self._creates = aiohttp.ClientSession(
            # No limit: waiting for a connection would count into the time for the answer. How
            # many calls are in the air is for the slots to say.
            connector=aiohttp.TCPConnector(limit=0, force_close=True),
            **common,
        )
        self._storage = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), auto_decompress=False, **common
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the sessions."""
        for session in (self._reads, self._creates, self._storage):
            await session.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def account(self) -> wire.Account:
        """`GET /v1/account`."""
        answer = await self._ask(self._reads, "account", "GET", "/v1/account")
        return wire.read_account(self._accept(answer))

    async def upload_urls(self, items: Sequence[UploadItem]) -> list[wire.UploadTicket]:
        """`POST /v1/files/upload-urls`."""
        body = {"items": [{"type": item.role, "extension": item.extension} for item in items]}
        answer = await self._ask(self._reads, "upload_urls", "POST", "/v1/files/upload-urls", body)
        return wire.read_upload_urls(self._accept(answer), len(items))

    async def create(self, body: dict[str, Any]) -> wire.Created:
        """`POST /v1/lip-sync`, once."""
        answer = await self._ask(
            self._creates, "create", "POST", "/v1/lip-sync", body, _CREATE_ANSWER
        )
        if answer.status >= 500:
            # "Where no id came back, no job was created" (CONTRACT). So where one did, it was.
            try:
                return wire.read_created(answer.body)
            except Unintelligible:
                pass
        return wire.read_created(self._accept(answer))

    async def project(self, project_id: str) -> wire.Project:
        """`GET /v1/video-projects/{id}`."""
        path = f"/v1/video-projects/{quote(project_id, safe='')}"
        answer = await self._ask(self._reads, "status", "GET", path)
        project = wire.read_project(self._accept(answer), project_id)
        if project.error is None:
            return project
        # These words go into ledger and results, whatever the server put into them.
        clean = {
            name: self._without_key(words)
            for name, words in project.error.model_dump().items()
            if words is not None
        }
        error = project.error.model_copy(update=clean)
        return project.model_copy(update={"error": error})

    async def put(self, url: str, path: Path, size: int, progress: Progress) -> str:
        """PUT a file to its pre-signed URL."""
        target = storage_url(url, self._base)
        outgoing = Outgoing(path, size, self._executor, self._up)
        try:
            with _translated():
                await self._send(target, outgoing, progress)
        except RemoteError:
            # aiohttp reports a broken connection where it was the file that gave out.
            if outgoing.error is not None:
                raise outgoing.error from None
            raise
        outgoing.check_length()
        return outgoing.sha256

    async def _send(self, target: URL, outgoing: Outgoing, progress: Progress) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_STALL) as stall:

            def moved(count: int) -> None:
                stall.reschedule(loop.time() + _STALL)
                self.traffic.uploaded += count
                progress(count)

            outgoing.sent = moved
            # Waiting for its share of --limit-upload is no stall.
            outgoing.waits = lambda: stall.reschedule(None)
            self.traffic.requests["upload"] += 1
            async with self._storage.put(
                target,
                data=outgoing,
                # With a length, aiohttp does not fall back to chunks, which object stores refuse.
                headers={"Content-Length": str(outgoing.size)},
                skip_auto_headers=("Content-Type",),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT),
                allow_redirects=False,
                **self._proxy(target),
            ) as response:
                if not 200 <= response.status < 300:
                    raise storage_error(response.status, response.headers)

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """GET an output into `part`, resuming by Range."""
        target = storage_url(url, self._base)
        incoming = Incoming(part, self._executor)

        def moved(count: int) -> None:
            self.traffic.downloaded += count
            progress(count)

        try:
            await incoming.open()
            with _translated():
                ask = partial(self._ask_storage, target)
                expected = await self._receiver.receive(ask, incoming, moved)
            await incoming.finish()
        finally:
            await incoming.close()
        if expected is not None and incoming.size < expected:
            raise AnswerLost(f"{incoming.size} of {expected} bytes came")
        if expected is not None and incoming.size > expected:
            raise OutputInvalid(f"{incoming.size} bytes came where {expected} were announced")
        return Fetched(incoming.size, incoming.sha256)

    @asynccontextmanager
    async def _ask_storage(
        self, target: URL, start: int, end: int | None = None, etag: str | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"Accept-Encoding": "identity"}
        if start or end is not None:
            headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if etag is not None:
            # If the object is another by now, all of it comes, and not a piece of the other.
            headers["If-Range"] = etag
        self.traffic.requests["download"] += 1
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT, sock_read=_STALL)
        async with self._storage.get(
            target,
            headers=headers,
            timeout=timeout,
            allow_redirects=False,
            **self._proxy(target),
        ) as response:
            yield response

    async def _ask(
        self,
        session: aiohttp.ClientSession,
        kind: str,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        patience: float = _ANSWER,
    ) -> _Answer:
        url = URL(str(self._base).rstrip("/") + path, encoded=True)
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body, ensure_ascii=False).encode()
        self.traffic.requests[kind] += 1
        with _translated():
            async with session.request(
                method,
                url,
                data=data,
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=patience, sock_connect=_CONNECT),
                allow_redirects=False,
                **self._proxy(url),
            ) as response:
                self.server_time = _date(response.headers.get("Date", ""))
                return _Answer(response.status, response.headers, await _bounded_body(response))

    def _accept(self, answer: _Answer) -> bytes:
        if 200 <= answer.status < 300:
            return answer.body
        raise api_error(answer.status, answer.headers, self._without_key(message_of(answer.body)))

    def _without_key(self, words: str) -> str:
        """Whatever a server echoes, the key does not get into our records."""
        return words.replace(self._key, "[key]")

    def _proxy(self, url: URL) -> dict[str, Any]:
        proxy = self._proxies.get(url.scheme) or self._proxies.get("all")
        if not proxy or proxy_bypass(url.host or ""):
            return {}
        # curl and others take a proxy without a scheme; so do we.
        return {"proxy": proxy if "://" in proxy else f"http://{proxy}"}


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for block in response.content.iter_any():
        body += block
        if len(body) > _LARGEST_ANSWER:
            response.close()
            # An error's text is cut; an answer that matters would not parse anyway.
            return bytes(body[:_LARGEST_ANSWER])
    return bytes(body)


def _date(value: str) -> datetime | None:
    try:
        return parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what aiohttp raises into "never sent" or "answer lost"; this difference is money.

    Without a cause: aiohttp's errors carry URLs with their signatures, and headers with the key.
    """
    try:
        yield
    except (
        aiohttp.ClientConnectorError,  # refused, no route, DNS, TLS, or the proxy's door shut
        aiohttp.ClientHttpProxyError,
        aiohttp.ConnectionTimeoutError,
        aiohttp.InvalidURL,
    ) as error:
        raise NotSent(f"no connection: {_reason(error)}") from None
    except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
        raise AnswerLost(f"the connection broke: {_reason(error)}") from None


def _reason(error: BaseException) -> str:
    # Not str(): aiohttp puts whole URLs into some messages, and pre-signed ones are secrets.
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
