"""Tables as spreadsheet programs save them: separators, quotes, line ends, encodings."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from batchsync.manifest.findings import Findings, shown
from batchsync.manifest.includes import text_of
from batchsync.manifest.places import Place, mark

# Some programs write the separator they used on a line of its own.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t])\r?\n?", re.I)
_QUOTED = re.compile(r'"[^"]*"')
_WORKBOOKS = frozenset({".xlsx", ".xls", ".xlsm", ".ods", ".numbers"})


@dataclass(frozen=True, slots=True)
class Record:
    """One row of a table.

    Attributes:
        line: where it begins, from 0.
        cells: without the spaces around them.
    """

    line: int
    cells: list[str]


def records(path: Path, name: str, findings: Findings, named_at: int) -> Iterator[Record]:
    """The rows of a table that are not blank, the header first.

    Args:
        path: of the file.
        name: as messages show it.
        findings: takes what is wrong with the file.
        named_at: mark of the value that names the file.
    """
    if path.suffix.lower() in _WORKBOOKS:
        findings.add(
            named_at,
            f"{shown(name)} is a workbook",
            "save the sheet as CSV UTF-8, and name that file",
            "jobs_from",
        )
        return
    base = findings.places.add(Place(path, name))
    text = text_of(path, base, findings, named_at, "jobs_from")
    if text is None:
        return
    first = 0
    delimiter = _delimiter(text)
    if match := _SEPARATOR_LINE.match(text):
        delimiter, text, first = match[1], text[match.end() :], 1
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    ended = 0
    try:
        for cells in lines:
            stripped = [cell.strip() for cell in cells]
            if any(stripped):
                yield Record(first + ended, stripped)
            ended = lines.line_num
    except csv.Error as error:
        findings.add(
            mark(base, first + ended, 0),
            f"the row can't be read ({error})",
            "close each quote that is opened; a quote inside a quoted cell is written twice",
        )


def _delimiter(text: str) -> str:
    # The header decides: names of fields hold none of the three.
    header = next((line for line in io.StringIO(text) if line.strip()), "")
    bare = _QUOTED.sub("", header)
    return max(",;\t", key=bare.count)
