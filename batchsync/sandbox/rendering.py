"""The render itself: a cut of a video at a limited frame rate, with other audio under it.

The frames are not changed. No lips are moved here.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Final

import av
from av import AudioFrame, AudioStream, VideoFrame, VideoStream
from av.container import InputContainer
from av.filter import Graph

from batchsync.sandbox.encoding import add_h264
from batchsync.sandbox.projects import Rendition

_AUDIO_RATE: Final = 44_100
_FALLBACK_FPS: Final = Fraction(25)
# A file whose frames come at odd times may claim its clock, 90,000 Hz, for its frame rate.
_MOST_FPS: Final = Fraction(240)


class MediaError(Exception):
    """An input that cannot be rendered, with the code that the job then ends with."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Cut:
    """What to render: files, the range of the video, and the most frames a second."""

    video: Path
    audio: Path
    start: float
    end: float
    max_fps: float | None


class RenderStopped(Exception):
    """The sandbox ends before the render does."""


def render(cut: Cut, target: Path, stopped: Callable[[], bool] = lambda: False) -> Rendition:
    """Write the cut as an mp4.

    Args:
        cut: What to render.
        target: The file to write.
        stopped: Asked at each frame whether to give up.

    Raises:
        MediaError: An input cannot be decoded, or the range has no frame.
        RenderStopped: It was told to give up.
    """
    with _open(cut.video, "video") as video, _open(cut.audio, "audio") as audio:
        source = video.streams.video[0]
        fps = _rate(source)
        if cut.max_fps is not None:
            fps = min(fps, Fraction(cut.max_fps).limit_denominator(1001))
        frames = _resample(_decode(video, source, cut.start), _rate(source), fps, cut)
        return _write(_until(stopped, frames), _sound(audio), fps, target)


def _until(stopped: Callable[[], bool], frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
    for frame in frames:
        if stopped():
            raise RenderStopped
        yield frame


def _write(
    frames: Iterator[VideoFrame], sound: Iterator[AudioFrame], fps: Fraction, target: Path
) -> Rendition:
    first = next(frames, None)
    if first is None:
        raise MediaError("invalid_parameters")
    # H.264 in 4:2:0 has even sides.
    width, height = max(2, first.width & ~1), max(2, first.height & ~1)
    options = {"movflags": "faststart"}
    with av.open(target, "w", format="mp4", options=options) as container:
        video = add_h264(container, fps)
        video.width, video.height = width, height
        audio = container.add_stream("aac", _AUDIO_RATE, layout="stereo")
        count = heard = 0
        for frame in chain([first], frames):
            picture = frame.reformat(width, height, "yuv420p")
            picture.pts, picture.time_base = count, 1 / fps
            container.mux(video.encode(picture))
            count += 1
            # Sound keeps pace with the picture, so that the muxer has nothing to hoard.
            while heard * fps < count * _AUDIO_RATE:
                piece = next(sound)
                heard += piece.samples
                container.mux(audio.encode(piece))
        container.mux(video.encode(None))
        container.mux(audio.encode(None))
    return Rendition(target.name, count, round(float(fps), 3), width, height)


def _open(path: Path, kind: str) -> InputContainer:
    code = "invalid_video_file" if kind == "video" else "invalid_file_format"
    try:
        container = av.open(path)
    except (av.FFmpegError, OSError) as error:
        raise MediaError(code) from error
    streams = container.streams.video if kind == "video" else container.streams.audio
    if not streams:
        container.close()
        raise MediaError(code)
    return container


def _rate(stream: VideoStream) -> Fraction:
    return min(stream.average_rate or stream.guessed_rate or _FALLBACK_FPS, _MOST_FPS)


def _decode(
    container: InputContainer, stream: VideoStream, start: float
) -> Iterator[tuple[Fraction, VideoFrame]]:
    """Frames from the last key frame before a time on, each with its time."""
    tick = Fraction(stream.time_base or Fraction(1, 1000))
    zero = stream.start_time or 0
    stream.thread_type = "AUTO"
    try:
        if start:
            container.seek(zero + int(start / tick), stream=stream)
        for frame in container.decode(stream):
            if frame.pts is not None:
                yield (frame.pts - zero) * tick, frame
    except av.FFmpegError as error:
        raise MediaError("invalid_video_file") from error


def _resample(
    frames: Iterable[tuple[Fraction, VideoFrame]], source_fps: Fraction, fps: Fraction, cut: Cut
) -> Iterator[VideoFrame]:
    """For each tick of the output's clock within the range, the frame that is then to be seen.

    A frame is picked by the middle of its tick, since containers round times, to milliseconds in
    WebM; a tick belongs to the range by its beginning.
    """
    start, end = (Fraction(str(second)) for second in (cut.start, cut.end))
    ticks = _ticks(start, end, fps)
    tick = next(ticks, None)
    shown: VideoFrame | None = None
    moment = Fraction(0)
    for moment, frame in frames:
        while tick is not None and shown is not None and tick < moment:
            yield shown
            tick = next(ticks, None)
        if tick is None:
            return
        shown = frame
    while tick is not None and shown is not None and tick < moment + 1 / source_fps:
        yield shown
        tick = next(ticks, None)


def _ticks(start: Fraction, end: Fraction, fps: Fraction) -> Iterator[Fraction]:
    """The middle of each tick that begins within the range."""
    begins = start
    while begins < end:
        yield begins + 1 / (2 * fps)
        begins += 1 / fps


def _sound(container: InputContainer) -> Iterator[AudioFrame]:
    """The audio from its beginning, in the output's form, then silence without end."""
    stream: AudioStream = container.streams.audio[0]
    graph: Graph | None = None
    try:
        for frame in container.decode(stream):
            if graph is None:
                graph = _conformer(frame)
            # Broken or missing times would make the filters invent gaps.
            frame.pts = None
            graph.push(frame)
            yield from _pulled(graph)
    except av.FFmpegError as error:
        raise MediaError("invalid_file_format") from error
    if graph is None:
        raise MediaError("invalid_file_format")
    graph.push(None)
    while True:
        yield from _pulled(graph)


def _conformer(frame: AudioFrame) -> Graph:
    graph = Graph()
    form = f"sample_fmts=fltp:sample_rates={_AUDIO_RATE}:channel_layouts=stereo"
    graph.link_nodes(
        graph.add_abuffer(
            sample_rate=frame.sample_rate,
            format=frame.format.name,
            layout=frame.layout.name,
            time_base=Fraction(1, frame.sample_rate),
        ),
        graph.add("aformat", form),
        graph.add("apad"),
        # Small pieces: the output then ends within 24 ms of its last frame.
        graph.add("asetnsamples", "n=1024:p=0"),
        graph.add("asetpts", "N/SR/TB"),
        graph.add("abuffersink"),
    ).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[AudioFrame]:
    while True:
        try:
            frame = graph.pull()
        except BlockingIOError:
            return
        if isinstance(frame, AudioFrame):
            yield frame
