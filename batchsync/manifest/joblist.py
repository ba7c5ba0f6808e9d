"""Jobs that a program gives: the fields and the judgement of a manifest, without the YAML."""

import os
from collections.abc import Iterable, Mapping
from enum import Enum
from numbers import Real
from pathlib import Path
from typing import Any

from batchsync.manifest.batch import Manifest
from batchsync.manifest.expansion import Expansion, defaults_of
from batchsync.manifest.findings import Findings, Unfit
from batchsync.manifest.names import fit_name
from batchsync.manifest.nodes import SPOILED, ListNode, MapNode, Node, Scalar
from batchsync.manifest.places import Place, Places, line_of, shift
from batchsync.manifest.places import mark as mark_of
from batchsync.manifest.scope import Surroundings

_JOBS, _DEFAULTS = "jobs", "defaults"


class _Given(Places):
    """Positions in a list: `jobs[3]`, and `defaults`."""

    def where(self, mark: int) -> str:
        name = self.place(mark).shown
        return f"{name}[{line_of(mark)}]" if name == _JOBS else name


def given(
    jobs: Iterable[Mapping[str, Any]],
    *,
    name: str,
    folder: Path,
    defaults: Mapping[str, Any] | None = None,
) -> Manifest:
    """The manifest that a list of jobs amounts to.

    Texts are taken as they are: `${…}` in them means nothing. A field that is None counts as
    left out.

    Args:
        jobs: fields by their names in a manifest, one map a job.
        name: of the batch.
        folder: absolute; relative paths start from it.
        defaults: fields of every job that does not say otherwise.

    Raises:
        ManifestError: with every problem found.
    """
    findings = Findings(_Given())
    path = folder / f"{name}.jobs"
    first = findings.places.add(Place(path, _JOBS))
    rest = findings.places.add(Place(path, _DEFAULTS))
    try:
        name = fit_name(name)
    except Unfit as unfit:
        findings.add_unfit(rest, unfit, "name")
    reader = _Reader(findings)
    items = [reader.job(item, mark_of(first, index, 0)) for index, item in enumerate(jobs)]
    root = MapNode(rest)
    if defaults:
        root.put(_DEFAULTS, rest, reader.block(defaults, rest))
    expansion = Expansion(findings, Surroundings({}), defaults_of([root], findings))
    expansion.add_list(ListNode(first, [item for item in items if item is not None]))
    if not expansion.jobs.read and not findings:
        findings.add_file("there are no jobs", "expected one at least", first)
    findings.raise_if_any()
    return Manifest(path, name, tuple(expansion.jobs.read), {}, findings.warnings)


class _Reader:
    """Turns values into the nodes that a parser would have made of them."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._last = 0

    def job(self, item: object, at: int) -> MapNode | None:
        if not isinstance(item, Mapping):
            expected = "expected a dict with the fields of a job, or a JobSpec"
            self._findings.add(at, f"found {_kind(item)}", expected)
            return None
        if "matrix" in item:
            # It lives by expressions, which the texts of programs do not have.
            self._findings.add(at, "matrix is for manifests", "give each job on its own")
            return None
        return self.block(item, at)

    def block(self, values: Mapping[Any, object], at: int) -> MapNode:
        self._last = at
        return self._map(values, at)

    def _map(self, value: Mapping[Any, object], at: int) -> MapNode:
        node = MapNode(at)
        for key, item in value.items():
            if item is not None:
                # A place of its own for each value: the findings know values by their places.
                place = self._last = shift(self._last, 1)
                node.put(str(key), place, self._node(item, place, str(key)))
        return node

    def _node(self, value: object, at: int, field: str) -> Node:
        if isinstance(value, Mapping):
            return self._map(value, at)
        if isinstance(value, list | tuple):
            return ListNode(at, [self._node(item, at, field) for item in value])
        return self._scalar(value, at, field)

    def _scalar(self, value: object, at: int, field: str) -> Scalar:
        if isinstance(value, Enum):
            value = value.value
        if isinstance(value, str | os.PathLike):
            path = os.fspath(value)
            if isinstance(path, str):
                return Scalar(path, False, at, True)
        if isinstance(value, bool):
            return Scalar(str(value).lower(), True, at, True)
        if isinstance(value, int):
            return Scalar(str(int(value)), True, at, True)
        if isinstance(value, Real):
            # Numbers of other libraries are shown in their own ways.
            return Scalar(repr(float(value)), True, at, True)
        self._findings.add(
            at, f"found {_kind(value)}", "expected a text, a path, a number or a dict", field
        )
        return SPOILED


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"
