"""Whatever a file holds: a manifest or a ManifestError, in bounded time."""

import string
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from batchsync.errors import ManifestError
from batchsync.manifest import load
from batchsync.manifest.findings import Unfit
from batchsync.manifest.names import fit_name, fit_output
from batchsync.manifest.scalars import resolve, seconds_in
from batchsync.manifest.sources import source

FIELDS = ["id", "video", "audio", "output", "name", "start_seconds", "end_seconds", "tags", "style"]
WORDS = st.sampled_from(
    ["a", "a.mp4", "a.mp3", "1", "1:30", "auto", "true", "null", "~", "[a]", "{a: b}", "&a", "*a",
     "'x", '"', "|", ">", "!t", "${A}", "${{ job.id }}", "${{ video.stem }}", "${", "<<", "-", "?"]
)  # fmt: skip
LINES = st.lists(
    st.builds(
        "{}{}: {}".format,
        st.sampled_from(["", "  ", "    ", "  - ", "\t"]),
        st.sampled_from([*FIELDS, "jobs", "defaults", "run", "vars", "matrix", "include", "x-a"]),
        WORDS | st.text(max_size=8),
    ),
    max_size=12,
)


def _load(data: bytes, name: str = "m.yaml") -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        if name.endswith(".csv"):
            manifest = path.with_name("m.yaml")
            manifest.write_text(f"version: 1\njobs_from: [{name}]\n", encoding="utf-8")
            path = manifest
        try:
            assert load(path, environ={"A": "x"}).jobs
        except ManifestError as error:
            assert error.problems
            assert all(problem.where for problem in error.problems)


@given(st.binary(max_size=200))
@settings(deadline=10_000, max_examples=60)
def test_any_bytes(data):
    _load(data)


@given(st.text(max_size=200))
@settings(deadline=10_000, max_examples=60)
def test_any_text(text):
    _load(text.encode("utf-8", "surrogatepass"))


@given(LINES)
@settings(deadline=10_000, max_examples=120)
def test_anything_like_a_manifest(lines):
    _load(("version: 1\n" + "\n".join(lines)).encode("utf-8", "replace"))


@given(st.text(alphabet='id,;\t\n\r" videoaudio.mp34=', max_size=120))
@settings(deadline=10_000, max_examples=60)
def test_any_table(text):
    _load(("id,video,audio\n" + text).encode(), "t.csv")
    _load(text.encode(), "t.csv")


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=20)))
@settings(deadline=10_000, max_examples=80)
def test_any_values_in_quotes(fields):
    def quoted(text: str) -> str:
        return (
            '"' + "".join(f"\\U{ord(c):08x}" for c in text if not 0xD800 <= ord(c) < 0xE000) + '"'
        )

    pairs = ", ".join(f"{name}: {quoted(text)}" for name, text in fields.items())
    _load(f"version: 1\njobs: [{{{pairs}}}]\n".encode())


@given(st.text())
def test_scalars_of_any_text(text):
    assert resolve(text, plain=False) == text
    value = resolve(text)
    assert value is None or isinstance(value, str | int | float)
    seconds = seconds_in(text)
    assert seconds is None or isinstance(seconds, int | float)


@given(st.text(), st.sampled_from(["video", "audio"]))
def test_sources_of_any_text(text, role):
    try:
        assert source(text, role, "/base").value
    except Unfit as unfit:
        assert unfit.found
        assert unfit.expected


@given(st.text(alphabet=string.printable + "é\u0301\ud800ß", max_size=40))
def test_names_that_pass_are_safe_and_stay_the_same(text):
    try:
        name = fit_name(text)
    except Unfit:
        return
    assert fit_name(name) == name
    assert not set('/\\:*?"<>|') & set(name)
    assert fit_output(f"{name}.mp4") == f"{name}.mp4"


@given(st.text(alphabet="ab./\\: ~\u0301mp4", max_size=20))
def test_outputs_that_pass_stay_below_their_folder(text):
    try:
        output = fit_output(text + ".mp4")
    except Unfit:
        return
    assert not Path(output).is_absolute()
    assert not {"", ".", ".."} & set(output.split("/"))
    assert fit_output(output) == output
