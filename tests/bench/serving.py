"""The server process, seen from a bench."""

import json
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measuring import module
from tests.bench.orders import named

Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    api: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know."""
        return {"MAGIC_HOUR_BASE_URL": self.api, "MAGIC_HOUR_API_KEY": "bench"}

    def expect(self, pairs: Iterable[tuple[str, str]], **rules: Any) -> None:
        """Begin anew: only these jobs may be asked for, by these rules; see `orders.Rules`."""
        self._ask("/_reset", json.dumps({**rules, "jobs": named(pairs)}).encode())

    def counts(self) -> Any:
        """What it has seen since then.

        Raises:
            RuntimeError: a client broke a rule.
        """
        counts = self._ask("/_counts")
        if counts["violations"]:
            raise RuntimeError(f"the server was misused: {counts['violations']}")
        return counts

    def ticket(self) -> Any:
        """A place to upload to, for a client that makes no jobs."""
        body = json.dumps({"items": [{"type": "video", "extension": "mp4"}]}).encode()
        return self._ask("/v1/files/upload-urls", body)["items"][0]

    def buy(self, pair: tuple[str, str]) -> str:
        """The address of a finished output, for a client that makes no jobs."""
        video, audio = pair
        assets = {"video_source": "file", "video_file_path": video, "audio_file_path": audio}
        body = json.dumps({"name": "job-000000", "assets": assets}).encode()
        project = self._ask("/v1/lip-sync", body)["id"]
        while True:
            shown = self._ask(f"/v1/video-projects/{project}")
            if shown["downloads"]:
                return str(shown["downloads"][0]["url"])

    def _ask(self, path: str, body: bytes | None = None) -> Any:
        headers = {"Authorization": "Bearer bench", "Content-Type": "application/json"}
        request = urllib.request.Request(self.api + path, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@contextmanager
def serving(output: Path) -> Iterator[Server]:
    """A server process whose every download gives `output`."""
    process = subprocess.Popen(
        module("server", output), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("no pipes")
    try:
        yield Server(json.loads(process.stdout.readline())["api"])
    finally:
        process.stdin.close()
        process.wait(timeout=30)
        process.stdout.close()
