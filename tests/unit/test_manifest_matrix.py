"""A job's matrix: combinations, exclude, include, globs, limits."""

import pytest

from batchsync.errors import ManifestError
from batchsync.manifest import jobs as jobs_module
from batchsync.manifest import load


@pytest.fixture
def jobs(tmp_path):
    def jobs(matrix: str, fields: str = "id: ${{ matrix.lang }}-${{ matrix.take }}"):
        path = tmp_path / "m.yaml"
        path.write_text(
            f"version: 1\njobs:\n  - {fields}\n    video: a.mp4\n    audio: a.mp3\n"
            f"    matrix: {matrix}\n",
            encoding="utf-8",
        )
        return load(path, environ={"LANGUAGE": "es"}).jobs

    return jobs


def ids(jobs) -> list[str]:
    return [job.id for job in jobs]


def test_every_combination_in_the_order_of_the_axes(jobs):
    found = jobs("{lang: [es, fr], take: [1, 2]}")
    assert ids(found) == ["es-1", "es-2", "fr-1", "fr-2"]
    assert [job.position for job in found] == [0, 1, 2, 3]


def test_exclude_takes_whole_and_partial_combinations_away(jobs):
    found = jobs("{lang: [es, fr], take: [1, 2, 3], exclude: [{lang: es, take: 1}, {take: 3}]}")
    assert ids(found) == ["es-2", "fr-1", "fr-2"]


def test_include_adds_to_what_it_fits_and_is_a_new_job_where_it_fits_nothing(jobs):
    found = jobs(
        "{lang: [es, fr], take: [1, 2], include: [{mood: calm}, {lang: fr, mood: loud},"
        " {lang: ja, take: 1, mood: new}, {lang: ja, take: 2, mood: newer}]}",
        'id: ${{ matrix.lang }}-${{ matrix.take }}\n    name: "${{ matrix.mood }}"',
    )
    assert [(job.id, job.name) for job in found] == [
        ("es-1", "calm"),
        ("es-2", "calm"),
        ("fr-1", "loud"),
        ("fr-2", "loud"),
        ("ja-1", "new"),
        ("ja-2", "newer"),
    ]


def test_include_may_override_fields_of_the_job(jobs):
    found = jobs(
        "{lang: [es], take: [1, 2], include: [{take: 2, style: {generation_mode: pro},"
        " tags: {x: y}}, {lang: ja, take: 1, audio: ja.mp3, end_seconds: 1:00}]}"
    )
    assert [job.generation_mode.value for job in found] == ["lite", "pro", "lite"]
    assert [dict(job.tags) for job in found] == [{}, {"x": "y"}, {}]
    assert [job.audio.text for job in found] == ["a.mp3", "a.mp3", "ja.mp3"]
    assert found[2].end_seconds == 60.0


def test_include_alone_is_a_list_of_jobs(jobs):
    assert ids(jobs("{include: [{lang: es, take: 1}, {lang: fr, take: 2}]}")) == ["es-1", "fr-2"]


def test_values_may_be_maps_and_expressions(jobs):
    found = jobs(
        '{lang: [{code: "${LANGUAGE}"}, {code: fr}], take: [1], exclude: [{lang: {code: fr}}]}',
        "id: ${{ matrix.lang.code }}-${{ matrix.take }}",
    )
    assert ids(found) == ["es-1"]


def test_a_number_and_a_text_are_different_values(jobs):
    assert len(jobs('{lang: [es], take: [1, 2], exclude: [{take: "2"}]}')) == 2
    assert len(jobs("{lang: [es], take: [1, 2], exclude: [{take: 2.0}]}")) == 1


def test_a_glob_is_the_sorted_list_of_files(tmp_path):
    for name in ("b.mp4", "a.mp4", "c.mov"):
        (tmp_path / "media").mkdir(exist_ok=True)
        (tmp_path / "media" / name).touch()
    (tmp_path / "media" / "folder.mp4").mkdir()
    path = tmp_path / "glob.yaml"
    path.write_text(
        "version: 1\njobs:\n  - id: x-${{ video.stem }}\n    audio: a.mp3\n"
        '    video: ${{ matrix.clip }}\n    matrix: {clip: {glob: "media/*.mp4"}}\n'
    )
    found = load(path, environ={}).jobs
    assert [(job.id, job.video.text) for job in found] == [
        ("x-a", "media/a.mp4"),
        ("x-b", "media/b.mp4"),
    ]


def test_the_limit_is_checked_before_anything_is_multiplied(jobs):
    axis = "[" + ", ".join(map(str, range(1000))) + "]"
    with pytest.raises(ManifestError, match="more than 200,000 jobs"):
        jobs(f"{{lang: {axis}, take: {axis}, a: {axis}, b: {axis}, c: {axis}}}")


def test_the_limit_holds_over_all_jobs(jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "JOB_LIMIT", 3)
    assert len(jobs("{lang: [a, b, c], take: [1]}")) == 3
    with pytest.raises(ManifestError, match="more than 3 jobs"):
        jobs("{lang: [a, b, c, d], take: [1]}")
