"""Positions: one integer a node, and the files that they point into."""

from dataclasses import dataclass
from pathlib import Path

# A mark packs file, line and column into one integer: a batch has millions of nodes, and marks
# sort in reading order. Columns beyond a million are all shown as the last.
_COLUMN_BITS = 20
_LINE_BITS = 32
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1
_LINE_MASK = (1 << _LINE_BITS) - 1
_FILE_SHIFT = _COLUMN_BITS + _LINE_BITS


@dataclass(frozen=True, slots=True)
class Place:
    """One file that the manifest is made of.

    Attributes:
        path: absolute.
        shown: as messages name it.
        columns: names of a table's columns; empty for YAML.
    """

    path: Path
    shown: str
    columns: tuple[str, ...] = ()


def mark(base: int, line: int, column: int) -> int:
    """The mark of a line and column (both from 0) in the file whose first mark is `base`."""
    return base | line << _COLUMN_BITS | min(column, _COLUMN_MASK)


def row_mark(base: int, line: int) -> int:
    """The mark of a whole line (from 0) of a table."""
    return mark(base, line, _COLUMN_MASK)


def line_of(mark: int) -> int:
    """The line of a mark, from 0."""
    return mark >> _COLUMN_BITS & _LINE_MASK


def shift(start: int, columns: int) -> int:
    """The mark some columns to the right, on the same line."""
    return start + min(columns, _COLUMN_MASK - (start & _COLUMN_MASK))


class Places:
    """Every file read so far; the manifest itself is the first."""

    def __init__(self) -> None:
        self._files: list[Place] = []
        self._folders: list[str] = []

    def add(self, place: Place) -> int:
        """Register a file; returns the mark of its first character."""
        self._files.append(place)
        self._folders.append(str(place.path.parent))
        return (len(self._files) - 1) << _FILE_SHIFT

    def place(self, mark: int) -> Place:
        """The file that a mark points into."""
        return self._files[mark >> _FILE_SHIFT]

    def folder(self, mark: int) -> str:
        """The folder that relative paths at this mark start from."""
        return self._folders[mark >> _FILE_SHIFT]

    def where(self, mark: int) -> str:
        """`file:line:column`; in a table `file:line, column NAME`, or `file:line` for a row."""
        place = self.place(mark)
        line = line_of(mark) + 1
        column = mark & _COLUMN_MASK
        if place.columns:
            cell = f", column {place.columns[column]}" if column < len(place.columns) else ""
            return f"{place.shown}:{line}{cell}"
        return f"{place.shown}:{line}:{column + 1}"
