"""The seam to the service: everything that batchsync asks of it, and nothing else.

Two things stand behind it: `client.HttpApi`, which talks to a server, and `fake.FakeApi`, which
is one in memory. One test suite runs against both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from batchsync.api.wire import Account, Created, Project, UploadTicket
from batchsync.model import Role

# Called with a number of bytes each time some have moved.
Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class UploadItem:
    """One file to be uploaded: its role in the pair and its extension, without the dot."""

    role: Role
    extension: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A finished download: its length in bytes and the SHA-256 of the whole file."""

    size: int
    sha256: str


@dataclass(slots=True)
class Traffic:
    """Requests sent and bytes moved by one run; counted where they leave."""

    requests: dict[str, int] = field(
        default_factory=lambda: {
            "create": 0,
            "status": 0,
            "upload": 0,
            "download": 0,
            "upload_urls": 0,
            "account": 0,
        }
    )
    uploaded: int = 0
    downloaded: int = 0
    retries: int = 0


class Api(Protocol):
    """The four endpoints of the API and the two directions of its storage.

    Every method raises `RemoteError`; the two that touch files raise `LocalFileError` too.
    """

    async def account(self) -> Account:
        """`GET /v1/account`: balance and plan."""
        ...

    async def upload_urls(self, items: Sequence[UploadItem]) -> list[UploadTicket]:
        """`POST /v1/files/upload-urls`: a place for each file, in the order asked."""
        ...

    async def create(self, body: dict[str, Any]) -> Created:
        """`POST /v1/lip-sync`: **buys a render**. Never repeated in here.

        Raises:
            NotSent, Throttled, Unavailable: it is certain that no job was made.
            RemoteError with a 4xx status: the service refused, no job was made.
            AnswerLost, Unintelligible, Redirected: a job may have been made.
        """
        ...

    async def project(self, project_id: str) -> Project:
        """`GET /v1/video-projects/{id}`: how a render stands."""
        ...

    async def put(self, url: str, path: Path, size: int, progress: Progress) -> str:
        """Send a file's bytes to storage; returns the SHA-256 of what was sent.

        Raises:
            SourceUnfit: the file vanished, or is not `size` bytes long.
        """
        ...

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """Fetch into `part`, going on after the bytes that are there already.

        Raises:
            OutputUnwritable: the disk did not take it.
        """
        ...
