"""The storage host: pre-signed PUT and GET, with the manners of an object store."""

import re
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Final

from aiohttp import web

from batchsync.sandbox.answers import Answer, FileSlice, Refusal, refuse_storage
from batchsync.sandbox.assets import AssetShelf
from batchsync.sandbox.farm import RenderFarm
from batchsync.sandbox.intake import ShortBody, store
from batchsync.sandbox.observer import Observer
from batchsync.sandbox.projects import ProjectBook
from batchsync.sandbox.rules import UPLOAD_BYTES
from batchsync.sandbox.settings import Tier
from batchsync.sandbox.signing import UrlSigner

_RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")


class Storage:
    """Takes uploads and gives outputs to whoever holds a signed URL."""

    def __init__(
        self,
        tier: Tier,
        signer: UrlSigner,
        shelf: AssetShelf,
        book: ProjectBook,
        farm: RenderFarm,
        observer: Observer,
    ) -> None:
        self._most_bytes = UPLOAD_BYTES[tier]
        self._signer = signer
        self._shelf = shelf
        self._book = book
        self._farm = farm
        self._observer = observer

    async def upload(self, request: web.Request) -> Answer:
        """Take one file."""
        self._admit(request)
        asset = self._shelf.expecting(request.path.removeprefix("/"))
        length = self._announced(request)
        try:
            digest = await store(request.content, length, self._shelf.file(asset.path))
        except ShortBody:
            self._observer.uploads_aborted += 1
            raise refuse_storage(
                400, "IncompleteBody", "The body is shorter than its Content-Length"
            ) from None
        self._shelf.arrived(asset, length, digest)
        self._observer.uploads += 1
        self._observer.uploaded_bytes += length
        return Answer(200, headers={"ETag": f'"{digest}"'})

    async def download(self, request: web.Request) -> Answer:
        """Give one output, or the part of it that is asked for."""
        self._admit(request)
        path = self._output(request.match_info["id"])
        found = path.stat()
        etag = f'"{path.stem}"'
        headers = {
            "Content-Type": "video/mp4",
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Last-Modified": formatdate(found.st_mtime, usegmt=True),
        }
        if request.method == "GET":
            self._observer.downloads += 1
        return _part(request.headers, FileSlice(path, 0, found.st_size), headers)

    def _admit(self, request: web.Request) -> None:
        if "Authorization" in request.headers:
            self._observer.key_at_storage += 1
            raise refuse_storage(
                400,
                "InvalidArgument",
                "Only one auth mechanism allowed; only the signature in the query "
                "or the Authorization header should be specified",
            )
        self._signer.check(request.method, request.path, request.query)

    def _announced(self, request: web.Request) -> int:
        if "Transfer-Encoding" in request.headers:
            raise refuse_storage(
                501,
                "NotImplemented",
                "A header you provided implies functionality that is not implemented: "
                "Transfer-Encoding",
            )
        length = request.content_length
        if length is None:
            raise refuse_storage(
                411, "MissingContentLength", "You must provide the Content-Length HTTP header"
            )
        if length > self._most_bytes:
            raise refuse_storage(
                400,
                "EntityTooLarge",
                f"Your proposed upload of {length} bytes exceeds the {self._most_bytes} "
                "that your plan allows",
            )
        return length

    def _output(self, project_id: str) -> Path:
        try:
            rendition = self._book.get(project_id).rendition
        except Refusal:
            rendition = None
        if rendition is None:
            raise refuse_storage(404, "NoSuchKey", "The specified key does not exist")
        return self._farm.file(rendition)


def _part(asked: Mapping[str, str], whole: FileSlice, headers: dict[str, str]) -> Answer:
    if_range = asked.get("If-Range")
    if if_range is not None and if_range not in {headers["ETag"], headers["Last-Modified"]}:
        return Answer(200, whole, headers)
    span = _span(asked.get("Range", ""), len(whole))
    if span is None:
        return Answer(200, whole, headers)
    first, last = span
    if first > last:
        raise refuse_storage(
            416,
            "InvalidRange",
            "The requested range is not satisfiable",
            {"Content-Range": f"bytes */{len(whole)}"},
        )
    headers["Content-Range"] = f"bytes {first}-{last}/{len(whole)}"
    return Answer(206, FileSlice(whole.path, first, last - first + 1), headers)


def _span(text: str, size: int) -> tuple[int, int] | None:
    """The first and last byte asked for; None is all, first > last is none of them."""
    match = _RANGE.fullmatch(text.strip())
    # Several ranges, other units and nonsense are passed over, as the standard allows.
    if match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        return max(0, size - int(last)), size - 1
    if last and int(last) < int(first):
        return None
    return int(first), min(int(last or size), size - 1)
