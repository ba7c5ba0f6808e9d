"""Uploaded files: which were promised a place, and which arrived."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from batchsync.sandbox.answers import refuse, refuse_storage
from batchsync.sandbox.journal import Journal

PREFIX = "api-assets/"


@dataclass(frozen=True, slots=True)
class Asset:
    """One place for a file.

    Attributes:
        path: Its name at the service, `api-assets/…`.
        kind: `video`, `audio` or `image`, as asked for.
        extension: The file name extension, without the dot.
        issued_at: When the place was given.
        size: Bytes that arrived; None before.
        digest: SHA-256 of them.
        uploaded_at: When they arrived.
    """

    path: str
    kind: str
    extension: str
    issued_at: float
    size: int | None = None
    digest: str | None = None
    uploaded_at: float | None = None


class AssetShelf:
    """All places given out, and the files in them."""

    def __init__(
        self, folder: Path, journal: Journal, clock: Callable[[], float], ttl: float
    ) -> None:
        self._folder = folder
        self._journal = journal
        self._clock = clock
        self._ttl = ttl
        self._assets: dict[str, Asset] = {}

    def issue(self, kind: str, extension: str) -> Asset:
        """Give a place for one file."""
        path = f"{PREFIX}{token_hex(8)}/{kind}.{extension}"
        return self._keep(Asset(path, kind, extension, self._clock()))

    def restore(self, record: dict[str, Any]) -> None:
        """Take back a record of an earlier process."""
        asset = Asset(**record)
        self._assets[asset.path] = asset

    def expecting(self, path: str) -> Asset:
        """The place that an upload is for.

        Raises:
            Refusal: No such place was given.
        """
        asset = self._assets.get(path)
        if asset is None:
            raise refuse_storage(404, "NoSuchKey", "The specified key does not exist")
        return asset

    def arrived(self, asset: Asset, size: int, digest: str) -> Asset:
        """Record that a file is whole and in its place."""
        now = self._clock()
        return self._keep(replace(asset, size=size, digest=digest, uploaded_at=now))

    def ready(self, path: str, role: str) -> Asset:
        """The file that a job wants to use as its video or audio.

        Raises:
            Refusal: 422; it is unknown, not uploaded, expired or of another kind.
        """
        field = f"assets.{role}_file_path"
        asset = self._assets.get(path)
        if asset is None or asset.uploaded_at is None:
            raise refuse(422, f"{field}: {path!r} does not exist or was not uploaded")
        if asset.uploaded_at + self._ttl <= self._clock():
            raise refuse(422, f"{field}: {path!r} has expired, upload it again")
        if asset.kind != role:
            raise refuse(422, f"{field}: {path!r} was uploaded as {asset.kind}, not {role}")
        return asset

    def digest(self, path: str) -> str | None:
        """The digest of a file's content, if it is here."""
        asset = self._assets.get(path)
        return asset.digest if asset else None

    def file(self, path: str) -> Path:
        """Where a file lies on this disk."""
        return self._folder / path.removeprefix(PREFIX).replace("/", "-")

    def _keep(self, asset: Asset) -> Asset:
        self._assets[asset.path] = asset
        self._journal.append("asset", asdict(asset))
        return asset
