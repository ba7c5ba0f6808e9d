"""`batchsync review` in a process or a thread of its own, and talking to it."""

import asyncio
import http.client
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from batchsync.manifest import load
from batchsync.places import places
from batchsync.review.serving import listen, serving
from batchsync.review.steps import Commands
from batchsync.settings import settle
from tests.support.cli import SCRIPT, environment, until


@dataclass
class Reviewing:
    """A server under way.

    Attributes:
        link: as it was printed, with the token.
    """

    process: subprocess.Popen[bytes]
    link: str
    cookie: str = ""

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:port`."""
        return self.link.partition("/?")[0]

    def ask(
        self, path: str, method: str = "GET", body: Any = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        """One request with the page's headers; status, headers, body."""
        own = {"Origin": self.origin, "Content-Type": "application/json", "Cookie": self.cookie}
        connection = http.client.HTTPConnection(urlsplit(self.link).netloc, timeout=30)
        content = None if body is None else json.dumps(body)
        connection.request(method, path, content, {**own, **headers})
        answer = connection.getresponse()
        found = (answer.status, dict(answer.getheaders()), answer.read())
        connection.close()
        return found

    def enter(self) -> None:
        """Follow the link, as a browser does."""
        status, headers, _ = self.ask(self.link.removeprefix(self.origin))
        assert status == 200
        self.cookie = headers["Set-Cookie"].partition(";")[0]

    def judge(self, job: str, verdict: str | None, note: str = "", attempt: int = 1) -> Any:
        """Give a verdict; the job's row."""
        word = {"job": job, "attempt": attempt, "verdict": verdict, "note": note}
        status, _, body = self.ask("/api/verdict", "PUT", word)
        assert status == 200, body
        return json.loads(body)


@contextmanager
def reviewing(manifest: Path, *flags: str) -> Iterator[Reviewing]:
    """`batchsync review MANIFEST`, until the block ends."""
    with tempfile.TemporaryFile() as out:
        command = [str(SCRIPT), "review", str(manifest), "--no-open", *(flags or ("--port", "0"))]
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.DEVNULL, env=environment(None, None)
        )

        def said() -> bytes:
            # At a place of our own: the child shares the file's.
            return os.pread(out.fileno(), 4096, 0)

        try:
            until(lambda: said().endswith(b"\n") or process.poll() is not None)
            assert process.poll() is None, "the review did not start"
            yield Reviewing(process, said().decode().strip())
        finally:
            process.kill()
            process.wait()


@contextmanager
def review_thread(manifest: Path) -> Iterator[str]:
    """The same server in a thread, which starts sooner; its link."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    loaded = load(manifest)
    settings = settle(loaded.run, {})
    where = places(loaded.path, loaded.name, settings)
    server = serving(
        loaded, where, settings.max_credits, Commands(manifest.name), listen("127.0.0.1", 0)[0]
    )
    try:
        address = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result(30)
        yield address.link
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result(30)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
