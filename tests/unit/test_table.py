"""The results table: order, cells, atomic writing."""

import csv
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_plan import a_record, an_attempt
from test_request import a_job

from batchsync.errors import OutputUnwritable
from batchsync.ledger.protocol import Cost, JobRecord
from batchsync.model import Failure, Job, JobState, Stage
from batchsync.plan import Action, Step
from batchsync.report.table import (
    COLUMNS,
    REVIEW_COLUMNS,
    iso,
    rows,
    status_word,
    table_of,
    to_csv,
    write_csv,
    write_whole,
)

# DESIGN: "Results columns, in this order".
DESIGN = (
    "job,name,status,attempt,project_id,generation_mode,start_seconds,end_seconds,max_fps_limit,"
    "audio,video,output,output_bytes,output_sha256,fps,width,height,credits_estimated,"
    "credits_charged,submitted_at,rendered_at,downloaded_at,render_seconds,error_stage,"
    "error_code,error_message"
)


def table(
    *jobs: Job, records: dict[str, JobRecord] | None = None, costs: dict[str, Cost] | None = None
) -> list[dict[str, Any]]:
    steps = [Step(job, None, Action.STAY, credits_estimated=450) for job in jobs]
    return rows(steps, records or {}, costs or {}, Path("/out"))


def as_csv(made: list[dict[str, Any]]) -> str:
    return to_csv(table_of(made))


def parsed(content: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content, newline="")))


def test_the_columns_are_the_designs_in_its_order_and_then_the_tags() -> None:
    made = table(a_job("a", tags={"lang": "es"}), a_job("b", tags={"show": "w", "lang": "fr"}))

    assert ",".join(COLUMNS) == DESIGN
    assert [*table_of(made).kinds] == [*COLUMNS, "lang", "show"]
    assert as_csv(made).split("\r\n")[0] == f"{DESIGN},lang,show"


def test_a_table_without_rows_has_its_header() -> None:
    assert as_csv([]) == f"{DESIGN}\r\n"


def test_rows_come_in_the_order_of_the_manifest() -> None:
    made = table(*(a_job(name) for name in "cab"))

    assert [row["job"] for row in made] == ["c", "a", "b"]


def test_a_tag_named_like_a_column_hides_nothing() -> None:
    made = table(a_job(tags={"status": "urgent", "credits_charged": "0"}))
    [row] = parsed(as_csv(made))

    assert (row["status"], row["tags.status"]) == ("pending", "urgent")
    assert (row["credits_charged"], row["tags.credits_charged"]) == ("0", "0")


def test_a_table_is_wider_by_what_people_said_once_anybody_has_said_it() -> None:
    made = table(a_job("a", tags={"verdict": "mine"}), a_job("b"))
    assert [*table_of(made).kinds] == [*COLUMNS, "tags.verdict"]

    quiet = [row | dict.fromkeys(REVIEW_COLUMNS) for row in made]
    assert [*table_of(quiet).kinds] == [*COLUMNS, "tags.verdict"]

    said = [quiet[0], quiet[1] | {"verdict": "rejected"}]
    assert as_csv(said).split("\r\n")[0] == f"{DESIGN},verdict,note,tags.verdict"


def test_two_tags_never_share_a_column() -> None:
    made = table(a_job(tags={"status": "urgent", "tags.status": "other"}))

    assert {"urgent", "other"} <= {value for value in made[0].values() if isinstance(value, str)}


def test_a_done_job_shows_its_output_beside_the_table() -> None:
    job = a_job(output="es/a.mp4")
    attempt = an_attempt(
        job,
        output="/out/es/a.mp4",
        output_bytes=5,
        output_sha256="ab",
        submitted_at=1_800_000_000.0,
        rendered_at=1_800_000_012.3456,
        downloaded_at=1_800_000_013.0,
        fps=25.0,
        width=64,
        height=36,
        credits_charged=375,
    )
    records = {job.id: a_record(job, JobState.DONE, attempt=attempt)}
    costs = {job.id: Cost(800, 0, 900, 800)}
    [row] = parsed(as_csv(table(job, records=records, costs=costs)))

    assert row["output"] == "es/a.mp4"
    assert row["submitted_at"] == "2027-01-15T08:00:00.000Z"
    assert row["render_seconds"] == "12.346"
    assert (row["fps"], row["width"], row["attempt"]) == ("25", "64", "1")
    assert (row["credits_estimated"], row["credits_charged"]) == ("450", "800")
    assert (row["status"], row["project_id"], row["error_code"]) == ("done", "p1", "")


@pytest.mark.parametrize("state", [state for state in JobState if state is not JobState.DONE])
def test_a_job_that_is_not_done_shows_no_output(state: JobState) -> None:
    job = a_job()
    attempt = an_attempt(job, output="/out/old.mp4", output_bytes=5, downloaded_at=5.0)
    records = {job.id: a_record(job, state, attempt=attempt)}
    [row] = parsed(as_csv(table(job, records=records)))

    assert row["output"] == row["output_bytes"] == row["downloaded_at"] == ""
    assert row["status"] == ("pending" if state is JobState.UPLOADED else state.value)
    assert status_word(state) == row["status"]


def test_what_was_sent_is_shown_and_not_what_the_manifest_says_now() -> None:
    sent = a_job(end_seconds=10.0)
    records = {"job": a_record(sent, JobState.DONE)}
    [row] = table(a_job(end_seconds=99.0), records=records)

    assert row["end_seconds"] == 10.0


def test_a_failure_is_shown_with_its_stage() -> None:
    failure = Failure(Stage.POLL, "no_source_face", 'no "face",\nsays it')
    records = {"job": a_record(a_job(), JobState.FAILED, failure)}
    [row] = parsed(as_csv(table(a_job(), records=records)))

    assert (row["error_stage"], row["error_code"]) == ("poll", "no_source_face")
    assert row["error_message"] == 'no "face",\nsays it'


FORMULAS = ("=", "+", "-", "@", "\t", "\r")


@pytest.mark.parametrize("start", FORMULAS)
@pytest.mark.parametrize("field", ["name", "tag", "message"])
def test_a_cell_that_a_spreadsheet_would_run_is_defused(start: str, field: str) -> None:
    text = f"{start}cmd|' /C calc'!A0"
    job = a_job(name=text if field == "name" else None, tags={"t": text if field == "tag" else ""})
    failure = Failure(Stage.POLL, "x", text) if field == "message" else None
    records = {"job": a_record(a_job(), JobState.FAILED, failure)}
    [row] = parsed(as_csv(table(job, records=records)))
    cell = {"name": row["name"], "tag": row["t"], "message": row["error_message"]}[field]

    assert cell == f"'{text}"


def test_a_tag_whose_name_is_a_formula_is_defused_in_the_header_too() -> None:
    header = as_csv(table(a_job(tags={"=1+1": "x"}))).split("\r\n")[0]

    assert not header.endswith(",=1+1")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_every_text_comes_back_as_it_was_but_for_the_defusing(texts: list[str]) -> None:
    jobs = [a_job(f"j{number}", tags={"t": text}) for number, text in enumerate(texts)]
    back = [row["t"] for row in parsed(as_csv(table(*jobs)))] if texts else []

    assert back == [f"'{text}" if text.startswith(FORMULAS) else text for text in texts]


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**9))
def test_numbers_stay_numbers(number: float, whole: int) -> None:
    [row] = parsed(as_csv(table(a_job(start_seconds=number, end_seconds=float(whole)))))

    assert float(row["start_seconds"]) == number
    assert row["end_seconds"] == str(whole)


def test_times_are_in_utc_to_the_millisecond() -> None:
    assert iso(0.0005) == "1970-01-01T00:00:00.000Z"
    assert iso(None) is None


def test_a_table_is_written_whole_and_replaces_the_old(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.csv"
    write_csv(path, table(a_job("a")))
    write_csv(path, table(a_job("é")))

    assert parsed(path.read_text("utf-8"))[0]["job"] == "é"
    assert [entry.name for entry in path.parent.iterdir()] == ["results.csv"]
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_a_disk_that_is_full_leaves_the_old_table_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "results.csv"
    write_csv(path, table(a_job("old")))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, full)
        with pytest.raises(OutputUnwritable, match="No space left"):
            write_csv(path, table(a_job("new")))

    assert parsed(path.read_text())[0]["job"] == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]


def test_a_target_that_is_a_folder_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(OutputUnwritable):
        write_csv(tmp_path, [])

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_never_replaced(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x.csv")
    with pytest.raises(OutputUnwritable, match="it is no file"):
        write_csv(tmp_path / "x.csv", [])

    assert [entry.name for entry in tmp_path.iterdir()] == ["x.csv"]
    assert not (tmp_path / "x.csv").is_file()


def test_writers_of_one_table_take_turns_and_no_reader_sees_a_part(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    whole = {bytes([letter]) * size for letter, size in zip(b"abcd", (1, 9, 90, 900), strict=True)}
    seen: set[bytes] = set()

    def write(content: bytes) -> None:
        for _ in range(25):
            write_whole(path, content * 1000)
            seen.add(path.read_bytes())

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, whole))

    assert seen <= {content * 1000 for content in whole}
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]


def test_what_a_killed_process_left_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / ".batchsync-results.csv.part").write_bytes(b"half a table" * 1000)
    write_csv(tmp_path / "results.csv", table(a_job("a")))

    assert (tmp_path / "results.csv").read_text() == as_csv(table(a_job("a"))).replace("\r\n", "\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["results.csv"]
