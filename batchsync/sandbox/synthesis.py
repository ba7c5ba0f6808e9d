"""Pictures and sounds out of nothing: FFmpeg's own sources, read frame by frame."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from av import AudioFrame, VideoFrame
from av.filter import Graph

# Options of each source beyond size and rate. All of them move.
PATTERNS: Final = {
    "testsrc2": "",
    "gradients": "speed=0.05:seed=7",
    "mandelbrot": "start_scale=2.5:end_scale=0.05:end_pts=120:maxiter=256",
    "life": "mold=12:ratio=0.3:death_color=0x204060:life_color=0xf0c040:seed=7",
    "cellauto": "rule=110:seed=7",
    "zoneplate": "kt2=8:kx2=20:ky2=20",
}

SPEECH_RATE: Final = 24_000


@dataclass(frozen=True, slots=True)
class Voice:
    """A speaker.

    Attributes:
        pitch: Of the voice, in Hz.
        formants: The two resonances that its vowels move between, in Hz.
        pace: Syllables a second.
    """

    pitch: float
    formants: tuple[float, float]
    pace: float


VOICES: Final = {
    "alto": Voice(196.0, (620.0, 1720.0), 4.1),
    "baritone": Voice(112.0, (540.0, 1180.0), 3.6),
    "soprano": Voice(262.0, (700.0, 2100.0), 4.6),
    "tenor": Voice(147.0, (480.0, 1450.0), 4.9),
    "bass": Voice(88.0, (430.0, 980.0), 3.2),
}


def pictures(
    pattern: str, *, frames: int, fps: Fraction, width: int, height: int
) -> Iterator[VideoFrame]:
    """Moving pictures in yuv420p.

    Raises:
        ValueError: The pattern is unknown.
    """
    if pattern not in PATTERNS:
        raise ValueError(f"unknown pattern {pattern!r}; known: {', '.join(PATTERNS)}")
    graph = Graph()
    options = f"size={width}x{height}:rate={fps.numerator}/{fps.denominator}:{PATTERNS[pattern]}"
    graph.link_nodes(
        graph.add(pattern, options.rstrip(":")),
        graph.add("format", "pix_fmts=yuv420p"),
        graph.add("buffersink"),
    ).configure()
    for _ in range(frames):
        frame = graph.vpull()
        assert isinstance(frame, VideoFrame)  # noqa: S101  # the graph has no other output
        yield frame


def speech(voice: str, *, seconds: float) -> Iterator[AudioFrame]:
    """Babble with the pitch, the vowels, the syllables and the pauses of a voice.

    Raises:
        ValueError: The voice is unknown.
    """
    if voice not in VOICES:
        raise ValueError(f"unknown voice {voice!r}; known: {', '.join(VOICES)}")
    graph = Graph()
    options = f"exprs='{_babble(VOICES[voice])}':sample_rate={SPEECH_RATE}:duration={seconds:.6f}"
    graph.link_nodes(
        graph.add("aevalsrc", options),
        graph.add("aformat", "sample_fmts=fltp:channel_layouts=mono"),
        graph.add("abuffersink"),
    ).configure()
    while True:
        try:
            frame = graph.pull()
        except EOFError:
            return
        assert isinstance(frame, AudioFrame)  # noqa: S101  # the graph has no other output
        yield frame


def _babble(voice: Voice) -> str:
    pitch, (low, high), pace = voice.pitch, voice.formants, voice.pace
    phase = f"2*PI*{pitch}*t+1.5*sin(2*PI*0.7*t)"
    # Each syllable swells and fades, with a breath every ten or so.
    envelope = f"pow(abs(sin(PI*{pace}*t)),0.7)*gt(mod(t,{10 / pace:.3f}),{1 / pace:.3f})"
    throat = f"0.5*sin({phase})+0.25*sin(2*({phase}))+0.12*sin(3*({phase}))"
    # Vowels: the resonances come and go against each other, beating with the pitch.
    vowel = f"(0.5+0.5*sin(2*PI*{pace / 3:.3f}*t))"
    open_mouth = f"{vowel}*sin(2*PI*{low}*t)*(1+sin({phase}))"
    closed_mouth = f"(1-{vowel})*sin(2*PI*{high}*t)*(1+sin({phase}))"
    return f"0.45*{envelope}*({throat}+0.15*{open_mouth}+0.08*{closed_mouth})"
