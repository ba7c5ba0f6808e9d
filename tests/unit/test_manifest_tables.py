"""`jobs_from`: tables as spreadsheet programs save them."""

import codecs

import pytest

from batchsync.errors import ManifestError
from batchsync.manifest import load
from batchsync.model import GenerationMode

ROWS = "id,video,audio,end_seconds,style.generation_mode,tags.lang\na,a.mp4,a.mp3,1:30,pro,es\n"


@pytest.fixture
def jobs(tmp_path):
    def jobs(table: bytes, more: str = ""):
        (tmp_path / "tables").mkdir(exist_ok=True)
        (tmp_path / "tables" / "t.csv").write_bytes(table)
        path = tmp_path / "m.yaml"
        path.write_text("version: 1\njobs_from: [tables/t.csv]\n" + more, encoding="utf-8")
        return load(path, environ={"A": "secret"}).jobs

    return jobs


@pytest.mark.parametrize(
    "table",
    [
        ROWS.encode(),
        codecs.BOM_UTF8 + ROWS.encode(),
        ROWS.replace(",", ";").encode(),
        ROWS.replace(",", "\t").encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.encode("utf-16"),
        codecs.BOM_UTF16_BE + ROWS.replace(",", "\t").encode("utf-16-be"),
        ("sep=;\r\n" + ROWS.replace(",", ";")).encode(),
        ("\n\n" + ROWS + ",,,,,\n\n").encode(),
        ROWS.replace("\n", ",,\n").encode(),
        ROWS.replace(",", " , ").encode(),
        ROWS.replace("a.mp4", '"a.mp4"').replace("video", '"video"').encode(),
        ROWS.rstrip("\n").encode(),
    ],
)
def test_every_way_of_saving_gives_the_same_jobs(jobs, table, tmp_path):
    (job,) = jobs(table)
    assert (job.id, job.end_seconds, job.tags) == ("a", 90.0, {"lang": "es"})
    assert job.generation_mode is GenerationMode.PRO
    assert job.video.value == str(tmp_path / "tables" / "a.mp4")
    assert job.where.startswith(str(tmp_path / "tables" / "t.csv") + ":")


def test_cells_that_are_empty_say_nothing_and_defaults_fill_them(jobs):
    (job,) = jobs(
        b"id,video,end_seconds\na,a.mp4,\n",
        "defaults: {audio: d.mp3, end_seconds: 5, output: '${{ job.id }}-x.mp4'}\n",
    )
    assert (job.audio.text, job.end_seconds, job.output) == ("d.mp3", 5.0, "a-x.mp4")


def test_cells_are_texts_and_never_expressions(jobs):
    (job,) = jobs(b"id,video,audio,name,tags.x\na,a.mp4,a.mp3,${A} ${{ job.id }},null\n")
    assert job.name == "${A} ${{ job.id }}"
    assert job.tags == {"x": "null"}


def test_rows_follow_the_jobs_of_the_list_and_know_their_line(jobs, tmp_path):
    found = jobs(
        b'id,video,audio,name\na,a.mp4,a.mp3,"two\nlines"\n'.replace(b"two\nlines", b"one")
        + b"\nb,b.mp4,b.mp3,\n",
        "jobs: [{id: first, video: f.mp4, audio: f.mp3}]\n",
    )
    assert [(job.id, job.position) for job in found] == [("first", 0), ("a", 1), ("b", 2)]
    assert found[2].where == f"{tmp_path / 'tables' / 't.csv'}:4"


def test_lines_inside_a_cell_do_not_shift_positions(jobs, tmp_path):
    with pytest.raises(ManifestError) as raised:
        jobs(b'id,video,audio,x-note\na,a.mp4,a.mp3,"1\n2\n3"\nb,b.avi,b.mp3,\n')
    (problem,) = raised.value.problems
    assert problem.where == f"{tmp_path / 'tables' / 't.csv'}:5, column video"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"id,video,audio\na,a.mp4,\xe9.mp3\n", "t.csv:2:9: the text is not valid UTF-8"),
        (b"id,video,audio\na,a.mp4\0,a.mp3\n", "t.csv:2:8: this is no text file"),
        (b'id,video,audio\na,"a"x,a.mp3\n', "t.csv:2:1: the row can't be read"),
        (b"id,video,audio\na,a.mp4," + b"x" * 200_000 + b"\n", "t.csv:2:1: the row can't be read"),
    ],
)
def test_tables_that_can_not_be_read(jobs, table, message):
    with pytest.raises(ManifestError, match=r"t\.csv") as raised:
        jobs(table)
    assert message in str(raised.value)
