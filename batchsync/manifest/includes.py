"""Files that a manifest is made of: itself, and what it includes."""

import os
from collections.abc import Mapping
from pathlib import Path

from batchsync.manifest.composer import Broken
from batchsync.manifest.document import compose
from batchsync.manifest.findings import Findings, Unfit, shown
from batchsync.manifest.lists import scalars_in
from batchsync.manifest.nodes import MapNode, Node, Scalar, described, is_empty
from batchsync.manifest.places import Place, mark
from batchsync.manifest.scope import Scope, Surroundings
from batchsync.manifest.textfile import Unreadable, read

# Shared settings come in a handful of files; hundreds mean that files include each other.
FILE_LIMIT = 100


class Documents:
    """Reads a manifest and its includes.

    Attributes:
        roots: the maps of all files, lowest precedence first.
        complete: whether every file could be read.
    """

    def __init__(self, findings: Findings, environ: Mapping[str, str]) -> None:
        self.roots: list[MapNode] = []
        self.complete = True
        self._findings = findings
        self._scope = Scope(Surroundings(environ))
        self._trail: list[Path] = []
        self._count = 0

    def read(self, path: Path, name: str, named_at: int | None = None) -> None:
        """Read one file, after the files that it includes."""
        self._count += 1
        base = self._findings.places.add(Place(path, name))
        root = self._root(path, base, named_at)
        if root is None:
            self.complete = False
            return
        self._trail.append(path)
        for node in scalars_in(root.entries.get("include"), self._findings, "include"):
            self._include(node, path, name)
        self._trail.pop()
        self.roots.append(root)

    def _include(self, node: Scalar, path: Path, name: str) -> None:
        named = resolved_path(node, self._scope, self._findings, "include")
        if named is None:
            return
        target = path.parent / named
        if any(_same(target, other) for other in self._trail):
            self._findings.add(
                node.mark,
                f"{shown(named)} includes itself in a circle",
                "remove one include of the circle",
                "include",
            )
        elif self._count >= FILE_LIMIT:
            self._findings.add(
                node.mark,
                f"more than {FILE_LIMIT} files are included",
                "include each file once",
                "include",
            )
        else:
            self.read(target, beside(name, named), node.mark)

    def _root(self, path: Path, base: int, named_at: int | None) -> MapNode | None:
        text = text_of(path, base, self._findings, named_at, "include")
        if text is None:
            return None
        try:
            root = compose(text, base, self._findings)
        except Broken:
            return None
        if isinstance(root, MapNode):
            return root
        self._refuse_root(root, base)
        return None

    def _refuse_root(self, root: Node | None, base: int) -> None:
        if root is None or is_empty(root):
            self._findings.add_file(
                "the file is empty", "a manifest begins with 'version: 1' and has 'jobs:'", base
            )
        else:
            self._findings.add(
                root.mark,
                f"{described(root)} in place of a manifest",
                "expected 'key: value' lines such as 'version: 1' and 'jobs:'",
            )


def text_of(
    path: Path, base: int, findings: Findings, named_at: int | None, field: str
) -> str | None:
    """The text of a file that a field names, or None after recording why there is none."""
    try:
        return read(path)
    except Unreadable as error:
        if error.position is not None:
            findings.add(mark(base, *error.position), error.found, error.expected)
        elif named_at is None:
            findings.add_file(error.found, error.expected, base)
        else:
            name = shown(findings.places.place(base).shown)
            findings.add(named_at, f"{name}: {error.found}", error.expected, field)
    return None


def resolved_path(node: Scalar, scope: Scope, findings: Findings, field: str) -> str | None:
    """The path that a value names, expanded, or None after recording what is wrong."""
    try:
        text = scope.expand(node).text
        if not text or "\0" in text:
            raise Unfit(f"found {shown(text)}", "expected the path of a file")
    except Unfit as unfit:
        findings.add_unfit(node.mark, unfit, field)
        return None
    return os.path.expanduser(text)  # noqa: PTH111 - Path.expanduser raises for unknown users


def _same(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def beside(name: str, path: str) -> str:
    """How messages show a path that the file shown as `name` gives."""
    return str(Path(name).parent / path)
