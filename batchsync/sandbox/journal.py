"""State on disk: one JSON array a line, appended; the last line about a thing is the truth."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Journal:
    """An append-only file of records.

    Lines are written by the event loop itself: some hundred bytes into the page cache cost less
    than a hop to a thread, and their order is then the order of events. Nothing is synced, since
    no money is real here; a process that dies loses nothing that the kernel has.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")
        if self._ends_torn():
            self._file.write("\n")

    def append(self, kind: str, record: dict[str, Any]) -> None:
        """Add one record."""
        self._file.write(json.dumps([kind, record]) + "\n")
        self._file.flush()

    def records(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each kind and record, oldest first; a line that a kill tore apart is passed over."""
        with self._path.open(encoding="utf-8") as lines:
            for line in lines:
                try:
                    kind, record = json.loads(line)
                except json.JSONDecodeError:
                    continue
                yield kind, record

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _ends_torn(self) -> bool:
        with self._path.open("rb") as file:
            if not file.seek(0, 2):
                return False
            file.seek(-1, 2)
            return file.read(1) != b"\n"
