"""Small real media to try things with: `python -m batchsync.sandbox.samples DIR`."""

import argparse
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal

import av
from av.container import OutputContainer

from batchsync.sandbox.encoding import add_h264
from batchsync.sandbox.synthesis import SPEECH_RATE, pictures, speech

AudioCodec = Literal["libmp3lame", "pcm_s16le", "pcm_s16be", "aac", "flac", "libopus"]

_AUDIO_CODECS: Final[dict[str, AudioCodec]] = {
    ".mp3": "libmp3lame",
    ".wav": "pcm_s16le",
    ".aiff": "pcm_s16be",
    ".aac": "aac",
    ".m4a": "aac",
    ".flac": "flac",
    ".ogg": "libopus",
    ".oga": "libopus",
    ".opus": "libopus",
    ".weba": "libopus",
    ".webm": "libopus",
}
# The muxer, where FFmpeg does not know it from the extension.
_FORMATS: Final = {".weba": "webm", ".oga": "ogg", ".m4v": "mp4"}

_VIDEOS: Final = (
    ("welcome.mp4", 5.0, 25, "testsrc2"),
    ("intro.mp4", 4.0, 24, "mandelbrot"),
    ("outro.mov", 6.0, 30, "gradients"),
)
_NARRATIONS: Final = (
    ("welcome.en.mp3", 4.6, "alto"),
    ("welcome.es.mp3", 4.9, "baritone"),
    ("welcome.fr.mp3", 4.8, "soprano"),
    ("welcome.de.mp3", 4.4, "tenor"),
    ("intro.es.wav", 3.8, "baritone"),
    ("intro.fr.wav", 3.5, "soprano"),
    ("outro.ja.m4a", 5.6, "bass"),
)


def write_video(
    path: Path,
    *,
    seconds: float,
    fps: float | Fraction = 25,
    width: int = 320,
    height: int = 180,
    pattern: str = "testsrc2",
    voice: str | None = None,
) -> Path:
    """Write a video of moving pictures, with a voice under it if one is named.

    The suffix decides the container: mp4, m4v and mov hold H.264, webm holds VP8.
    """
    rate = Fraction(fps).limit_denominator(1001)
    frames = max(1, round(seconds * rate))
    with av.open(path, "w", format=_FORMATS.get(path.suffix)) as container:
        if path.suffix == ".webm":
            video = container.add_stream("libvpx", rate, {"deadline": "realtime", "cpu-used": "8"})
            video.pix_fmt = "yuv420p"
        else:
            video = add_h264(container, rate)
        video.width, video.height = width, height
        audio = None
        if voice is not None:
            codec: AudioCodec = "libopus" if path.suffix == ".webm" else "aac"
            audio = container.add_stream(codec, SPEECH_RATE, layout="mono")
        for index, frame in enumerate(
            pictures(pattern, frames=frames, fps=rate, width=width, height=height)
        ):
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None and voice is not None:
            _write_speech(container, audio, voice, float(frames / rate))
    return path


def write_audio(path: Path, *, seconds: float, voice: str = "alto") -> Path:
    """Write a voice that says nothing, in the format that the suffix names.

    Raises:
        ValueError: The suffix or the voice is unknown.
    """
    if path.suffix not in _AUDIO_CODECS:
        raise ValueError(f"unknown audio format {path.suffix!r}: {', '.join(_AUDIO_CODECS)}")
    with av.open(path, "w", format=_FORMATS.get(path.suffix)) as container:
        stream = container.add_stream(_AUDIO_CODECS[path.suffix], SPEECH_RATE, layout="mono")
        _write_speech(container, stream, voice, seconds)
    return path


def write_demo(folder: Path) -> list[Path]:
    """Write three videos and the narrations that go with them."""
    folder.mkdir(parents=True, exist_ok=True)
    videos = [
        write_video(folder / name, seconds=seconds, fps=fps, pattern=pattern, voice="tenor")
        for name, seconds, fps, pattern in _VIDEOS
    ]
    narrations = [
        write_audio(folder / name, seconds=seconds, voice=voice)
        for name, seconds, voice in _NARRATIONS
    ]
    return videos + narrations


def _write_speech(
    container: OutputContainer, stream: av.AudioStream, voice: str, seconds: float
) -> None:
    for frame in speech(voice, seconds=seconds):
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the demo set into the folder named on the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m batchsync.sandbox.samples", description=__doc__
    )
    parser.add_argument("folder", type=Path, metavar="DIR")
    for path in write_demo(parser.parse_args(arguments).folder):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
