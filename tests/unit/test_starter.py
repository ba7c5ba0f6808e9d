"""`init`: pairs by file name, and a manifest that reads well and means just these pairs."""

import tempfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsync.manifest import Manifest, load
from batchsync.pairing import NO_AUDIO, NO_VIDEO, TWO_AUDIOS, TWO_VIDEOS, is_language, pair
from batchsync.starter import from_pairs, usable
from tests.unit.test_schema import mistakes


def pairs(text: str) -> set[tuple[str, str, str]]:
    return {(each.video, each.audio, each.language) for each in pair(text.split()).pairs}


def started(folder: Path, files: list[str]) -> tuple[str, Manifest]:
    """The manifest for these files, which are made in a folder."""
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    text = from_pairs("batch", pair(files).pairs, files)
    (folder / "batch.yaml").write_text(text, encoding="utf-8")
    return text, load(folder / "batch.yaml", environ={})


def meaning(manifest: Manifest) -> list[tuple[str, str, str]]:
    return sorted((j.video.text, j.audio.text, j.tags.get("lang", "")) for j in manifest.jobs)


@pytest.mark.parametrize(
    ("audio", "language"),
    [
        ("intro.es.mp3", "es"),
        ("intro_fr.wav", "fr"),
        ("intro-pt-BR.opus", "pt-BR"),
        ("fr/intro.m4a", "fr"),
        ("INTRO.ES.MP3", "ES"),
        ("dubs/zh-Hans/intro.aac", "zh-Hans"),
        ("es_419/Intro.ogg", "es_419"),
        ("intro.wav", ""),
        ("voices/intro.wav", ""),
        ("intro.es.webm", "es"),
    ],
)
def test_a_narration_has_its_video_s_name_and_a_language(audio, language):
    assert pairs(f"intro.mp4 {audio}") == {("intro.mp4", audio, language)}


def test_the_longest_name_counts():
    assert pairs("my.mp4 my-es.mp4 my-es.wav my-es-fr.wav") == {
        ("my-es.mp4", "my-es.wav", ""),
        ("my-es.mp4", "my-es-fr.wav", "fr"),
    }


def test_an_original_may_name_its_own_language():
    assert pairs("intro.en.mp4 intro.es.mp3") == {("intro.en.mp4", "intro.es.mp3", "es")}


def test_of_videos_with_one_name_the_nearest_counts():
    files = "a/ep.mp4 b/ep.mp4 a/ep.es.mp3 b/es/ep.mp3"
    assert pairs(files) == {("a/ep.mp4", "a/ep.es.mp3", "es"), ("b/ep.mp4", "b/es/ep.mp3", "es")}


def test_what_is_left_over_is_said_with_its_reason():
    videos = ["a.mp4", "b.mp4", "x/c.mp4", "y/c.mp4", "ad.mp4"]
    audios = ["a.es.mp3", "a_es.wav", "odd.wav", "c.es.mp3", "ad_v2.wav"]
    found = pair([*videos, *audios, "n.txt"])
    assert found.unpaired == {
        "a_es.wav": TWO_AUDIOS,
        "odd.wav": NO_VIDEO,
        "ad_v2.wav": NO_VIDEO,
        "c.es.mp3": TWO_VIDEOS,
        "b.mp4": NO_AUDIO,
        "x/c.mp4": NO_AUDIO,
        "y/c.mp4": NO_AUDIO,
        "ad.mp4": NO_AUDIO,
    }


def test_codes_that_are_in_use_are_languages_and_other_letters_are_not():
    assert all(map(is_language, ["es", "NO", "pt-BR", "zh_Hant", "sr-Latn-RS", "es-419", "fil"]))
    assert not any(map(is_language, ["v2", "mix", "final", "", "e", "es-", "xx"]))


def test_5000_regular_pairs_are_a_few_lines(tmp_path):
    files = [f"m/v{n:04}.mp4" for n in range(1000)]
    files += [
        f"m/v{n:04}_{lang}.m4a" for n in range(1000) for lang in ("de", "es", "fr", "it", "no")
    ]
    text, manifest = started(tmp_path, files)
    assert len(manifest.jobs) == 5000
    lines = text[text.index("jobs:") : text.index("# run:")].strip().splitlines()
    assert lines == [
        "jobs:",
        "  # 5,000 jobs: 1,000 videos in 5 languages",
        "  - id: ${{ video.stem }}-${{ matrix.lang }}",
        "    matrix:",
        '      video: {glob: "m/*.mp4"}',
        '      lang: [de, es, fr, it, "no"]',
        "    video: ${{ matrix.video }}",
        "    audio: m/${{ video.stem }}_${{ matrix.lang }}.m4a",
        '    tags: {lang: "${{ matrix.lang }}"}',
    ]


def test_what_is_missing_stands_beside_the_pattern(tmp_path):
    files = [f"{v}.mp4" for v in "abcdefgh"] + ["zz.mp4"]
    files += [f"{v}.{lang}.mp3" for v in "abcdefgh" for lang in ("es", "fr")][:-1]
    text, manifest = started(tmp_path, files)
    assert "      exclude:  # no such files\n        - {video: h.mp4, lang: fr}\n" in text.replace(
        "        - {video: zz.mp4}\n", ""
    )
    assert len(manifest.jobs) == 15


def test_one_video_in_many_languages_is_one_job_with_a_list(tmp_path):
    text, manifest = started(tmp_path, ["a.mp4", "a.es.mp3", "a.fr.mp3", "a.ja.mp3"])
    assert "lang: [es, fr, ja]" in text
    assert "    video: a.mp4\n    audio: ${{ video.stem }}.${{ matrix.lang }}.mp3\n" in text
    assert [job.id for job in manifest.jobs] == ["a-es", "a-fr", "a-ja"]


def test_two_shows_with_the_same_episodes_get_ids_of_their_own(tmp_path):
    files = [f"{show}/ep{n}.mp4" for show in ("s", "t") for n in range(3)]
    files += [f"{show}/es/ep{n}.wav" for show in ("s", "t") for n in range(3)]
    _, manifest = started(tmp_path, files)
    assert sorted(job.id for job in manifest.jobs) == [
        "s-ep0-es", "s-ep1-es", "s-ep2-es", "t-ep0-es", "t-ep1-es", "t-ep2-es",
    ]  # fmt: skip


def test_names_that_mean_something_in_yaml_or_a_pattern_are_taken_literally(tmp_path):
    stems = ["a$b", "c${{ job.id }}", "x[1]", "no", "1.0", "é", "a b", "- d", "#e", "{f}", "CON"]
    files = [f"[dir]/{stem}.mp4" for stem in stems]
    files += [f"[dir]/{stem}.{lang}.mp3" for stem in stems for lang in ("es", "no", "fr")]
    text, manifest = started(tmp_path, files)
    assert meaning(manifest) == sorted((p.video, p.audio, p.language) for p in pair(files).pairs)
    assert len(manifest.jobs) == len(stems) * 3
    assert mistakes(text) == []


def test_a_name_that_begins_like_a_url_is_told_from_one():
    assert usable("www.clip.mp4", "video") == "./www.clip.mp4"
    assert usable("api-assets/a.mp3", "audio") == "./api-assets/a.mp3"
    assert usable("media/a.mp4", "video") == "media/a.mp4"
    assert usable("a\x07.mp4", "video") is None


STEMS = st.sampled_from(["a", "b", "A", "ep 1", "x.y", "é", "e\u0301", "$z", "no", "www.q", "7"])
FOLDERS = st.sampled_from(["", "m/", "m/n/", "[o]/", "es/", "m/fr/"])
FILES = st.lists(
    st.builds("{}{}{}.{}".format, FOLDERS, STEMS,
              st.sampled_from(["", ".es", "_fr", "-pt-BR", ".no", ".ES"]),
              st.sampled_from(["mp4", "MP4", "mov", "mp3", "wav", "webm"])),
    unique=True, max_size=40,
)  # fmt: skip


@given(FILES)
@settings(deadline=None, max_examples=50)
def test_whatever_lies_there_the_manifest_means_just_the_pairs(files):
    files = [file for file in files if not file.startswith("www.")]
    found = pair(files)
    everything = {*files}
    assert {each.audio for each in found.pairs}.isdisjoint(found.unpaired)
    assert {*found.unpaired, *(e.video for e in found.pairs), *(e.audio for e in found.pairs)} == (
        everything
    )
    if not found.pairs:
        return
    with tempfile.TemporaryDirectory() as name:
        text, manifest = started(Path(name), files)
        assert meaning(manifest) == sorted((p.video, p.audio, p.language) for p in found.pairs)
        assert mistakes(text) == []
        assert all(PurePosixPath(job.output).suffix == ".mp4" for job in manifest.jobs)
