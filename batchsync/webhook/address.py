"""Where events are taken in."""

import re
from dataclasses import dataclass

from batchsync.errors import UsageError

_ADDRESS = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\s]*):(?P<port>\d{1,5})")
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*")
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """An interface, a port (0 takes any that is free) and a path."""

    host: str
    port: int
    path: str = "/"

    @classmethod
    def parse(cls, text: str, path: str = "/") -> "Address":
        """Read `HOST:PORT`; `:PORT` means this machine alone.

        Raises:
            UsageError: it is neither.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match["port"]) > _LAST_PORT:
            raise UsageError(f"--webhook: expected HOST:PORT, found {text!r}")
        if not _PATH.fullmatch(path):
            raise UsageError(f"--webhook-path: expected a path such as /events, found {path!r}")
        return cls(match["host"].strip("[]") or "127.0.0.1", int(match["port"]), path)
