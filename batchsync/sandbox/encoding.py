"""The video encoder that all files here share."""

from fractions import Fraction
from typing import Final

from av import VideoStream
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer

# Speed before size: these files are looked at once and thrown away. One thread, since several
# renders run at once and since the output is then the same bytes on every machine.
_X264: Final = {"preset": "ultrafast", "crf": "26", "threads": "1"}


def add_h264(container: OutputContainer, rate: Fraction) -> VideoStream:
    """Add an H.264 stream, or one of MPEG-4 part 2 where FFmpeg was built without x264."""
    try:
        stream = container.add_stream("libx264", rate, dict(_X264))
    except UnknownCodecError:
        stream = container.add_stream("mpeg4", rate)
    stream.pix_fmt = "yuv420p"
    stream.time_base = 1 / rate
    return stream
