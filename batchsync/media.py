"""What is inside a media file: duration, frame rate, streams. PyAV is loaded at first use."""

import contextlib
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from batchsync.errors import SourceUnfit
from batchsync.model import Media
from batchsync.stills import SAMPLE, Packet, looks_still

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.stream import VideoStream

# Most containers say in their headers all that is asked here. By default FFmpeg opens decoders,
# too, and reads five seconds of media: twice the time for an mp4, and many times that for a WAV.
_HEADERS_ONLY = {"probesize": "4096", "analyzeduration": "0", "codec_whitelist": "none"}

# The formats whose headers give the exact length. That of a bare AAC stream is guessed from its
# first frames, and the fewer of them are read, the worse the guess.
_EXACT_HEADERS = frozenset(
    {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "wav", "aiff", "flac", "ogg"}
)

# Readers of FFmpeg that take a still image, a list of other files or plain text for a video.
_NOT_MEDIA = ("image2", "_pipe", "hls", "concat", "dash", "tty", "webvtt", "srt", "ass")


def probe(path: Path) -> Media:
    """Open a container and read its headers; blocking, no frame is decoded.

    Raises:
        SourceUnfit: the file is no audio or video that FFmpeg can open.
    """
    import av  # noqa: PLC0415 - 70 ms and 25 MB that most commands do not need

    try:
        with contextlib.suppress(av.error.FFmpegError):
            quick = _read(path, _HEADERS_ONLY)
            if quick is not None and _says_all(quick):
                return quick
        if (full := _read(path)) is not None:
            return full
        raise SourceUnfit(f"{path.name} is no audio or video file", "not_media")
    except (av.error.FFmpegError, UnicodeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceUnfit(
            f"{path.name} can't be opened as audio or video: {reason}", "not_media"
        ) from error


def _read(path: Path, options: Mapping[str, str] | None = None) -> Media | None:
    """What a container says; None where it is no media, or not to be read with `options`."""
    import av  # noqa: PLC0415

    # Only local files: a playlist must not make the probe open something else.
    with av.open(str(path), options={"protocol_whitelist": "file", **(options or {})}) as container:
        name = container.format.name
        if any(word in name for word in _NOT_MEDIA) or (options and name not in _EXACT_HEADERS):
            return None
        return _describe(container)


def _says_all(media: Media) -> bool:
    """Whether the headers alone have told what there is to know."""
    if media.duration is None or not (media.has_video or media.has_audio):
        return False
    return not media.has_video or None not in (media.fps, media.width, media.height)


def _describe(container: "InputContainer") -> Media:
    # Cover art of an audio file counts as a video stream in FFmpeg, but not for us.
    moving = [
        stream
        for stream in container.streams.video
        if not int(getattr(stream.disposition, "value", 0)) & _ATTACHED_PICTURE
    ]
    best = moving[0] if moving else None
    rate = best.average_rate if best else None
    return Media(
        duration=_duration(container),
        fps=float(rate) if rate else None,
        width=best.codec_context.width if best else None,
        height=best.codec_context.height if best else None,
        has_video=best is not None,
        has_audio=bool(container.streams.audio),
        still=best is not None and looks_still(_packets(container, best), *_size(best)),
    )


def _size(stream: "VideoStream") -> tuple[int, int]:
    return stream.codec_context.width, stream.codec_context.height


def _packets(container: "InputContainer", stream: "VideoStream") -> list[Packet]:
    # The first two seconds or so, read but not decoded.
    encoded = (packet for packet in container.demux(stream) if packet.size)
    return [
        Packet(bool(packet.is_keyframe), packet.size, hash(bytes(packet)))
        for packet in islice(encoded, SAMPLE)
    ]


# AV_DISPOSITION_ATTACHED_PIC in FFmpeg's headers.
_ATTACHED_PICTURE = 0x400

# FFmpeg counts a container's duration in microseconds.
_MICROSECONDS = 1_000_000


def _duration(container: "InputContainer") -> float | None:
    if container.duration:
        return container.duration / _MICROSECONDS
    lengths = [
        float(stream.duration * stream.time_base)
        for stream in container.streams
        if stream.duration and stream.time_base
    ]
    return max(lengths, default=None)
