"""The forms of a table: what each library reads back is what the ledger says."""

import csv
import io
import json
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchsync.errors import UsageError
from batchsync.report import formats
from batchsync.report.formats import TableFormat, check, encode, format_of
from batchsync.report.table import KINDS, REVIEW_COLUMNS, Kind, Row, Table, table_of
from batchsync.report.workbook import link, sheet_name

NAMES = [
    'say "no"',
    "two\nlines",
    "👩‍👩‍👧 é",
    "שלום עולם",
    "\u202egpj.exe",
    "a,b;c\td",
    " ",
    "_x0041_",
]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"]
WHEN = "2026-11-02T08:30:00.125Z"


def a_row(**values: Any) -> Row:
    return dict.fromkeys(KINDS) | {"job": "a", "status": "pending", "attempt": 0} | values


FULL = a_row(
    attempt=2,
    start_seconds=1.5,
    end_seconds=15.0,
    output="es/a.mp4",
    output_bytes=5_000_000_000,
    fps=25.0,
    credits_estimated=450,
    submitted_at=WHEN,
    lang="es",
)


def parquet(rows: list[Row]) -> Any:
    return pq.read_table(io.BytesIO(encode(table_of(rows), TableFormat.PARQUET)))


def sheet(rows: list[Row], title: str = "spring") -> Any:
    content = encode(table_of(rows), TableFormat.XLSX, title)
    [only] = openpyxl.load_workbook(io.BytesIO(content)).worksheets
    return only


def cells(rows: list[Row]) -> list[dict[str, Any]]:
    found = sheet(rows)
    header, *lines = found.iter_rows()
    return [dict(zip([c.value for c in header], line, strict=True)) for line in lines]


def test_parquet_keeps_each_kind_and_what_is_not_known() -> None:
    read = parquet([FULL, a_row()])
    types = {name: str(read.schema.field(name).type) for name in read.schema.names}
    words = {
        Kind.TEXT: "string",
        Kind.WHOLE: "int64",
        Kind.NUMBER: "double",
        Kind.TIME: "timestamp[ms, tz=UTC]",
    }

    assert types == {name: words[kind] for name, kind in KINDS.items()} | {"lang": "string"}
    first, second = read.to_pylist()
    assert first == FULL | {"submitted_at": datetime(2026, 11, 2, 8, 30, 0, 125_000, UTC)}
    assert second == a_row(lang=None)


@pytest.mark.parametrize("rows", [[], [a_row()]])
def test_a_table_of_nothing_has_its_columns_in_every_form(rows: list[Row]) -> None:
    assert parquet(rows).schema.names == [*KINDS]
    assert parquet(rows).schema == parquet([a_row(**{k: FULL[k] for k in KINDS})]).schema
    assert [cell.value for cell in sheet(rows)[1]] == [*KINDS]
    assert json.loads(encode(table_of(rows), TableFormat.JSON)) == rows
    assert encode(table_of(rows), TableFormat.JSONL).count(b"\n") == len(rows)


def test_json_has_every_column_in_every_row() -> None:
    made = table_of([FULL, a_row()])
    whole = json.loads(encode(made, TableFormat.JSON))

    assert whole == [FULL, a_row(lang=None)]
    lines = encode(made, TableFormat.JSONL).decode().splitlines()
    assert [json.loads(line) for line in lines] == whole


def test_a_sheet_has_numbers_as_numbers_and_moments_as_dates() -> None:
    row, empty = cells([FULL, a_row()])

    assert (row["attempt"].value, row["start_seconds"].value) == (2, 1.5)
    assert row["output_bytes"].value == 5_000_000_000
    assert row["submitted_at"].is_date
    assert row["submitted_at"].value == datetime(2026, 11, 2, 8, 30, 0, 125_000)
    assert row["submitted_at"].number_format == "yyyy-mm-dd hh:mm:ss"
    assert {cell.value for name, cell in empty.items() if name not in a_row()} == {None}
    assert empty["fps"].value is None


def test_a_sheet_can_be_read_at_once() -> None:
    made = sheet([FULL | {"error_message": "long " * 100}, a_row()])

    assert made.freeze_panes == "B2"
    assert made.auto_filter.ref == "A1:AA3"
    assert all(cell.font.bold for cell in made[1])
    widths = {made.cell(1, n).value: made.column_dimensions[_letter(n)].width for n in range(1, 28)}
    assert widths["submitted_at"] > len("2026-11-02 08:30:00")
    assert 40 < widths["error_message"] < 70


def _letter(number: int) -> str:
    return openpyxl.utils.get_column_letter(number)


def test_an_output_is_a_link_to_it() -> None:
    [row, without] = cells([FULL | {"output": "../é #1/50% 😀.mp4"}, a_row()])

    assert row["output"].value == "../é #1/50% 😀.mp4"
    assert row["output"].hyperlink.target == "..\\é%20%231\\50%25%20😀.mp4"
    assert without["output"].hyperlink is None


@pytest.mark.parametrize(("path", "target"), [("a", "a"), ("a:b", "a%3Ab"), ("a\\b", "a%5Cb")])
def test_an_odd_name_is_a_link_too(path: str, target: str) -> None:
    [row] = cells([FULL | {"output": path}])

    assert row["output"].hyperlink.target == target


@pytest.mark.parametrize("path", ["x" * 3000 + ".mp4", "/".join(["%" * 200] * 5), "😀" * 1500])
def test_a_path_too_long_for_a_link_is_a_text(path: str) -> None:
    [row] = cells([FULL | {"output": path}])

    assert (row["output"].value, row["output"].hyperlink) == (path, None)


def test_links_beyond_what_a_sheet_holds_are_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchsync.report.workbook._LINKS", 2)
    found = cells([FULL] * 3)

    assert [bool(row["output"].hyperlink) for row in found] == [True, True, False]
    assert {row["output"].value for row in found} == {"es/a.mp4"}


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_a_text_in_a_sheet_and_stays_one(text: str) -> None:
    [row] = cells([a_row(name=text, error_message=text, lang=text)])

    for name in ("name", "error_message", "lang"):
        assert row[name].data_type == "s"
        assert row[name].value.replace("_x000D_", "\r") == text
        assert row[name].quotePrefix


def test_a_formula_as_the_name_of_a_tag_is_a_text() -> None:
    header = sheet([a_row(**{"=1+1": "x"})])[1][-1]

    assert (header.data_type, header.value) == ("s", "=1+1")
    csv_header = encode(table_of([a_row(**{"=1+1": "x"})]), TableFormat.CSV).split(b"\r\n")[0]
    assert csv_header.endswith(b",'=1+1")


def test_nothing_in_a_sheet_runs_or_calls() -> None:
    rows = [a_row(name=text, job=f"j{n}", lang="http://x/") for n, text in enumerate(FORMULAS)]
    content = encode(table_of(rows), TableFormat.XLSX)
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        text = "".join(book.read(name).decode() for name in book.namelist())

    assert "<f>" not in text
    assert "<hyperlink" not in text


@pytest.mark.parametrize("text", NAMES)
@pytest.mark.parametrize("form", list(TableFormat))
def test_any_name_comes_back_as_it_was(form: TableFormat, text: str) -> None:
    row = a_row(name=text, lang=text)
    content = encode(table_of([row]), form)
    if form is TableFormat.CSV:
        [back] = csv.DictReader(io.StringIO(content.decode(), newline=""))
    elif form is TableFormat.PARQUET:
        [back] = parquet([row]).to_pylist()
    elif form is TableFormat.XLSX:
        # Excel reads _x005F_ as an underscore; openpyxl leaves that to its user.
        [found] = cells([row])
        back = {name: str(cell.value).replace("_x005F_", "_") for name, cell in found.items()}
    else:
        [back] = [json.loads(content)] if form is TableFormat.JSONL else json.loads(content)

    assert (back["name"], back["lang"]) == (text, text)


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_text_breaks_a_sheet(text: str) -> None:
    [row] = cells([a_row(name=text)])

    assert row["job"].value == "a"
    assert row["name"].data_type in ("s", "n")


def test_a_text_too_long_for_a_cell_is_cut_and_shows_it() -> None:
    [row] = cells([a_row(error_message="x" * 40_000)])

    assert row["error_message"].value == "x" * 32_766 + "…"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("spring", "spring"),
        ("a/b\\c[1]:*?", "a_b_c_1____"),
        ("'quoted'", "quoted"),
        ("History", "results"),
        ("", "results"),
        ("'", "results"),
        ("n" * 40, "n" * 31),
        ("😀" * 40, "😀" * 15),
        ("ربيع", "ربيع"),
    ],
)
def test_a_batch_of_any_name_is_a_sheet_that_excel_takes(title: str, name: str) -> None:
    assert sheet_name(title) == name
    assert sheet([], title).title == name


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_batch_has_a_name_that_excel_refuses(title: str) -> None:
    name = sheet_name(title)

    assert 0 < len(name.encode("utf-16-le")) <= 62
    assert not re.search(r"[\[\]:*?/\\]", name)
    assert not name.startswith("'")
    assert not name.endswith("'")


def test_the_rows_that_a_sheet_holds_are_counted_before_it_is_written() -> None:
    most = 1_048_575
    too_many = Table({"job": Kind.TEXT}, [a_row()] * (most + 1))

    with pytest.raises(UsageError, match="1,048,576 rows are more than a sheet holds"):
        encode(too_many, TableFormat.XLSX)
    wide = table_of([a_row(**{f"t{number}": "x" for number in range(16_384)})])
    with pytest.raises(UsageError, match="columns are more than a sheet holds"):
        encode(wide, TableFormat.XLSX)


@pytest.mark.parametrize("form", list(TableFormat))
def test_a_suffix_tells_the_form(form: TableFormat) -> None:
    assert format_of(Path(f"x.{form}")) is form
    assert format_of(Path(f"x.y.{form.upper()}")) is form


@pytest.mark.parametrize("name", ["x.xls", "x", "x.csv.gz", ".csv"])
def test_a_suffix_that_tells_nothing_is_refused_with_those_that_do(name: str) -> None:
    with pytest.raises(UsageError, match=r"\.csv, \.json, \.jsonl, \.parquet, \.xlsx"):
        format_of(Path(name))


@pytest.mark.parametrize(("form", "library"), [("parquet", "pyarrow"), ("xlsx", "XlsxWriter")])
def test_a_library_that_is_missing_is_named_with_the_way_to_get_it(
    form: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(TableFormat(form))
    monkeypatch.setattr(formats, "find_spec", lambda _: None)

    with pytest.raises(UsageError, match=rf"{library}: pip install 'batchsync\[{form}\]'"):
        check(TableFormat(form))
    check(TableFormat.CSV)


def test_what_people_said_of_outputs_is_in_every_form() -> None:
    row = FULL | dict(zip(REVIEW_COLUMNS, ("rejected", "lips late"), strict=True))

    assert parquet([row]).schema.names[-3:] == ["verdict", "note", "lang"]
    assert [cell.value for cell in sheet([row])[1]][-3:] == ["verdict", "note", "lang"]


def test_letters_of_any_script_stay_readable_in_a_link() -> None:
    assert link("שלום/a b.mp4") == "external:./שלום/a%20b.mp4"
