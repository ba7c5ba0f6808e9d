"""Renders have exactly the frames that they are paid by, and play."""

from fractions import Fraction
from pathlib import Path

import av
import pytest

from batchsync.sandbox.rendering import Cut, MediaError, RenderStopped, render
from batchsync.sandbox.rules import frames_between
from batchsync.sandbox.samples import write_audio, write_demo, write_video


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    for fps in (24, 25, 30):
        write_video(folder / f"{fps}.mp4", seconds=4, fps=fps, width=64, height=36)
    ntsc = Fraction(30000, 1001)
    write_video(folder / "ntsc.mov", seconds=4, fps=ntsc, width=64, height=36, voice="bass")
    write_video(folder / "24.webm", seconds=4, fps=24, width=64, height=36)
    write_audio(folder / "short.mp3", seconds=1)
    write_audio(folder / "long.wav", seconds=6)
    return folder


def cut(
    media: Path,
    video: str = "25.mp4",
    audio: str = "long.wav",
    start: float = 0,
    end: float = 2,
    max_fps: float | None = None,
) -> Cut:
    return Cut(media / video, media / audio, start, end, max_fps)


def packets(path: Path, kind: str) -> tuple[int, float]:
    """How many packets a stream has, and when the last one ends."""
    with av.open(path) as container:
        stream = container.streams.get({kind: 0})[0]
        found = [one for one in container.demux(stream) if one.pts is not None]
        end = max(float((one.pts + (one.duration or 0)) * one.time_base) for one in found)
        return len(found), end


@pytest.mark.parametrize(
    ("video", "start", "end", "max_fps", "frames"),
    [
        ("25.mp4", 0, 4, None, 100),
        ("25.mp4", 0, 4, 60, 100),
        ("25.mp4", 0, 4, 12, 48),
        ("25.mp4", 0.5, 2.5, None, 50),
        ("25.mp4", 1.3, 2.34, None, 26),
        ("25.mp4", 0.1, 0.3, 1, 1),
        ("24.mp4", 0, 2, None, 48),
        ("24.mp4", 0, 2, 23.976, 48),
        ("30.mp4", 0, 4, 15, 60),
        ("30.mp4", 0, 4, 25, 100),
        ("ntsc.mov", 0, 2, None, 60),
        ("ntsc.mov", 0, 4, None, 120),
        ("24.webm", 0, 3, None, 72),
        ("24.webm", 0, 4, None, 96),
        ("25.mp4", 3, 60, None, 25),
        ("25.mp4", 3, 60, 10, 10),
    ],
)
def test_a_render_has_exactly_the_frames_of_its_range(
    media: Path, tmp_path: Path, video: str, start: float, end: float,
    max_fps: float | None, frames: int,
) -> None:  # fmt: skip
    made = render(cut(media, video, start=start, end=end, max_fps=max_fps), tmp_path / "o.mp4")

    assert made.frames == frames
    assert packets(tmp_path / "o.mp4", "video")[0] == frames
    if end <= 4:
        assert frames == frames_between(start, end, made.fps)


def test_a_render_shows_the_pictures_of_its_range(media: Path, tmp_path: Path) -> None:
    whole, part = tmp_path / "whole.mp4", tmp_path / "part.mp4"
    render(cut(media, end=4), whole)
    render(cut(media, start=2, end=3), part)

    def brightness(path: Path, index: int) -> int:
        with av.open(path) as container:
            frames = [frame.reformat(16, 9, "gray") for frame in container.decode(video=0)]
        return sum(bytes(frames[index].planes[0]))

    assert brightness(part, 0) == pytest.approx(brightness(whole, 50), rel=0.02)
    assert brightness(part, 24) == pytest.approx(brightness(whole, 74), rel=0.02)


@pytest.mark.parametrize("audio", ["short.mp3", "long.wav"])
def test_the_new_audio_is_cut_or_padded_to_the_picture(
    media: Path, tmp_path: Path, audio: str
) -> None:
    render(cut(media, "ntsc.mov", audio, end=3), tmp_path / "o.mp4")

    video_end = packets(tmp_path / "o.mp4", "video")[1]
    audio_end = packets(tmp_path / "o.mp4", "audio")[1]
    assert audio_end == pytest.approx(video_end, abs=0.03)


def test_the_new_audio_is_heard_and_then_silence(media: Path, tmp_path: Path) -> None:
    render(cut(media, audio="short.mp3", end=3), tmp_path / "o.mp4")

    with av.open(tmp_path / "o.mp4") as container:
        loud = {frame.time: any(bytes(frame.planes[0])) for frame in container.decode(audio=0)}
    # AAC rings on for a frame or two.
    assert any(is_loud for time, is_loud in loud.items() if time < 0.9)
    assert not any(is_loud for time, is_loud in loud.items() if time > 1.2)


def test_an_output_can_be_played_while_it_is_downloaded(media: Path, tmp_path: Path) -> None:
    render(cut(media), tmp_path / "o.mp4")

    content = (tmp_path / "o.mp4").read_bytes()
    assert 0 < content.index(b"moov") < content.index(b"mdat")


def test_odd_sides_lose_a_pixel(media: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "odd.webm", seconds=1, width=65, height=37)

    made = render(Cut(tmp_path / "odd.webm", media / "long.wav", 0, 1, None), tmp_path / "o.mp4")

    assert (made.width, made.height) == (64, 36)


@pytest.mark.parametrize(
    ("video", "audio", "code"),
    [
        ("noise.mp4", "long.wav", "invalid_video_file"),
        ("long.wav", "long.wav", "invalid_video_file"),
        ("empty.mp4", "long.wav", "invalid_video_file"),
        ("missing.mp4", "long.wav", "invalid_video_file"),
        ("25.mp4", "noise.mp4", "invalid_file_format"),
        ("25.mp4", "25.mp4", "invalid_file_format"),
    ],
)
def test_what_cannot_be_decoded_has_a_code(
    media: Path, tmp_path: Path, video: str, audio: str, code: str
) -> None:
    (media / "noise.mp4").write_bytes(bytes(range(256)) * 64)
    (media / "empty.mp4").write_bytes(b"")

    with pytest.raises(MediaError) as caught:
        render(cut(media, video, audio), tmp_path / "o.mp4")

    assert caught.value.code == code


def test_a_range_behind_the_end_is_a_wrong_parameter(media: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        render(cut(media, start=30, end=31), tmp_path / "o.mp4")

    assert caught.value.code == "invalid_parameters"


def test_a_render_stops_when_told(media: Path, tmp_path: Path) -> None:
    answers = iter([False, False, True])

    with pytest.raises(RenderStopped):
        render(cut(media), tmp_path / "o.mp4", lambda: next(answers))


@pytest.mark.parametrize(
    ("start", "end", "fps", "frames"),
    [(0.1, 4.2, 30, 123), (0, 4, 25, 100), (0, 0.1, 30, 3), (0, 1.001, 30, 31), (0.7, 1, 10, 3)],
)
def test_frames_are_counted_in_decimals(start: float, end: float, fps: float, frames: int) -> None:
    assert frames_between(start, end, fps) == frames


@pytest.mark.parametrize(
    "suffix", [".mp3", ".wav", ".aiff", ".aac", ".m4a", ".flac", ".ogg", ".oga", ".opus", ".weba"]
)
def test_samples_come_in_every_audio_format(tmp_path: Path, suffix: str) -> None:
    path = write_audio(tmp_path / f"voice{suffix}", seconds=0.5, voice="tenor")

    assert packets(path, "audio")[1] == pytest.approx(0.5, abs=0.1)


def test_voices_differ_and_repeat(tmp_path: Path) -> None:
    voices = [
        write_audio(tmp_path / f"{number}.wav", seconds=0.5, voice=voice).read_bytes()
        for number, voice in enumerate(("alto", "alto", "bass"))
    ]

    assert voices[0] == voices[1] != voices[2]


@pytest.mark.parametrize(
    ("function", "options"),
    [
        (write_video, {"pattern": "snow"}),
        (write_audio, {"voice": "parrot"}),
    ],
)
def test_an_unknown_pattern_or_voice_names_the_known(
    tmp_path: Path, function, options: dict[str, str]
) -> None:
    with pytest.raises(ValueError, match=r"unknown .*known: .*(alto|testsrc2)"):
        function(tmp_path / ("x.mp4" if function is write_video else "x.mp3"), seconds=1, **options)


def test_the_demo_set_is_whole(tmp_path: Path) -> None:
    made = {path.name: path for path in write_demo(tmp_path / "media")}

    assert sorted(made) == [
        *("intro.es.wav", "intro.fr.wav", "intro.mp4", "outro.ja.m4a", "outro.mov"),
        *("welcome.de.mp3", "welcome.en.mp3", "welcome.es.mp3", "welcome.fr.mp3", "welcome.mp4"),
    ]
    for name, frames in {"welcome.mp4": 125, "intro.mp4": 96, "outro.mov": 180}.items():
        assert packets(made[name], "video")[0] == frames
