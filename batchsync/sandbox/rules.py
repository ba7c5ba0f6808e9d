"""The published rules of the service: plans, file types, prices and limits."""

import math
from typing import Final

from batchsync.sandbox.settings import Tier

VIDEO_EXTENSIONS: Final = ("mp4", "m4v", "mov", "webm")
AUDIO_EXTENSIONS: Final = (
    *("mp3", "wav", "aac", "flac", "webm", "weba"),
    *("m4a", "opus", "ogg", "oga", "aiff", "amr"),
)
IMAGE_EXTENSIONS: Final = ("png", "jpg", "jpeg", "webp", "avif", "jp2", "tiff", "bmp")
EXTENSIONS: Final = {
    "video": VIDEO_EXTENSIONS,
    "audio": AUDIO_EXTENSIONS,
    "image": IMAGE_EXTENSIONS,
}

# Decimal units, as plans are advertised.
UPLOAD_BYTES: Final[dict[Tier, int]] = {
    "free": 200_000_000,
    "creator": 2_000_000_000,
    "pro": 5_000_000_000,
    "business": 10_000_000_000,
}

CREDITS_PER_FRAME: Final = {"lite": 1, "standard": 1, "pro": 2}
PAID_MODES: Final = frozenset({"pro"})

ESTIMATE_FPS: Final = 30
MAX_FRAMES: Final = 20_000

# The codes that the service's documentation names, each with words for a person.
JOB_ERRORS: Final = {
    "no_source_face": "No face was detected in the video. Use a video with a visible face.",
    "invalid_file_format": "The audio file could not be read.",
    "invalid_video_file": "The video file could not be read.",
    "file_too_large": "The file is too large for this plan.",
    "insufficient_credits": "There were not enough credits to finish the render.",
    "invalid_parameters": "The parameters do not fit the media.",
    "processing_timeout": "The render took too long and was given up.",
    "unknown_error": "Something went wrong during the render.",
}


def frames_between(start: float, end: float, fps: float) -> int:
    """How many frames a range has; a part of a frame counts whole."""
    # Rounded first: 4.2 - 0.1 is 4.1000000000000005, which must not cost a frame.
    return math.ceil(round((end - start) * fps, 6))


def estimate(start: float, end: float, mode: str) -> int:
    """The credits charged when a job is made, before anybody looked at the video's own fps."""
    return frames_between(start, end, ESTIMATE_FPS) * CREDITS_PER_FRAME[mode]
