"""A server that says just the bytes it was told to; other tests of the client use it."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

# SO_LINGER on with no time to linger: closing sends RST.
_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


class Act:
    """What the server does in place of an answer."""


RESET = Act()  # once the request was read
RESET_AT_ONCE = Act()  # before it was read
HANG_UP = Act()  # the connection is closed without an answer
HANG_UP_AT_ONCE = Act()  # the same, before the request was read
HOLD = Act()  # no answer comes
TRICKLE = Act()  # an answer whose body does not end

Answer = bytes | Act


def answer(
    status: int = 200,
    body: bytes | Any = b"",
    headers: Mapping[str, str] | None = None,
    *,
    length: int | None = None,
) -> bytes:
    """An HTTP answer; anything but bytes goes as JSON. `length` may lie about the body."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if length is None or length >= 0:
        lines.append(f"Content-Length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + content


@dataclass
class Scripted:
    """Gives one answer after the other, one a connection; the last one for ever."""

    answers: list[Answer]
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._talk(reader, writer)
            writer.close()
            await writer.wait_closed()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        act = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if act not in (RESET_AT_ONCE, HANG_UP_AT_ONCE):
            self.requests.append(await _read(reader))
        if isinstance(act, bytes):
            writer.write(act)
            await writer.drain()
        elif act is HOLD:
            await reader.read()
        elif act is TRICKLE:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b" ")
                await asyncio.sleep(0.005)
        elif act in (RESET, RESET_AT_ONCE):
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


@asynccontextmanager
async def scripted(*answers: Answer) -> AsyncIterator[Scripted]:
    """A server on this machine, on any free port."""
    script = Scripted(list(answers))
    serving: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.ensure_future(script.serve(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    script.port = server.sockets[0].getsockname()[1]
    try:
        yield script
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        # The transports close on the next turns of the loop.
        await asyncio.sleep(0.001)


def free_port() -> int:
    """A port of this machine at which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
    return port


async def _say(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    try:
        return await reader.read()
    finally:
        writer.close()


async def test_the_server_says_what_it_was_told_and_remembers_what_it_heard() -> None:
    async with scripted(answer(204), answer(200, {"a": 1}, length=3)) as server:
        first = await _say(
            server.port, b"PUT /a?b HTTP/1.1\r\nX-A: 1\r\nContent-Length: 2\r\n\r\nhi"
        )
        second = await _say(server.port, b"GET / HTTP/1.1\r\n\r\n")

    assert first.startswith(b"HTTP/1.1 204")
    assert second.endswith(b'Content-Length: 3\r\nConnection: close\r\n\r\n{"a": 1}')
    request = server.requests[0]
    assert (request.method, request.target, request.body) == ("PUT", "/a?b", b"hi")
    assert request.headers["x-a"] == "1"
