"""The `vars:` block: names that `${{ vars.… }}` may use."""

import re

from batchsync.manifest.expressions import Misspelt, parts
from batchsync.manifest.findings import Findings, shown
from batchsync.manifest.lists import block_in
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar, described

_NAME = re.compile(r"[\w-]+")


def variables_of(roots: list[MapNode], findings: Findings) -> dict[str, Node]:
    """The variables of all files; later files win."""
    found: dict[str, Node] = {}
    for root in roots:
        if block := block_in(root, "vars", findings):
            _check(block, findings, "vars")
            found |= block.entries
    return found


def _check(block: MapNode, findings: Findings, field: str) -> None:
    # Values are expanded where they are used; what can be seen before is said here, once.
    for key, node in block.entries.items():
        name = f"{field}.{key}"
        if not _NAME.fullmatch(key):
            findings.add(
                block.key_marks[key],
                f"found the name {shown(key)}",
                "expected letters, digits, _ and -",
                field,
            )
        if isinstance(node, MapNode):
            _check(node, findings, name)
        elif isinstance(node, ListNode):
            findings.add(node.mark, described(node), "expected a single value", name)
        else:
            _check_spelling(node, findings, name)


def _check_spelling(node: Scalar, findings: Findings, field: str) -> None:
    if "$" in node.text:
        try:
            parts(node.text)
        except Misspelt as error:
            findings.add(node.mark, error.found, error.expected, field)
