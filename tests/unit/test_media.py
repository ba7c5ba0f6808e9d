"""What a probe says of media, and of what only looks like it."""

import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from batchsync.errors import SourceUnfit
from batchsync.media import probe
from batchsync.sandbox.samples import write_audio, write_video

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6300010000000500010d0a2db40000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("probe")
    for name in ("a.mp4", "a.mov", "a.m4v", "a.webm"):
        write_video(made / name, seconds=1, fps=24, width=64, height=36, voice="alto")
    write_video(made / "silent.mp4", seconds=1, fps=25, width=64, height=36)
    for name in ("a.mp3", "a.wav", "a.aac", "a.flac", "a.m4a", "a.opus", "a.ogg", "a.aiff"):
        write_audio(made / name, seconds=1)
    return made


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.m4v", "a.webm"])
def test_a_video_is_described(folder: Path, name: str) -> None:
    media = probe(folder / name)

    assert media.duration == pytest.approx(1.0, abs=0.1)
    assert media.fps == pytest.approx(24, abs=0.01)
    assert (media.width, media.height) == (64, 36)
    assert (media.has_video, media.has_audio) == (True, True)


def test_a_silent_video_has_no_audio(folder: Path) -> None:
    assert not probe(folder / "silent.mp4").has_audio


@pytest.mark.parametrize(
    "name", ["a.mp3", "a.wav", "a.aac", "a.flac", "a.m4a", "a.opus", "a.ogg", "a.aiff"]
)
def test_an_audio_is_described(folder: Path, name: str) -> None:
    media = probe(folder / name)

    assert media.duration == pytest.approx(1.0, abs=0.2)
    assert (media.has_video, media.has_audio, media.fps) == (False, True, None)


def _lines(*lines: str) -> bytes:
    return "\n".join(lines).encode()


@pytest.mark.parametrize("suffix", [".mp4", ".mp3", ".png", ".txt", ".m3u8"])
@pytest.mark.parametrize(
    "content",
    [
        b"just some words\n" * 500,
        PNG,
        b"\x00" * 5000,
        b"GIF89a",
        _lines("WEBVTT", "", "00:00.000 --> 00:01.000", "hello"),
        _lines("1", "00:00:00,000 --> 00:00:01,000", "hello"),
        _lines("ffconcat version 1.0", "file a.mp4"),
        b"%PDF-1.7\n" + b"x" * 1000,
        b"<html><body>502</body></html>" * 50,
        b"\xff\xd8\xff\xe0" + b"\x00" * 500,
    ],
    ids=["text", "png", "zeros", "gif", "webvtt", "srt", "concat", "pdf", "html", "jpeg"],
)
def test_what_is_no_media_is_unfit(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(SourceUnfit) as caught:
        probe(path)

    assert caught.value.code == "not_media"
    assert str(path) not in str(caught.value)


@pytest.mark.parametrize("kind", ["hls", "dash", "concat"])
def test_a_playlist_opens_nothing_else(folder: Path, tmp_path: Path, kind: str) -> None:
    """Under whatever name: neither another file nor the network."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        visits: list[object] = []

        def listen() -> None:
            with suppress(TimeoutError):
                visits.append(server.accept())

        thread = threading.Thread(target=listen)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x.ts"
        playlist = {
            "hls": _lines("#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", url),
            "dash": _lines('<?xml version="1.0"?>', f"<MPD><BaseURL>{url}</BaseURL></MPD>"),
            "concat": _lines("ffconcat version 1.0", f"file '{url}'"),
        }[kind]
        path = tmp_path / "x.mp4"
        path.write_bytes(playlist)
        with pytest.raises(SourceUnfit):
            probe(path)
        thread.join()

    assert not visits


def test_a_playlist_of_a_real_video_is_no_video(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(_lines("#EXTM3U", "#EXTINF:1,", str(folder / "a.mp4"), "#EXT-X-ENDLIST"))
    with pytest.raises(SourceUnfit):
        probe(path)


@pytest.mark.parametrize("share", [0.02, 0.5])
def test_a_video_that_was_cut_short_is_unfit(folder: Path, tmp_path: Path, share: float) -> None:
    content = (folder / "silent.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(SourceUnfit):
        probe(path)


@pytest.mark.parametrize(
    "name", ["ünï cødé.mp4", "a%20b.mp4", "file:x.mp4", "-x.mp4", "a'b\"c.mp4"]
)
def test_a_file_may_be_called_anything(folder: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((folder / "silent.mp4").read_bytes())

    assert probe(path).has_video


def test_a_name_like_a_pattern_is_one_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "shot%03d.mp4"
    path.write_bytes((folder / "silent.mp4").read_bytes())

    assert probe(path).has_video


def test_a_missing_file_is_unfit(tmp_path: Path) -> None:
    with pytest.raises(SourceUnfit):
        probe(tmp_path / "gone.mp4")
