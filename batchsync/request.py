"""What is asked of the service for one job: its price, its body, and what it was made from."""

import math
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from batchsync.model import ESTIMATE_FPS, Job, Media, Source, SourceKind

# Shown after the name in the vendor's library, so that a person can find the render of an attempt.
TAG_PREFIX = "bs-"

# Float arithmetic makes 4.1 s x 30 a hair more than 123 frames; a millionth is no frame.
_DUST = 1e-6


def range_seconds(job: Job) -> float:
    """Length of the output in seconds; 0 while `end_seconds` is still `auto`."""
    return max(0.0, (job.end_seconds or job.start_seconds) - job.start_seconds)


def frames(seconds: float, fps: float) -> int:
    """Whole frames in a range."""
    return math.ceil(seconds * fps - _DUST)


def estimated_credits(job: Job) -> int:
    """What the create call will charge at first: frames at 30 fps times the mode's price."""
    return frames(range_seconds(job), ESTIMATE_FPS) * job.generation_mode.credits_per_frame


def output_fps(job: Job, media: Media | None) -> float | None:
    """Frames per second of the output: the video's own, or the limit where that is lower."""
    own = media.fps if media else None
    known = [fps for fps in (own, job.max_fps_limit) if fps is not None]
    return min(known) if own is not None else None


def settled_credits(job: Job, media: Media | None) -> int | None:
    """What the charge should come to once rendered; None where the video's rate is unknown."""
    fps = output_fps(job, media)
    if fps is None:
        return None
    return frames(range_seconds(job), fps) * job.generation_mode.credits_per_frame


def display_name(job: Job, tag: str | None) -> str:
    """The name for the vendor's library: `welcome-es · bs-7f3a`."""
    name = job.name or job.id
    return tagged(name, tag) if tag else name


def tagged(name: str, tag: str) -> str:
    """A job's name with an attempt's tag, by which either is found again."""
    return f"{name} · {tag}"


def create_body(job: Job, video: str, audio: str, tag: str | None) -> dict[str, Any]:
    """The body of `POST /v1/lip-sync`; an optional field that is not set is left out.

    Args:
        job: with its end settled.
        video: `api-assets/…`, a URL, or the YouTube URL.
        audio: `api-assets/…` or a URL.
        tag: of the attempt, or None to leave the name as it is.
    """
    if job.video.kind is SourceKind.YOUTUBE:
        assets = {"audio_file_path": audio, "video_source": "youtube", "youtube_url": video}
    else:
        assets = {"audio_file_path": audio, "video_source": "file", "video_file_path": video}
    body: dict[str, Any] = {
        "name": display_name(job, tag),
        "start_seconds": job.start_seconds,
        "end_seconds": job.end_seconds,
        "assets": assets,
        # Said even where it is the service's default: a default may change, and the price with it.
        "style": {"generation_mode": job.generation_mode.value},
    }
    if job.max_fps_limit is not None:
        body["max_fps_limit"] = job.max_fps_limit
    return body


def fingerprint(job: Job, hashes: Mapping[str, str]) -> dict[str, Any]:
    """What a render is made from; two equal ones would give the same video.

    Args:
        job: with its end settled.
        hashes: SHA-256 by absolute path of local files.
    """
    return {
        "video": _identity(job.video, hashes),
        "audio": _identity(job.audio, hashes),
        "start_seconds": job.start_seconds,
        "end_seconds": job.end_seconds,
        "max_fps_limit": job.max_fps_limit,
        "generation_mode": job.generation_mode.value,
    }


def _identity(source: Source, hashes: Mapping[str, str]) -> str:
    if source.is_local:
        return f"sha256:{hashes.get(source.value, 'unknown')}"
    return _unsigned(source.value)


# Parameters of pre-signed URLs at the large object stores and CDNs: they change with each signing,
# and the file behind them does not.
_SIGNATURE = re.compile(
    r"(?i)x-(amz|goog|oss|cos)-.*|signature|expires|key-pair-id|policy|awsaccesskeyid|"
    r"googleaccessid|sig|se|sp|sv|sr|st|spr|skoid|sktid|skt|ske|sks|skv|token|hdnts|exp|hmac"
)


def _unsigned(address: str) -> str:
    """A URL without the parameters of its signature; they are secrets, too."""
    if "?" not in address:
        return address
    parts = urlsplit(address)
    kept = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not _SIGNATURE.fullmatch(name)
    ]
    return urlunsplit(parts._replace(query=urlencode(kept)))


# Parameters that only pre-signed URLs of object stores have, all of a scheme together.
_SCHEMES = (
    {"x-amz-signature"},
    {"x-goog-signature"},
    {"signature", "expires", "key-pair-id"},
    {"sig", "se", "sv"},
)


def lasting_address(address: str) -> str:
    """A URL without its signature, where it certainly has one; else as it is.

    Unlike `fingerprint`, this takes no `token` for a signature: it may say which file is meant.
    """
    names = {name.lower() for name, _ in parse_qsl(urlsplit(address).query)}
    return _unsigned(address) if any(scheme <= names for scheme in _SCHEMES) else address


def changed_fields(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the parameters that differ between two fingerprints."""
    return tuple(name for name in now if before.get(name) != now[name])
