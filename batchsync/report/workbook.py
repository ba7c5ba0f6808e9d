"""Tables as Excel workbooks; needs `pip install batchsync[xlsx]`."""

import io
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from batchsync.errors import UsageError
from batchsync.report.table import FORMULA_STARTS, Kind, Table

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

# What Excel can hold: rows with the header, columns, characters of a cell, links of a sheet,
# characters of a link.
_ROWS = 1_048_576
_COLUMNS = 16_384
_CELL = 32_767
_LINKS = 65_530
_LINK = 2_079

# Sheet names: their length in UTF-16, what they may not have, what they may not be.
_TITLE = 31
_UNFIT = re.compile(r"[\[\]:*?/\\\x00-\x1f]")
_TAKEN = "history"

# What an address spells out, and what of it stands for itself.
_ASCII = re.compile(r"[\x00-\x7f]+")
_PLAIN = "/!$&()+,;=@~"

# Pixels: a message must not push everything else off the screen; a moment with its seconds.
_WIDEST = 400
_MOMENT = 145

_LINKED = "output"


def to_xlsx(table: Table, title: str) -> bytes:
    """One sheet: header that stays, filters, numbers, moments in UTC, links to outputs; blocking.

    Raises:
        UsageError: a sheet can't hold so much.
    """
    import xlsxwriter  # noqa: PLC0415 - only here by wish

    _refuse_too_much(table)
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        sheet = book.add_worksheet(sheet_name(title))
        _Sheet(sheet, _formats(book)).fill(table)
    return content.getvalue()


def _refuse_too_much(table: Table) -> None:
    if len(table.rows) >= _ROWS:
        raise UsageError(
            f"{len(table.rows):,} rows are more than a sheet holds ({_ROWS - 1:,} and its header); "
            "use --format parquet or csv, or take fewer with --status"
        )
    if len(table.kinds) > _COLUMNS:
        raise UsageError(
            f"{len(table.kinds):,} columns are more than a sheet holds ({_COLUMNS:,}); "
            "take fewer with --columns"
        )


def sheet_name(title: str) -> str:
    """The nearest name that Excel takes for a sheet."""
    fit = _UNFIT.sub("_", title)
    while _units(fit) > _TITLE:
        fit = fit[:-1]
    fit = fit.strip("' ")
    return "results" if not fit or fit.lower() == _TAKEN else fit


def _units(text: str) -> int:
    """Characters as Excel counts them."""
    return len(text.encode("utf-16-le")) // 2


def link(path: str) -> str:
    """A relative path as XlsxWriter takes an address; letters of any script stay readable."""
    # Without the dot, it takes `a:b.mp4` for a drive and stumbles over a name of one letter.
    return "external:./" + _ASCII.sub(lambda part: quote(part[0], safe=_PLAIN), path)


def _formats(book: Any) -> Mapping[str, "Format"]:
    return {
        "header": book.add_format({"bold": True, "bottom": 1}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "link": book.get_default_url_format(),
        # A text stays one even if somebody edits its cell.
        "defused": book.add_format({"quote_prefix": True}),
    }


class _Sheet:
    """Writes each cell as what it is: nothing is guessed from its looks."""

    def __init__(self, sheet: "Worksheet", formats: Mapping[str, "Format"]) -> None:
        self._sheet = sheet
        self._formats = formats
        self._links = 0

    def fill(self, table: Table) -> None:
        """Write all of it."""
        for column, name in enumerate(table.kinds):
            self._sheet.write_string(0, column, name[:_CELL], self._formats["header"])
        for column, (name, kind) in enumerate(table.kinds.items()):
            write = self._link if name == _LINKED else self._writer(kind)
            for row, values in enumerate(table.rows, start=1):
                if (value := values.get(name)) is not None:
                    write(row, column, value)
        self._sheet.freeze_panes(1, 1)
        self._sheet.autofilter(0, 0, len(table.rows), len(table.kinds) - 1)
        self._sheet.autofit(_WIDEST)
        for column, kind in enumerate(table.kinds.values()):
            if kind is Kind.TIME:  # taken for dates without their time
                self._sheet.set_column_pixels(column, column, _MOMENT)

    def _writer(self, kind: Kind) -> Any:
        if kind is Kind.TEXT:
            return self._text
        return self._moment if kind is Kind.TIME else self._sheet.write_number

    def _text(self, row: int, column: int, text: str) -> None:
        if len(text) > _CELL:
            text = text[: _CELL - 1] + "…"
        format_ = self._formats["defused"] if text.startswith(FORMULA_STARTS) else None
        self._sheet.write_string(row, column, text, format_)

    def _moment(self, row: int, column: int, text: str) -> None:
        # Excel knows no time zones.
        moment = datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)
        self._sheet.write_datetime(row, column, moment, self._formats["moment"])

    def _link(self, row: int, column: int, path: str) -> None:
        address = link(path)
        if self._links >= _LINKS or _units(address) > _LINK:
            self._text(row, column, path)
            return
        self._links += 1
        self._sheet.write_url(row, column, address, self._formats["link"], path[:_CELL])
