"""The life of the server: a port of this machine, a link, an end."""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from batchsync.errors import UsageError
from batchsync.manifest import Manifest
from batchsync.places import Places
from batchsync.review.books import Books
from batchsync.review.feed import Feed
from batchsync.review.guard import Guard
from batchsync.review.server import Desk, page_files
from batchsync.review.steps import Commands
from batchsync.standing import Standing, refuse_foreign_ledger

# The one that is tried first where none is asked for, so that the page is found again.
USUAL_PORT = 8790
_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_SHUTDOWN_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens, the secrets to reach it with, and what it tells."""

    host: str
    port: int
    guard: Guard
    feed: Feed

    @property
    def link(self) -> str:
        """What a person opens; good until the server ends."""
        return f"{self._base}/?token={self.guard.token}"

    def link_once(self) -> str:
        """A link that is good for one use."""
        return f"{self._base}/?ticket={self.guard.ticket()}"

    @property
    def _base(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listen(host: str, port: int | None) -> tuple[socket.socket, str | None]:
    """A socket, and a notice where it is not at the usual port.

    Args:
        host: a name of this machine itself.
        port: None for the usual one or, where that is taken, any; 0 for any.

    Raises:
        UsageError: the port is taken, or the host is another machine's.
    """
    if host not in _LOCAL_HOSTS:
        raise UsageError(
            f"--host {host}: review listens at 127.0.0.1, localhost or ::1 alone, as whoever "
            "reaches it sees your videos; from elsewhere, use an SSH tunnel "
            f"(ssh -L {USUAL_PORT}:127.0.0.1:{USUAL_PORT} …)"
        )
    address = "127.0.0.1" if host == "localhost" else host
    try:
        return _bind(address, USUAL_PORT if port is None else port), None
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise UsageError(f"can't listen at {host}: {error.strerror}") from error
        if port is not None:
            raise UsageError(
                f"port {port} is in use or not allowed; choose another with --port, 0 takes any"
            ) from error
    return _bind(address, 0), f"port {USUAL_PORT} is in use; another is taken"


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((address, port))
        sock.listen(128)
    except OSError:
        sock.close()
        raise
    return sock


@asynccontextmanager
async def serving(
    manifest: Manifest,
    places: Places,
    cap: int | None,
    commands: Commands,
    sock: socket.socket,
) -> AsyncIterator[Address]:
    """Serve a batch's page until the block ends.

    Args:
        manifest: of the batch.
        places: where its ledger is.
        cap: the most credits that it may spend.
        commands: to go on with.
        sock: listening; closed at the end.

    Raises:
        LedgerUnusable: the ledger is newer, foreign or damaged.
        UsageError: it is another manifest's.
    """
    books = Books(places.state)
    feed = Feed(manifest.jobs, books, cap, commands)
    guard = Guard()
    files = await asyncio.to_thread(page_files)
    runner = web.AppRunner(
        Desk(manifest, feed, guard, files).app(),
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
    )
    try:
        page = await books.read()
        standing = Standing(latest_run=page.latest_run)
        await asyncio.to_thread(refuse_foreign_ledger, manifest, standing)
        await feed.refresh()
        await runner.setup()
        await web.SockSite(runner, sock).start()
        watching = asyncio.create_task(feed.watch())
        try:
            host, port = sock.getsockname()[:2]
            yield Address(host, port, guard, feed)
        finally:
            watching.cancel()
            await feed.close()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
    finally:
        await runner.cleanup()
        sock.close()
        await books.close()


async def serve(
    manifest: Manifest,
    places: Places,
    cap: int | None,
    commands: Commands,
    sock: socket.socket,
    say: Callable[[Address], None],
    opens: bool,
) -> int:
    """Serve until told to end (INT or TERM); how many words were recorded.

    Args:
        manifest: of the batch.
        places: where its ledger is.
        cap: the most credits that it may spend.
        commands: to go on with.
        sock: listening; closed at the end.
        say: is told the address.
        opens: whether to open a browser, where there is a screen.

    Raises:
        LedgerUnusable: the ledger is newer, foreign or damaged.
        UsageError: it is another manifest's.
    """
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no such handlers; there, INT raises KeyboardInterrupt.
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, end.set)
    async with serving(manifest, places, cap, commands, sock) as address:
        say(address)
        if opens and _has_screen():
            await asyncio.to_thread(_open, address.link_once())
        await end.wait()
    return address.feed.judged


def _has_screen() -> bool:
    """Whether a browser would be a window, and not take over the terminal."""
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _open(link: str) -> None:
    with contextlib.suppress(webbrowser.Error, OSError):
        webbrowser.open(link)
