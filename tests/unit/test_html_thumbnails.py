"""Small pictures of outputs."""

import base64
from pathlib import Path

import av

from batchsync.report.html import thumbnails as module
from batchsync.report.html.thumbnails import thumbnails
from tests.support.media import Media


def test_a_picture_is_a_small_jpeg_of_the_shape_of_its_video(tmp_path: Path, media: Media) -> None:
    uri = thumbnails([("a", media.clip)], seconds=60)["a"]
    kind, _, data = uri.partition(",")
    path = tmp_path / "a.jpg"
    path.write_bytes(base64.b64decode(data))
    with av.open(str(path)) as picture:
        frame = next(picture.decode(video=0))

    assert kind == "data:image/jpeg;base64"
    # 64x36 made as wide as a picture may be, with even sides.
    assert (frame.width, frame.height) == (144, 80)


def test_what_can_not_be_opened_has_no_picture(tmp_path: Path, media: Media) -> None:
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(media.clip.read_bytes()[:200])
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\n{media.clip}\n")
    outputs = [("broken", broken), ("gone", tmp_path / "gone.mp4"), ("sound", media.mp3)]

    assert thumbnails([*outputs, ("good", media.clip)], seconds=60).keys() == {"good"}


def test_when_time_is_up_the_rest_is_left_out(media: Media) -> None:
    assert thumbnails([("a", media.clip)], seconds=-1) == {}


def test_pictures_do_not_make_the_page_too_heavy(media: Media, monkeypatch) -> None:
    size = len(thumbnails([("a", media.clip)], seconds=60)["a"])
    monkeypatch.setattr(module, "MOST_CHARACTERS", 2 * size)

    assert thumbnails([(job, media.clip) for job in "abc"], seconds=60).keys() == {"a", "b"}
