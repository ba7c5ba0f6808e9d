"""The server process, seen from a bench."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.measuring import module


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    api: str

    @property
    def environ(self) -> dict[str, str]:
        """What a client needs to know."""
        return {"MAGIC_HOUR_BASE_URL": self.api, "MAGIC_HOUR_API_KEY": "bench"}

    def reset(self, **rules: Any) -> None:
        """Begin anew; see `server.Rules`."""
        self._ask("/_reset", json.dumps(rules).encode())

    def counts(self) -> Any:
        """What it has seen since the last reset.

        Raises:
            RuntimeError: a client broke a rule.
        """
        counts = self._ask("/_counts")
        if counts["violations"]:
            raise RuntimeError(f"the server was misused: {counts['violations']}")
        return counts

    def ticket(self) -> Any:
        """A place to upload to, for a client that is no batchsync."""
        body = json.dumps({"items": [{"type": "video", "extension": "mp4"}]}).encode()
        return self._ask("/v1/files/upload-urls", body)["items"][0]

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
