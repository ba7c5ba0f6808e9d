"""The forms that a table is written in."""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from batchsync.errors import UsageError

if TYPE_CHECKING:
    # The command line knows the forms, and must not load all of this to show its help.
    from batchsync.report.table import Row, Table


class TableFormat(StrEnum):
    """Forms of a table; each is also the suffix of its files."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    PARQUET = "parquet"
    XLSX = "xlsx"

    @property
    def is_text(self) -> bool:
        """Whether a terminal can show it."""
        return self not in _LIBRARIES


# What is not installed with batchsync: the module, and its name for people.
_LIBRARIES: Mapping[TableFormat, tuple[str, str]] = {
    TableFormat.PARQUET: ("pyarrow", "pyarrow"),
    TableFormat.XLSX: ("xlsxwriter", "XlsxWriter"),
}


def format_of(path: Path) -> TableFormat:
    """The form that a file's name asks for.

    Raises:
        UsageError: its suffix is that of none.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in list(TableFormat):
        raise UsageError(
            f"can't tell the form of a table from the name {path.name!r}: "
            f"end it in .{', .'.join(TableFormat)}, or say --format"
        )
    return TableFormat(suffix)


def check(form: TableFormat) -> None:
    """Make sure that a form can be written, before there is anything to write.

    Raises:
        UsageError: the library that writes it is not installed.
    """
    module, library = _LIBRARIES.get(form, ("", ""))
    if module and find_spec(module) is None:
        raise UsageError(f"{form} tables need {library}: pip install 'batchsync[{form}]'")


def encode(table: "Table", form: TableFormat, title: str = "") -> bytes:
    """The table as the bytes of a file; blocking.

    Args:
        table: what to write.
        form: see `check`.
        title: the sheet's name, where there are sheets.

    Raises:
        UsageError: the form can't hold so much.
    """
    return _ENCODERS[form](table, title)


def _csv(table: "Table", _: str) -> bytes:
    from batchsync.report.table import to_csv  # noqa: PLC0415

    return to_csv(table).encode()


def _json(table: "Table", _: str) -> bytes:
    rows = [_whole(row, table) for row in table.rows]
    return (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode()


def _jsonl(table: "Table", _: str) -> bytes:
    rows = (json.dumps(_whole(row, table), ensure_ascii=False) for row in table.rows)
    return "".join(f"{row}\n" for row in rows).encode()


def _whole(row: "Row", table: "Table") -> "Row":
    return {name: row.get(name) for name in table.kinds}


def _parquet(table: "Table", _: str) -> bytes:
    from batchsync.report.parquet import to_parquet  # noqa: PLC0415 - needs pyarrow

    return to_parquet(table)


def _xlsx(table: "Table", title: str) -> bytes:
    from batchsync.report.workbook import to_xlsx  # noqa: PLC0415 - needs XlsxWriter

    return to_xlsx(table, title)


_ENCODERS: Mapping[TableFormat, Callable[["Table", str], bytes]] = {
    TableFormat.CSV: _csv,
    TableFormat.JSON: _json,
    TableFormat.JSONL: _jsonl,
    TableFormat.PARQUET: _parquet,
    TableFormat.XLSX: _xlsx,
}
