"""Bad input is explained by place, before a single request."""

import shutil

import pytest

_PAIR = "{id: a, video: ann.mp4, audio: ann.wav, end_seconds: 1}"


def _jobs(*lines, rest=""):
    return f"version: 1\n{rest}jobs:\n" + "".join(f"  - {line}\n" for line in lines)


def _pair(**fields):
    pair = {"id": "a", "video": "ann.mp4", "audio": "ann.wav", "end_seconds": "1", **fields}
    return "{" + ", ".join(f"{key}: {value}" for key, value in pair.items()) + "}"


_ALIASES = "version: 1\nx-a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"x-{name}: &{name} [*{before}, *{before}, *{before}, *{before}, *{before}, *{before}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

_TEXTS = {
    "a missing file": (_jobs(_pair(video="gone.mp4")), "m.yaml:3:", "gone.mp4"),
    "a folder": (_jobs(_pair(video="folder.mp4")), "m.yaml:3:", "folder"),
    "an empty file": (_jobs(_pair(audio="empty.wav")), "m.yaml:3:", "empty"),
    "no media": (_jobs(_pair(video="text.mp4")), "m.yaml:3:", "text.mp4"),
    "a wrong extension": (_jobs(_pair(video="notes.txt")), "m.yaml:3:20", "notes.txt"),
    "a video for audio": (_jobs(_pair(audio="ann.mp4")), "m.yaml:3:", "audio"),
    "an audio for video": (_jobs(_pair(video="ann.wav")), "m.yaml:3:", "video"),
    "a hidden video for audio": (_jobs(_pair(audio="video.wav")), "m.yaml:3:", "audio"),
    "an end before the start": (
        _jobs(_pair(start_seconds=1.5)),
        "m.yaml:3:",
        "not after start_seconds",
    ),
    "a range past the end": (_jobs(_pair(end_seconds=99)), "m.yaml:3:", "2.000 s long"),
    "an unknown mode": (_jobs(_pair(style="{generation_mode: best}")), "m.yaml:3:", "lite"),
    "an absolute output": (_jobs(_pair(output="/tmp/a.mp4")), "m.yaml:3:", "output"),
    "an output above": (_jobs(_pair(output="../a.mp4")), "m.yaml:3:", "output"),
    "an output through a link": (_jobs(_pair(output="out/a.mp4")), "m.yaml:3:", "link"),
    "one output twice": (
        _jobs(_pair(output="x.mp4"), _pair(id="b", output="x.mp4")),
        "m.yaml:4:",
        "x.mp4",
    ),
    "one id twice": (_jobs(_pair(), _pair()), "m.yaml:4:", "a"),
    "an id that is no file name": (_jobs(_pair(id='"a/../b"')), "m.yaml:3:10", "id"),
    "an empty manifest": ("", "m.yaml", "empty"),
    "an alias bomb": (_ALIASES, "m.yaml", ""),
    "deep nesting": ("version: 1\njobs: " + "[" * 5000 + "]" * 5000, "m.yaml:", ""),
    "a python tag": (
        _jobs("!!python/object/apply:os.system ['touch owned']"),
        "m.yaml:3:",
        "",
    ),
    "a duplicate key": (_jobs(_PAIR, rest="version: 1\n"), "m.yaml:2:1", "version"),
    "an unknown key": (_jobs(_PAIR, rest="job: 1\n"), "m.yaml:2:1", "jobs"),
    "an unset variable": (_jobs(_pair(video='"${NOT_SET_HERE}"')), "m.yaml:3:", "NOT_SET_HERE"),
    "a tab": ("version: 1\njobs:\n\t- {id: a}\n", "m.yaml:3:1", ""),
}


@pytest.fixture
def folder(tmp_path, media):
    """A folder with good media, and some that is not."""
    shutil.copy(media.video(), tmp_path / "ann.mp4")
    shutil.copy(media.audio(), tmp_path / "ann.wav")
    shutil.copy(media.video(), tmp_path / "video.wav")
    (tmp_path / "folder.mp4").mkdir()
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.mp4").write_text("I am no video. " * 100)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "outputs" / "m").mkdir(parents=True)
    (tmp_path / "outputs" / "m" / "out").symlink_to(tmp_path.parent)
    return tmp_path


@pytest.mark.parametrize("name", _TEXTS)
def test_bad_input_is_named_by_place_and_nothing_is_sent(cli, against, folder, name):
    server = against()
    text, where, words = _TEXTS[name]
    (folder / "m.yaml").write_text(text)
    ended = cli("run", "m.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert where in ended.err
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert "nothing was sent" in ended.err
    assert len(ended.err) < 5000
    assert server.requests.total() == 0
    assert not (folder / "owned").exists()
    assert not (folder / ".batchsync").exists()


@pytest.mark.parametrize(
    "content", [b"\x00\x01\xff\xfe", b"\xff\xfe\x00version", bytes(range(256))]
)
def test_a_binary_manifest_is_refused(cli, against, folder, content):
    server = against()
    (folder / "m.yaml").write_bytes(content)
    ended = cli("run", "m.yaml")
    assert (ended.code, ended.out) == (2, "")
    assert "m.yaml" in ended.err
    assert "Traceback" not in ended.err
    assert server.requests.total() == 0


def test_all_mistakes_are_shown_at_once(cli, against, folder):
    server = against()
    (folder / "m.yaml").write_text(
        _jobs(
            _pair(video="gone.mp4"),
            _pair(id="b", end_seconds=99),
            _pair(id="c", audio="empty.wav"),
        )
    )
    ended = cli("run", "m.yaml")
    assert ended.code == 2
    assert [f"m.yaml:{line}:" in ended.err for line in (3, 4, 5)] == [True] * 3
    assert "3 problems; nothing was sent" in ended.err
    assert server.requests.total() == 0
