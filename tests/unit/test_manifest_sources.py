"""What the text of a video or audio points at."""

import pytest

from batchsync.manifest.findings import Unfit
from batchsync.manifest.sources import source, stem, youtube
from batchsync.model import SourceKind as Kind


@pytest.mark.parametrize(
    ("role", "text", "kind", "value"),
    [
        ("video", "a.mp4", Kind.FILE, "/base/a.mp4"),
        ("video", "./x/a.MOV", Kind.FILE, "/base/x/a.MOV"),
        ("video", "../a.webm", Kind.FILE, "/base/../a.webm"),
        ("audio", "a.webm", Kind.FILE, "/base/a.webm"),
        ("audio", "a b: c.opus", Kind.FILE, "/base/a b: c.opus"),
        ("audio", "/x/a.amr", Kind.FILE, "/x/a.amr"),
        ("video", r"C:\x.mp4", Kind.FILE, r"/base/C:\x.mp4"),
        ("video", "take:2.mp4", Kind.FILE, "/base/take:2.mp4"),
        ("video", "api-assets/id/x.mp4", Kind.ASSET, "api-assets/id/x.mp4"),
        ("video", "https://h.com/a.mp4?sig=1#t", Kind.URL, "https://h.com/a.mp4?sig=1#t"),
        ("video", "HTTPS://H.com/a.MP4", Kind.URL, "HTTPS://H.com/a.MP4"),
        ("audio", "http://h.com:8080/a.mp3", Kind.URL, "http://h.com:8080/a.mp3"),
        (
            "video",
            "https://magichour.ai/my-library?videoId=v1",
            Kind.LIBRARY,
            "https://magichour.ai/my-library?videoId=v1",
        ),
        (
            "audio",
            "https://magichour.ai/my-library?x=1&audioId=a1",
            Kind.LIBRARY,
            "https://magichour.ai/my-library?x=1&audioId=a1",
        ),
    ],
)
def test_kinds(role, text, kind, value):
    found = source(text, role, "/base")
    assert (found.kind, found.text, found.value) == (kind, text, value)


@pytest.mark.parametrize(
    "text",
    [
        "https://www.youtube.com/watch?v=abc",
        "https://youtube.com/watch?list=x&v=abc",
        "https://m.youtube.com/watch?v=abc",
        "https://music.youtube.com/watch?v=abc",
        "https://youtu.be/abc?t=3",
        "https://www.youtube.com/shorts/abc",
        "https://www.youtube.com/live/abc",
        "http://youtu.be/abc",
    ],
)
def test_youtube_in_all_its_forms(text):
    assert source(text, "video", "/base").kind is Kind.YOUTUBE
    assert youtube(text).value == text
    with pytest.raises(Unfit, match="a YouTube URL"):
        source(text, "audio", "/base")


@pytest.mark.parametrize("text", ["https://youtu.be/", "https://www.youtube.com/@channel"])
def test_youtube_pages_that_are_no_video(text):
    with pytest.raises(Unfit, match="names no single video"):
        source(text, "video", "/base")


@pytest.mark.parametrize("text", ["a.mp4", "https://notyoutube.com/watch?v=x", "ftp://youtu.be/x"])
def test_what_is_no_youtube_url(text):
    with pytest.raises(Unfit, match="is no YouTube URL"):
        youtube(text)


def test_credentials_never_reach_a_message():
    for text in ("https://u:secret@h/a.mp4", "ftp://u:secret@h/a.mp4", "https://u:secret@h"):
        with pytest.raises(Unfit) as raised:
            source(text, "video", "/base")
        assert "secret" not in raised.value.found + raised.value.expected


def test_home_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert source("~/a.mp4", "video", "/base").value == str(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("media/intro.es.mp4", "intro.es"),
        (r"C:\media\intro.mp4", "intro"),
        ("https://h.com/x/clip.mp4?a=b.c", "clip"),
        ("https://www.youtube.com/watch?v=abc", "abc"),
        ("https://youtu.be/abc", "abc"),
        ("https://magichour.ai/my-library?videoId=v1", "v1"),
        ("api-assets/id/x.mp4", "x"),
    ],
)
def test_stems(text, name):
    assert stem(text) == name
