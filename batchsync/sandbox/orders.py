"""What a create call asks for, and the rules it must meet."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

from batchsync.sandbox.answers import refuse
from batchsync.sandbox.assets import PREFIX
from batchsync.sandbox.rules import (
    CREDITS_PER_FRAME,
    ESTIMATE_FPS,
    EXTENSIONS,
    MAX_FRAMES,
    estimate,
    frames_between,
)

_LIBRARY_HOSTS = frozenset({"magichour.ai", "www.magichour.ai"})
_LIBRARY_PATH = "/my-library"
_YOUTUBE_HOSTS = frozenset(
    {"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com", "youtu.be"}
)


@dataclass(frozen=True, slots=True)
class Order:
    """A valid create body.

    Attributes:
        name: What the user calls it.
        audio: `api-assets/…` or a URL.
        video: `api-assets/…` or a URL; of YouTube too.
        start: First second of the video to use.
        end: Where it ends.
        max_fps: The output has no more frames a second.
        mode: The generation mode, which sets the price of a frame.
        digest: Of the body without its name: two jobs that share it are one job bought twice.
    """

    name: str | None
    audio: str
    video: str
    start: float
    end: float
    max_fps: float | None
    mode: str
    digest: str

    @property
    def estimate(self) -> int:
        """The credits it is charged at first."""
        return estimate(self.start, self.end, self.mode)


def read_json(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a request.

    Raises:
        Refusal: 400; there is none.
    """
    if not body.strip():
        raise refuse(400, "Missing request body")
    try:
        content = json.loads(body)
    except ValueError as error:
        raise refuse(400, f"Invalid JSON in request body: {error}") from None
    if not isinstance(content, dict):
        raise refuse(400, "The request body must be a JSON object")
    return content


def read_order(body: Mapping[str, Any]) -> Order:
    """Check a create body and take from it what a render needs.

    Raises:
        Refusal: 400 names the wrong field; 422 is for what is well formed and cannot be done.
    """
    assets = _object(body, "assets")
    style = _object(body, "style") if "style" in body else {}
    start = _number(body, "start_seconds", 0)
    end = _number(body, "end_seconds", 0.1)
    if end <= start:
        raise refuse(400, "end_seconds: must be greater than start_seconds")
    max_fps = _number(body, "max_fps_limit", 1) if "max_fps_limit" in body else None
    order = Order(
        name=_text(body, "name") if "name" in body else None,
        audio=_media(assets, "audio"),
        video=_video(assets),
        start=start,
        end=end,
        max_fps=max_fps,
        mode=_choice(style, "style.generation_mode", tuple(CREDITS_PER_FRAME), "lite"),
        digest=_digest(body),
    )
    _check_length(order)
    return order


def read_upload_items(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The (type, extension) pairs that upload URLs are asked for.

    Raises:
        Refusal: 400 names the wrong field; 422 an extension that does not fit its type.
    """
    items = body.get("items")
    if not isinstance(items, list) or not items:
        raise refuse(400, "items: must be an array with at least one item")
    return [_upload_item(item, f"items.{index}") for index, item in enumerate(items)]


def _upload_item(item: object, where: str) -> tuple[str, str]:
    if not isinstance(item, dict):
        raise refuse(400, f"{where}: must be an object")
    kind = _choice(item, f"{where}.type", tuple(EXTENSIONS))
    extension = item.get("extension")
    plain = isinstance(extension, str) and extension.isascii() and extension.isalnum()
    if not plain or extension != str(extension).lower():
        raise refuse(400, f"{where}.extension: must match ^[a-z0-9]+$")
    _check_extension(str(extension), kind)
    return kind, str(extension)


def _check_extension(extension: str, kind: str) -> None:
    if extension not in EXTENSIONS[kind]:
        known = ", ".join(EXTENSIONS[kind])
        raise refuse(
            422,
            f"'{extension}' is an invalid {kind} extension. Possible extensions are '{known}'",
        )


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise refuse(400, f"{name}: {'must be an object' if name in body else 'is required'}")
    return value


def _number(body: Mapping[str, Any], name: str, least: float) -> float:
    if name not in body:
        raise refuse(400, f"{name}: is required")
    value = body[name]
    # bool is a kind of int in Python, not in JSON; NaN fails the comparison.
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(400, f"{name}: must be a number")
    if not least <= value < float("inf"):
        raise refuse(400, f"{name}: must be at least {least}")
    return float(value)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name.rpartition(".")[2])
    if not isinstance(value, str) or not value:
        raise refuse(400, f"{name}: must be a string that is not empty")
    return value


def _choice(
    body: Mapping[str, Any], name: str, known: tuple[str, ...], default: str | None = None
) -> str:
    value = body.get(name.rpartition(".")[2], default)
    if not isinstance(value, str) or value not in known:
        raise refuse(400, f"{name}: must be one of {', '.join(known)}")
    return value


def _video(assets: Mapping[str, Any]) -> str:
    if _choice(assets, "assets.video_source", ("file", "youtube")) == "file":
        return _media(assets, "video")
    url = _text(assets, "assets.youtube_url")
    if _url(url, "assets.youtube_url").hostname not in _YOUTUBE_HOSTS:
        raise refuse(400, "assets.youtube_url: must be the URL of a YouTube video")
    return url


def _media(assets: Mapping[str, Any], role: str) -> str:
    field = f"assets.{role}_file_path"
    reference = _text(assets, field)
    if reference.startswith(PREFIX):
        return reference
    url = _url(reference, field)
    if url.hostname in _LIBRARY_HOSTS and url.path == _LIBRARY_PATH:
        if not parse_qs(url.query).get(f"{role}Id"):
            raise refuse(400, f"{field}: a library URL needs {role}Id")
    else:
        _check_extension(PurePosixPath(url.path).suffix.lower().removeprefix("."), role)
    return reference


def _url(text: str, field: str) -> SplitResult:
    try:
        url = urlsplit(text)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise refuse(400, f"{field}: must be a file path of an upload, or an http(s) URL")
    return url


def _check_length(order: Order) -> None:
    fps = min(ESTIMATE_FPS, order.max_fps or ESTIMATE_FPS)
    frames = frames_between(order.start, order.end, fps)
    if frames > MAX_FRAMES:
        raise refuse(
            422,
            f"end_seconds: the range has {frames} frames at {fps:g} fps, "
            f"a job renders at most {MAX_FRAMES}",
        )


def _digest(body: Mapping[str, Any]) -> str:
    unnamed = {key: value for key, value in body.items() if key != "name"}
    return sha256(json.dumps(unnamed, sort_keys=True).encode()).hexdigest()
