"""`config`: the expanded manifest is a manifest, and means the same jobs."""

import json
import string
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsync.errors import ManifestError
from batchsync.manifest import Manifest, load
from batchsync.manifest.expanded import expanded, to_json, to_yaml
from batchsync.manifest.writing import flow, scalar
from batchsync.model import Job
from tests.unit.test_schema import mistakes, values


def write(folder: Path, text: str, name: str = "m.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def nameless(manifest: Manifest) -> list[Job]:
    """The jobs without the place that they stand at."""
    return [replace(job, where="") for job in manifest.jobs]


def again(manifest: Manifest, text: str) -> Manifest:
    return load(write(manifest.path.parent, text, "again.yaml"), environ={})


def assert_same(manifest: Manifest) -> None:
    whole = expanded(manifest)
    for text in (to_yaml(whole), to_json(whole)):
        other = again(manifest, text)
        assert nameless(other) == nameless(manifest)
        assert (other.name, dict(other.run)) == (manifest.name, dict(manifest.run))
        assert mistakes(text) == []


def test_nothing_is_left_to_look_up(tmp_path):
    write(tmp_path, "version: 1\ndefaults: {max_fps_limit: 25}\nrun: {uploads: 2}\n", "shared.yaml")
    write(tmp_path, "id,video,audio,tags.lang\nc,c.mp4,c.mp3,no\n", "rows.csv")
    path = write(
        tmp_path,
        "version: 1\nname: spring\ninclude: [shared.yaml]\nvars: {dir: media}\n"
        "jobs:\n"
        '  - {id: "a-${{ matrix.lang }}", video: "${{ vars.dir }}/a.mp4", end_seconds: 1:30,'
        ' audio: "${{ matrix.lang }}.mp3", matrix: {lang: [es, fr]}}\n'
        "jobs_from: [rows.csv]\nrun: {max_duration: 2h}\n",
    )
    manifest = load(path, environ={})
    assert to_yaml(expanded(manifest)) == (
        "version: 1\nname: spring\njobs:\n"
        "  - id: a-es\n    video: media/a.mp4\n    audio: es.mp3\n    start_seconds: 0\n"
        "    end_seconds: 90\n    max_fps_limit: 25\n    style: {generation_mode: lite}\n"
        "    output: a-es.mp4\n"
        "  - id: a-fr\n    video: media/a.mp4\n    audio: fr.mp3\n    start_seconds: 0\n"
        "    end_seconds: 90\n    max_fps_limit: 25\n    style: {generation_mode: lite}\n"
        "    output: a-fr.mp4\n"
        "  - id: c\n    video: c.mp4\n    audio: c.mp3\n    start_seconds: 0\n"
        "    end_seconds: auto\n    max_fps_limit: 25\n    style: {generation_mode: lite}\n"
        '    output: c.mp4\n    tags: {lang: "no"}\n'
        'run:\n  uploads: 2\n  max_duration: "2h"\n'
    )
    assert_same(manifest)


def test_paths_of_included_files_keep_their_meaning(tmp_path):
    write(
        tmp_path, "version: 1\ndefaults: {audio: a.mp3}\nrun: {state: s.db}\n", "deep/shared.yaml"
    )
    path = write(tmp_path, "version: 1\ninclude: deep/shared.yaml\njobs: [{id: a, video: a.mp4}]\n")
    manifest = load(path, environ={})
    (job,) = again(manifest, to_yaml(expanded(manifest))).jobs
    assert job.audio.value == str(tmp_path / "deep" / "a.mp3")
    assert job.video.text == "a.mp4"
    assert expanded(manifest)["run"] == {"state": str(tmp_path / "deep" / "s.db")}


def test_links_of_every_kind_stay_what_they_are(tmp_path):
    links = [
        "https://youtu.be/x?t=1",
        "https://example.com/a b.mp4".replace(" ", "%20"),
        "https://magichour.ai/my-library?videoId=x",
        "api-assets/x.mp4",
        "C:/clips/a.mp4",
    ]
    jobs = "".join(
        f"  - {{id: j{n}, video: '{link}', audio: a.mp3}}\n" for n, link in enumerate(links)
    )
    assert_same(load(write(tmp_path, f"version: 1\njobs:\n{jobs}"), environ={}))


def test_values_from_the_environment_can_not_become_expressions(tmp_path):
    path = write(
        tmp_path, "version: 1\njobs: [{id: a, video: a.mp4, audio: a.mp3, name: '${NAME}'}]\n"
    )
    manifest = load(path, environ={"NAME": "${SECRET} $$ ${{ job.id }} $"})
    (job,) = again(manifest, to_yaml(expanded(manifest))).jobs
    assert job.name == "${SECRET} $$ ${{ job.id }} $"


def test_notify_is_left_out_as_its_urls_hold_passwords(tmp_path):
    path = write(
        tmp_path,
        "version: 1\njobs: [{id: a, video: a.mp4, audio: a.mp3}]\n"
        "run: {notify: ['${URL}', 'json://b', '${UNSET:-}'], notify_on: always}\n",
    )
    manifest = load(path, environ={"URL": "mailto://me:secret@example.com"})
    assert manifest.run["notify"] == ("mailto://me:secret@example.com", "json://b")
    assert expanded(manifest)["run"] == {"notify_on": "always"}


@pytest.mark.parametrize("value", ["notify: {a: b}", "notify: ['']", "notify: [[a]]", "notify: "])
def test_notify_that_is_no_list_of_urls_is_refused(value, tmp_path):
    path = write(
        tmp_path, f"version: 1\njobs: [{{id: a, video: a.mp4, audio: a.mp3}}]\nrun:\n  {value}\n"
    )
    with pytest.raises(ManifestError, match=r"run\.notify: .*expected a list of URLs"):
        load(path, environ={})


TEXTS = st.text(max_size=30) | st.sampled_from(
    ["no", "yes", "on", "null", "~", "1", "1.5", "0x10", "1:30", "2026-01-01", "true", ".inf", "-",
     "a: b", "a #b", "[a]", "{a}", "&a", "*a", "!a", "%a", "@a", "`a", "'a'", '"', "|", ">", "<<",
     "${A}", "$$", "${{ job.id }}", "\u2028", "\x85", "\ufeff", "\ufffe", "\u00a0", "é",
     "日本", "😀"]
)  # fmt: skip


@given(TEXTS)
@settings(max_examples=60)
def test_any_text_is_read_back_as_itself(text):
    if not any("\ud800" <= character <= "\udfff" for character in text):
        assert values(f"{scalar(text)}\n") == text
        assert values(f"- {flow({text: text})}\n") == [{text: text}]
        assert yaml.safe_load(scalar(text)) == text


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.booleans())
def test_any_number_is_read_back_as_itself(value):
    assert values(f"{scalar(value)}\n") == value


NAMES = st.text(string.ascii_letters + string.digits + "é日 $.-_", min_size=1, max_size=12)
JOBS = st.fixed_dictionaries(
    {
        "id": NAMES,
        "video": NAMES.map(lambda n: f"{n}.mp4"),
        "audio": NAMES.map(lambda n: f"{n}.mp3"),
    },
    optional={
        "name": TEXTS,
        "start_seconds": st.floats(0, 1e5),
        "end_seconds": st.floats(0.1, 1e6) | st.just("auto"),
        "max_fps_limit": st.floats(1, 1e3) | st.none(),
        "style": st.fixed_dictionaries(
            {"generation_mode": st.sampled_from(["lite", "standard", "pro"])}
        ),
        "tags": st.dictionaries(TEXTS, TEXTS, max_size=3),
        "output": NAMES.map(lambda n: f"{n}/x.mp4"),
    },
)


@given(st.lists(JOBS, min_size=1, max_size=4), st.dictionaries(st.just("state"), NAMES))
@settings(deadline=None, max_examples=60)
def test_whatever_loads_means_the_same_when_expanded(jobs: list[dict[str, Any]], run):
    with tempfile.TemporaryDirectory() as name:
        content = {"version": 1, "jobs": jobs, **({"run": run} if run else {})}
        path = write(Path(name), json.dumps(content))
        try:
            manifest = load(path, environ={"A": "x"})
        except ManifestError:
            return
        assert_same(manifest)
