"""What a good manifest becomes."""

from pathlib import Path

import pytest

from batchsync.errors import ManifestError
from batchsync.manifest import Manifest, load
from batchsync.model import GenerationMode, SourceKind

HEAD = "version: 1\n"


@pytest.fixture
def loaded(tmp_path):
    def loaded(text: str, environ: dict[str, str] | None = None, **files: str) -> Manifest:
        for name, content in files.items():
            path = tmp_path / name.replace("__", "/").replace("_csv", ".csv").replace(
                "_yaml", ".yaml"
            )
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text(content, encoding="utf-8")
        path = tmp_path / "spring.yaml"
        path.write_text(HEAD + text, encoding="utf-8")
        return load(path, environ=environ or {})

    return loaded


def job(fields: str = "") -> str:
    return f"jobs:\n  - {{id: a, video: a.mp4, audio: a.mp3{fields}}}\n"


def test_the_least_manifest_gets_every_default(loaded, tmp_path):
    manifest = loaded(job())
    (only,) = manifest.jobs
    assert manifest.name == "spring"
    assert manifest.path == tmp_path / "spring.yaml"
    assert manifest.run == {}
    assert manifest.warnings == ()
    assert (only.id, only.position, only.name) == ("a", 0, None)
    assert (only.start_seconds, only.end_seconds, only.max_fps_limit) == (0.0, None, None)
    assert only.generation_mode is GenerationMode.LITE
    assert only.output == "a.mp4"
    assert only.tags == {}
    assert only.where == f"{tmp_path / 'spring.yaml'}:3:5"
    assert only.video.kind is SourceKind.FILE
    assert only.video.text == "a.mp4"
    assert only.video.value == str(tmp_path / "a.mp4")


def test_defaults_are_below_the_job_and_maps_merge_deep(loaded):
    manifest = loaded(
        "defaults:\n"
        "  max_fps_limit: 25\n"
        "  end_seconds: 10\n"
        "  style: {generation_mode: pro}\n"
        "  tags: {show: welcome, lang: en}\n"
        "jobs:\n"
        "  - {id: a, video: a.mp4, audio: a.mp3, tags: {lang: es}, end_seconds: auto}\n"
        "  - {id: b, video: a.mp4, audio: a.mp3, style: {generation_mode: lite}, "
        "max_fps_limit: ~}\n"
    )
    first, second = manifest.jobs
    assert first.tags == {"show": "welcome", "lang": "es"}
    assert (first.max_fps_limit, first.end_seconds) == (25.0, None)
    assert first.generation_mode is GenerationMode.PRO
    assert second.tags == {"show": "welcome", "lang": "en"}
    assert (second.max_fps_limit, second.end_seconds) == (None, 10.0)
    assert second.generation_mode is GenerationMode.LITE


def test_the_api_names_mean_the_same(loaded, tmp_path):
    manifest = loaded(
        "jobs:\n"
        "  - {id: a, video_file_path: a.mp4, audio_file_path: a.mp3, video_source: file}\n"
        "  - {id: b, audio: a.mp3, video_source: youtube, youtube_url: 'https://youtu.be/x'}\n"
        "  - id: c\n"
        "    assets: {audio_file_path: a.mp3, video_source: file, video_file_path: c.mp4}\n"
    )
    first, second, third = manifest.jobs
    assert first.video.value == str(tmp_path / "a.mp4")
    assert second.video.kind is SourceKind.YOUTUBE
    assert third.video.value == str(tmp_path / "c.mp4")


def test_a_job_s_video_replaces_a_youtube_url_of_the_defaults_and_the_reverse(loaded):
    manifest = loaded(
        "defaults: {youtube_url: 'https://youtu.be/x'}\n"
        "jobs:\n  - {id: a, video: a.mp4, audio: a.mp3}\n  - {id: b, audio: a.mp3}\n"
    )
    assert [job.video.kind for job in manifest.jobs] == [SourceKind.FILE, SourceKind.YOUTUBE]


def test_width_and_height_warn_once_a_batch(loaded):
    manifest = loaded(
        "jobs:\n"
        "  - {id: a, video: a.mp4, audio: a.mp3, width: 10, height: 20}\n"
        "  - {id: b, video: a.mp4, audio: a.mp3, width: 10}\n"
    )
    (warning,) = manifest.warnings
    assert warning.field == "width"
    assert str(warning).endswith(
        "spring.yaml:3:41: width: width and height are deprecated; they have no effect; remove them"
    )


def test_keys_that_begin_with_x_are_the_user_s_own(loaded):
    manifest = loaded(
        "x-a: [1]\ndefaults: {x-b: 1, style: {x-c: 1}}\nrun: {x-d: 1, uploads: 2}\n"
        + job(", x-e: {f: [1]}")
    )
    assert len(manifest.jobs) == 1
    assert manifest.run == {"uploads": 2}


def test_anchors_and_merge_keys_work(loaded):
    manifest = loaded(
        "x-base: &base {video: a.mp4, end_seconds: 5, tags: &t {lang: es}}\n"
        "x-more: &more {audio: m.mp3, end_seconds: 6}\n"
        "jobs:\n"
        "  - {<<: *base, id: a, audio: a.mp3}\n"
        "  - {id: b, <<: [*more, *base], tags: *t}\n"
    )
    first, second = manifest.jobs
    assert (first.end_seconds, first.tags) == (5.0, {"lang": "es"})
    assert (second.end_seconds, second.tags) == (6.0, {"lang": "es"})
    assert second.audio.text == "m.mp3"


def test_texts_are_taken_as_written(loaded):
    manifest = loaded(
        "jobs:\n  - {id: 007, name: 2024, video: a.mp4, audio: a.mp3,"
        " tags: {season: 01, dub: true, lang: no, date: 2026-01-01, ratio: 1.50, empty: ''}}\n"
    )
    (only,) = manifest.jobs
    assert (only.id, only.name, only.output) == ("007", "2024", "007.mp4")
    assert only.tags == {
        "season": "01",
        "dub": "true",
        "lang": "no",
        "date": "2026-01-01",
        "ratio": "1.50",
        "empty": "",
    }


def test_run_keeps_what_the_user_set_and_nothing_else(loaded):
    manifest = loaded(
        job() + "run:\n  uploads: 0x10\n  max_in_flight: auto\n  max_duration: 2h\n"
        "  max_credits: ${CAP:-500}\n  keep_going: true\n  state: state.db\n  poll_min: 1.5\n"
    )
    assert manifest.run == {
        "uploads": 16,
        "max_in_flight": "auto",
        "max_duration": "2h",
        "max_credits": "500",
        "keep_going": True,
        "state": "state.db",
        "poll_min": 1.5,
    }


def test_outputs_take_slashes_of_both_kinds(loaded):
    (only,) = loaded(job(r", output: 'es\intro.MP4'")).jobs
    assert only.output == "es/intro.MP4"


def test_ids_and_outputs_are_composed_so_that_one_id_is_one_file(loaded):
    (only,) = loaded("jobs:\n  - {id: cafe\u0301, video: a.mp4, audio: a.mp3}\n").jobs
    assert (only.id, only.output) == ("caf\u00e9", "caf\u00e9.mp4")
    with pytest.raises(ManifestError, match="is given to two jobs"):
        loaded(
            "jobs:\n  - {id: cafe\u0301, video: a.mp4, audio: a.mp3}\n"
            "  - {id: caf\u00e9, video: a.mp4, audio: a.mp3}\n"
        )


def test_a_file_name_unfit_for_a_batch_needs_a_name(tmp_path):
    path = tmp_path / "con.yaml"
    path.write_text(HEAD + job(), encoding="utf-8")
    with pytest.raises(ManifestError, match="the file's name 'con' can't name the batch"):
        load(path, environ={})
    path.write_text(HEAD + "name: ${{ vars.n }}\nvars: {n: spring}\n" + job(), encoding="utf-8")
    assert load(path, environ={}).name == "spring"


def test_the_environment_of_the_process_is_used_when_none_is_given(tmp_path, monkeypatch):
    monkeypatch.setenv("BATCHSYNC_TEST_NAME", "from-env")
    path = tmp_path / "m.yaml"
    path.write_text(HEAD + "name: ${BATCHSYNC_TEST_NAME}\n" + job(), encoding="utf-8")
    assert load(path).name == "from-env"


def test_includes_are_below_and_their_paths_are_their_own(loaded, tmp_path):
    manifest = loaded(
        "include: [shared/one.yaml]\n"
        "vars: {a: here}\n"
        "defaults: {tags: {lang: es}}\n"
        "jobs:\n  - {id: a, video: '${{ vars.a }}/${{ vars.b }}.mp4'}\n",
        shared__one_yaml=(
            "include: [deep/two.yaml]\n"
            "vars: {a: there, b: clip}\n"
            "defaults: {audio: one.mp3, tags: {lang: en, show: w}}\n"
            "run: {uploads: 2, downloads: 2, state: s.db}\n"
        ),
        shared__deep__two_yaml="version: 1\nname: deep\nrun: {downloads: 9, poll_min: 1}\n",
    )
    (only,) = manifest.jobs
    assert manifest.name == "deep"
    assert only.video.value == str(tmp_path / "here" / "clip.mp4")
    assert only.audio.value == str(tmp_path / "shared" / "one.mp3")
    assert only.tags == {"lang": "es", "show": "w"}
    assert manifest.run == {
        "uploads": 2,
        "downloads": 2,
        "poll_min": 1,
        "state": str(tmp_path / "shared" / "s.db"),
    }


def test_a_relative_manifest_gives_absolute_paths(tmp_path, monkeypatch):
    (tmp_path / "m.yaml").write_text(HEAD + job(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    manifest = load(Path("m.yaml"), environ={})
    assert manifest.path == tmp_path / "m.yaml"
    assert manifest.jobs[0].video.value == str(tmp_path / "a.mp4")
    assert manifest.jobs[0].where == "m.yaml:3:5"
