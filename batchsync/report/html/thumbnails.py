"""Small pictures of outputs, as data URIs: a frame of each, within a time and a size."""

import base64
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av import VideoFrame

# Twice the size at which they are shown, for sharp screens.
_WIDTH, _HEIGHT = 144, 96
# FFmpeg's quality of a JPEG, from 2 (best) to 31.
_QUALITY = 7
# The first frame is often black, or a title; so far into the video something is to be seen.
_SHARE = 0.2
_MICROSECONDS = 1_000_000

# What all pictures together may add to the page, in characters.
MOST_CHARACTERS = 2_000_000


def thumbnails(outputs: Iterable[tuple[str, Path]], seconds: float) -> dict[str, str]:
    """A data URI for each output that could be opened in time; blocking, on all cores.

    Args:
        outputs: (job, file), the most wanted first.
        seconds: to take in all; what is not done by then is left out.
    """
    deadline = time.monotonic() + seconds

    def make(output: tuple[str, Path]) -> tuple[str, str | None]:
        job, path = output
        return job, None if time.monotonic() > deadline else _picture(path)

    with ThreadPoolExecutor(os.cpu_count() or 1, "thumbnail") as pool:
        made = pool.map(make, outputs)
        return _within_size((job, uri) for job, uri in made if uri)


def _within_size(made: Iterator[tuple[str, str]]) -> dict[str, str]:
    kept: dict[str, str] = {}
    size = 0
    for job, uri in made:
        size += len(uri)
        if size <= MOST_CHARACTERS:
            kept[job] = uri
    return kept


def _picture(path: Path) -> str | None:
    """One frame as a small JPEG; None where the file can't be opened or shows nothing."""
    import av  # noqa: PLC0415 - 70 ms and 25 MB that most commands do not need

    with suppress(av.error.FFmpegError, OSError, ValueError, IndexError):
        # Only local files: a playlist must not make the report open something else.
        options: Mapping[str, str] = {"protocol_whitelist": "file"}
        with av.open(str(path), options=dict(options), timeout=2) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            if container.duration:
                container.seek(int(container.duration * _SHARE))
            frame = next(container.decode(stream), None)
            return _jpeg(frame) if frame and frame.width and frame.height else None
    return None


def _jpeg(frame: "VideoFrame") -> str:
    import av  # noqa: PLC0415

    share = min(_WIDTH / frame.width, _HEIGHT / frame.height)
    # Even sides, as the colour planes have half of them.
    width, height = (max(2, round(side * share / 2) * 2) for side in (frame.width, frame.height))
    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height = width, height
    encoder.pix_fmt = "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(_QUALITY), "qmax": str(_QUALITY)}
    small = frame.reformat(width, height, "yuvj420p")
    small.pts = 0
    data = b"".join(bytes(packet) for part in (small, None) for packet in encoder.encode(part))
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
