"""`jobs_from`: the rows of a table become drafts; a column is a field, by its dotted name."""

from collections.abc import Iterator
from pathlib import Path

from batchsync.manifest.csvfile import Record, records
from batchsync.manifest.drafts import TAG_PREFIX, Draft, warn_ignored
from batchsync.manifest.findings import Findings, shown
from batchsync.manifest.keys import IGNORED, SPELLINGS, is_own, refuse_key
from batchsync.manifest.nodes import Scalar
from batchsync.manifest.places import Place, mark, row_mark

_NEEDED = (("id",), ("video", "youtube_url"), ("audio",))
_KNOWN = [*SPELLINGS, "tags.…"]


class Table:
    """One table of jobs."""

    def __init__(
        self, path: Path, name: str, findings: Findings, named_at: int, defaults: Draft
    ) -> None:
        self._path = path
        self._name = name
        self._findings = findings
        self._named_at = named_at
        self._defaults = defaults

    def drafts(self) -> Iterator[tuple[int, Draft]]:
        """The mark and the draft of each row; cells that are empty say nothing."""
        rows = records(self._path, self._name, self._findings, self._named_at)
        header = next(rows, None)
        if header is None:
            if not self._findings:
                self._findings.add(
                    self._named_at,
                    f"{shown(self._name)} is empty",
                    "expected a first row with the names of fields",
                    "jobs_from",
                )
            return
        columns = tuple(
            " ".join(name.split()) or f"number {n + 1}" for n, name in enumerate(header.cells)
        )
        base = self._findings.places.add(Place(self._path, self._name, columns))
        fields = self._fields(header, base)
        if fields is None:
            return
        width = len(header.cells)
        for row in rows:
            draft = {
                field: Scalar(cell, False, mark(base, row.line, column), True)
                for column, (field, cell) in enumerate(zip(fields, row.cells, strict=False))
                if field and cell
            }
            if len(row.cells) > width and any(row.cells[width:]):
                self._findings.add(
                    row_mark(base, row.line),
                    f"the row has {len(row.cells)} cells, the first row {width}",
                    "put cells that hold a separator in quotes, or name the column",
                )
            yield row_mark(base, row.line), draft

    def _fields(self, header: Record, base: int) -> list[str] | None:
        """The field of each column, empty for columns to ignore; None where rows make no sense."""
        fields = []
        for column, name in enumerate(header.cells):
            field = self._field(name, mark(base, header.line, column))
            if field and field in fields:
                self._findings.add(
                    mark(base, header.line, column), f"two columns mean {field}", "keep one of them"
                )
            fields.append(field)
        missing = [
            names
            for names in _NEEDED
            if not any(name in fields or name in self._defaults for name in names)
        ]
        for names in missing:
            self._findings.add(
                row_mark(base, header.line),
                f"there is no column {names[0]}",
                f"add it to the first row, which has {', '.join(header.cells)}",
            )
        return None if missing else fields

    def _field(self, name: str, at: int) -> str:
        if name.startswith(TAG_PREFIX) and name != TAG_PREFIX:
            return name
        if name in IGNORED:
            warn_ignored(self._findings, at, name)
            return ""
        if name in SPELLINGS:
            return SPELLINGS[name]
        if name and not is_own(name):
            refuse_key(self._findings, at, name, _KNOWN)
        return ""
