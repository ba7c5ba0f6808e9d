"""`${…}` and `${{ … }}`: what they give, and what they never do."""

import pytest

from batchsync.errors import ManifestError
from batchsync.manifest import load
from batchsync.model import GenerationMode


@pytest.fixture
def jobs(tmp_path):
    def jobs(text: str, environ: dict[str, str] | None = None):
        path = tmp_path / "m.yaml"
        path.write_text("version: 1\n" + text, encoding="utf-8")
        return load(path, environ=environ or {}).jobs

    return jobs


def one(fields: str) -> str:
    return f"jobs:\n  - {{id: a, video: a.mp4, audio: a.mp3, {fields}}}\n"


@pytest.mark.parametrize(
    ("text", "environ", "name"),
    [
        ("${A}", {"A": "x"}, "x"),
        ("<${A}-${B}>", {"A": "x", "B": "y"}, "<x-y>"),
        ("${A:-d}", {}, "d"),
        ("${A:-d}", {"A": ""}, "d"),
        ("${A:-d}", {"A": "x"}, "x"),
        ("a${A:-}b", {}, "ab"),
        ("${A:?why}", {"A": "x"}, "x"),
        ("$$", {}, "$"),
        ("$${A}", {"A": "x"}, "${A}"),
        ("$A $5 US$", {"A": "x"}, "$A $5 US$"),
        ("${{ job.id }}", {}, "a"),
        ("${{job.id}}", {}, "a"),
        ("${{ video.stem }}/${{ audio.stem }}", {}, "a/a"),
        ("${{ tags.lang }}", {}, "es"),
    ],
)
def test_values(jobs, text, environ, name):
    (job,) = jobs(one(f"name: '{text}', tags: {{lang: es}}"), environ)
    assert job.name == name


@pytest.mark.parametrize("value", ["${B}", "${{ job.id }}", "$$", "a: [b", "*x", "{{", "null", "~"])
def test_what_comes_from_the_environment_is_text_and_is_not_read_again(jobs, value):
    (job,) = jobs(one("name: '${A}'"), {"A": value, "B": "secret"})
    assert job.name == value


def test_vars_may_refer_to_each_other_and_to_the_job(jobs):
    (job,) = jobs(
        "vars: {a: '${{ vars.deep.b }}!', deep: {b: '${{ job.id }}-${X}'}}\n"
        + one("name: '${{ vars.a }}'"),
        {"X": "x"},
    )
    assert job.name == "a-x!"


def test_a_reference_alone_keeps_its_type(jobs):
    first, second = jobs(
        "jobs:\n  - id: a-${{ matrix.n }}\n    matrix:\n"
        "      include: [{n: 1, end: 15, fps: 25}, {n: 2, end: auto, fps: null}]\n"
        "    video: a.mp4\n    audio: a.mp3\n"
        '    end_seconds: "${{ matrix.end }}"\n    max_fps_limit: ${{ matrix.fps }}\n'
    )
    assert (first.end_seconds, first.max_fps_limit) == (15.0, 25.0)
    assert (second.end_seconds, second.max_fps_limit) == (None, None)


def test_numbers_and_words_may_come_from_the_environment(jobs):
    (job,) = jobs(
        one("end_seconds: '${END}', style: {generation_mode: '${MODE:-pro}'}"), {"END": "1:30"}
    )
    assert job.end_seconds == 90.0
    assert job.generation_mode is GenerationMode.PRO


def test_an_id_may_come_from_the_video(jobs):
    (job,) = jobs("jobs:\n  - {id: '${{ video.stem }}', video: media/Intro.mp4, audio: a.mp3}\n")
    assert (job.id, job.output) == ("Intro", "Intro.mp4")


def test_a_variable_that_is_no_utf8_is_refused(jobs):
    with pytest.raises(ManifestError, match="A is not valid UTF-8"):
        jobs(one("name: '${A}'"), {"A": "\udcff"})


def test_an_output_can_not_be_led_elsewhere_by_the_environment(jobs):
    with pytest.raises(ManifestError, match="leads out of the output directory"):
        jobs(one("output: '${A}/x.mp4'"), {"A": "../.."})


def test_values_of_the_environment_that_are_not_named_are_not_looked_at(jobs):
    class Only(dict):
        def get(self, key, default=None):
            assert key == "A"
            return super().get(key, default)

    (job,) = jobs(one("name: '${A}'"), Only(A="x"))
    assert job.name == "x"
