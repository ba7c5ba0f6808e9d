"""A job's `matrix`: every combination of its axes, minus `exclude`, plus `include`.

The rules are those that GitHub Actions made known: an `include` entry adds its other keys to
every combination that has its axis values, and is a combination of its own where none has.
Here it may also override fields of the job.
"""

from dataclasses import dataclass
from itertools import product
from math import prod

from batchsync.manifest.axes import AxisReader, key_of
from batchsync.manifest.findings import Findings, Unfit
from batchsync.manifest.keys import FIELD_KEYS, is_own, refuse_key
from batchsync.manifest.lists import maps_in
from batchsync.manifest.nodes import MapNode, Node
from batchsync.manifest.scope import Scope

_LISTS = ("include", "exclude")
_Row = tuple[Node, ...]
_Key = tuple[object, ...]


@dataclass(slots=True)
class Combination:
    """One job of a matrix.

    Attributes:
        values: what `${{ matrix.… }}` sees.
        overrides: job fields that `include` entries set, later ones last.
    """

    values: dict[str, Node]
    overrides: tuple[MapNode, ...] = ()

    def add(self, entry: MapNode, axes: list[str]) -> None:
        """Take on what an `include` entry says."""
        self.values.update(entry.entries)
        fields = MapNode(entry.mark)
        for key, node in entry.entries.items():
            if key in FIELD_KEYS and key not in axes:
                fields.put(key, entry.key_marks[key], node)
        if fields.entries:
            self.overrides += (fields,)


class Matrix:
    """One `matrix:` block."""

    def __init__(self, node: MapNode, findings: Findings, scope: Scope) -> None:
        self._mark = node.mark
        self._findings = findings
        reader = AxisReader(findings, scope)
        axes = reader.axes(node, _LISTS)
        self._names = [axis.name for axis in axes]
        self._values = [axis.values for axis in axes]
        lists = {
            name: maps_in(node.entries.get(name), findings, f"matrix.{name}") for name in _LISTS
        }
        self._included = [self._entry(entry, reader) for entry in lists["include"]]
        self._excluded = [self._entry(entry, reader) for entry in lists["exclude"]]
        known = [name for name in node.entries if name not in _LISTS and not is_own(name)]
        self._broken = len(known) > len(axes)
        for entry in self._excluded:
            for name, mark in entry.key_marks.items():
                if name not in known:
                    refuse_key(findings, mark, name, known)

    @property
    def size(self) -> int:
        """How many combinations there are at most."""
        return prod(map(len, self._values)) * bool(self._values) + len(self._included)

    def combinations(self) -> list[Combination]:
        """Those of the axes in order, then those that `include` adds."""
        if self._broken:
            return []
        rows = self._rows()
        found = [Combination(dict(zip(self._names, row, strict=True))) for row in rows]
        indexes: dict[tuple[int, ...], dict[_Key, list[int]]] = {}
        for entry in self._included:
            columns, key = self._fixed(entry)
            if columns not in indexes:
                indexes[columns] = _index(rows, columns)
            numbers = indexes[columns].get(key, ())
            targets = [found[number] for number in numbers]
            if not targets:
                targets = [Combination({})]
                found += targets
            for combination in targets:
                combination.add(entry, self._names)
        if not found:
            self._findings.add(
                self._mark,
                "the matrix leaves no combination",
                "give it axes such as lang: [es, fr], and exclude fewer",
                "matrix",
            )
        return found

    def _rows(self) -> list[_Row]:
        rows = list(product(*self._values)) if self._values else []
        excluded: dict[tuple[int, ...], set[_Key]] = {}
        for entry in self._excluded:
            columns, key = self._fixed(entry)
            excluded.setdefault(columns, set()).add(key)
        for columns, keys in excluded.items():
            rows = [row for row in rows if _key(row, columns) not in keys]
        return rows

    def _entry(self, entry: MapNode, reader: AxisReader) -> MapNode:
        ready = MapNode(entry.mark)
        for name, node in entry.entries.items():
            if is_own(name):
                continue
            # Other values may refer to the job: they are expanded where they are used.
            value = self._expanded(node, reader) if name in self._names else node
            ready.put(name, entry.key_marks[name], value)
        return ready

    def _expanded(self, node: Node, reader: AxisReader) -> Node:
        try:
            return reader.expanded(node)
        except Unfit as unfit:
            self._findings.add_unfit(node.mark, unfit, "matrix")
            return node

    def _fixed(self, entry: MapNode) -> tuple[tuple[int, ...], _Key]:
        columns = tuple(n for n, name in enumerate(self._names) if name in entry.entries)
        return columns, tuple(key_of(entry.entries[self._names[n]]) for n in columns)


def _key(row: _Row, columns: tuple[int, ...]) -> _Key:
    return tuple([key_of(row[column]) for column in columns])


def _index(rows: list[_Row], columns: tuple[int, ...]) -> dict[_Key, list[int]]:
    index: dict[_Key, list[int]] = {}
    for number, row in enumerate(rows):
        index.setdefault(_key(row, columns), []).append(number)
    return index
