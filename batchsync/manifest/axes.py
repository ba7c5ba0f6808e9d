"""The axes of a matrix: names with the values that they take."""

import glob
import os
from dataclasses import dataclass
from pathlib import Path

from batchsync.manifest.findings import INVISIBLE, Findings, Unfit, shown
from batchsync.manifest.keys import is_own
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar, described
from batchsync.manifest.scalars import resolve
from batchsync.manifest.scope import Scope


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: what each combination takes one value of."""

    name: str
    values: tuple[Node, ...]


class AxisReader:
    """Reads axes, their values expanded: they have to be known before the jobs are."""

    def __init__(self, findings: Findings, scope: Scope) -> None:
        self._findings = findings
        self._scope = scope

    def axes(self, matrix: MapNode, leave: tuple[str, ...]) -> list[Axis]:
        """The axes of a matrix, in its order; keys in `leave` are none."""
        found = []
        for name, node in matrix.entries.items():
            if name in leave or is_own(name):
                continue
            try:
                values = self._values(node)
                if not values:
                    raise Unfit("the list is empty", "give it at least one value")
            except Unfit as unfit:
                self._findings.add_unfit(node.mark, unfit, f"matrix.{name}")
                continue
            found.append(Axis(name, tuple(values)))
        return found

    def expanded(self, node: Node) -> Node:
        """A value with the expressions in it replaced.

        Raises:
            Unfit: an expression has no value, or the value is a list.
        """
        if isinstance(node, Scalar):
            return self._scope.expand(node)
        if isinstance(node, ListNode):
            raise Unfit("found a list in a list", "expected single values or maps", node.mark)
        entries = {key: self.expanded(value) for key, value in node.entries.items()}
        return MapNode(node.mark, entries, node.key_marks)

    def _values(self, node: Node) -> list[Node]:
        if isinstance(node, ListNode):
            return [self.expanded(item) for item in node.items]
        if isinstance(node, MapNode) and list(node.entries) == ["glob"]:
            return self._files(node.entries["glob"])
        raise Unfit(described(node), 'expected a list such as [es, fr], or {glob: "media/*.mp4"}')

    def _files(self, node: Node) -> list[Node]:
        if not isinstance(node, Scalar):
            raise Unfit(described(node), 'expected a pattern such as "media/*.mp4"', node.mark)
        pattern = self._scope.expand(node).text
        folder = self._findings.places.folder(node.mark)
        names = [] if INVISIBLE.search(pattern) else _globbed(pattern, folder)
        if not names:
            raise Unfit(
                f"no file matches {shown(pattern)} in {folder}",
                "expected a pattern such as media/*.mp4; ** also looks into folders",
                node.mark,
            )
        return [Scalar(name, False, node.mark, True) for name in names]


def _globbed(pattern: str, folder: str) -> list[str]:
    pattern = os.path.expanduser(pattern)  # noqa: PTH111 - Path raises for unknown users
    # Path.glob takes no absolute patterns.
    names = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207
    return sorted(name.replace(os.sep, "/") for name in names if Path(folder, name).is_file())


def key_of(node: Node) -> object:
    """What equal values have in common: 1 and 1.0 are equal, 1 and "1" are not."""
    if isinstance(node, Scalar):
        value = resolve(node.text, node.plain)
        return ("bool", value) if isinstance(value, bool) else value
    if isinstance(node, MapNode):
        return tuple(sorted((key, repr(key_of(value))) for key, value in node.entries.items()))
    return tuple(key_of(item) for item in node.items)
