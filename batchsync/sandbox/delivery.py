"""Sends answers, well or with a mishap on the way."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from io import BufferedReader
from typing import Final

from aiohttp import web

from batchsync.sandbox.answers import Answer, FileSlice
from batchsync.sandbox.faults import Mishap
from batchsync.sandbox.observer import Observer

_CHUNK_BYTES: Final = 1 << 20
_TRICKLE_PIECES: Final = 20
_HOLD_LOOK_SECONDS: Final = 0.05
# SO_LINGER on with no time to linger: closing sends RST, which is what a reset looks like.
_LINGER_NOT: Final = struct.pack("ii", 1, 0)


class Delivery:
    """Puts answers on the wire."""

    def __init__(
        self,
        hold_seconds: float,
        trickle_seconds: float,
        observer: Observer,
        closing: asyncio.Event,
    ) -> None:
        self._hold_seconds = hold_seconds
        self._trickle_seconds = trickle_seconds
        self._observer = observer
        self._closing = closing

    async def send(
        self, request: web.Request, answer: Answer, mishap: Mishap | None
    ) -> web.StreamResponse:
        """Send one answer."""
        match mishap:
            case Mishap.RESET:
                return _reset(request)
            case Mishap.HOLD:
                await self._hold(request)
                return _reset(request)
            case Mishap.EMPTY:
                answer = Answer(200)
            case Mishap.SHORTEN:
                answer = _shortened(answer)
        if isinstance(answer.body, bytes) and not (answer.body and mishap is Mishap.TRICKLE):
            return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
        return await self._stream(request, answer, mishap)

    async def _stream(
        self, request: web.Request, answer: Answer, mishap: Mishap | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_length = left = len(answer.body)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        chunk, pause = _CHUNK_BYTES, 0.0
        if mishap is Mishap.TRICKLE:
            chunk, pause = max(1, left // _TRICKLE_PIECES), self._trickle_seconds / _TRICKLE_PIECES
        body = answer.body
        if mishap is Mishap.TRUNCATE:
            body = body[: left // 2] if isinstance(body, bytes) else body.first(left // 2)
        async for piece in _pieces(body, chunk):
            await response.write(piece)
            if isinstance(body, FileSlice):
                self._observer.downloaded_bytes += len(piece)
            if pause:
                await asyncio.sleep(pause)
        if mishap is Mishap.TRUNCATE and request.transport is not None:
            # Closed and not reset: what was sent so far does arrive.
            request.transport.close()
        return response

    async def _hold(self, request: web.Request) -> None:
        """Wait until the client has left, patience ends or the sandbox does."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._hold_seconds
        while loop.time() < deadline and not self._closing.is_set():
            if request.transport is None or request.transport.is_closing():
                return
            await asyncio.sleep(_HOLD_LOOK_SECONDS)


def _reset(request: web.Request) -> web.Response:
    transport = request.transport
    if transport is not None:
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        transport.abort()
    # Never seen: aiohttp wants something to not send.
    return web.Response()


def _shortened(answer: Answer) -> Answer:
    if isinstance(answer.body, bytes):
        return answer
    return Answer(answer.status, answer.body.first(len(answer.body) // 2), answer.headers)


async def _pieces(body: bytes | FileSlice, size: int) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        for offset in range(0, len(body), size):
            yield body[offset : offset + size]
        return
    file: BufferedReader = await asyncio.to_thread(body.path.open, "rb")
    with file:
        file.seek(body.offset)
        left = len(body)
        while left and (piece := await asyncio.to_thread(file.read, min(size, left))):
            left -= len(piece)
            yield piece
