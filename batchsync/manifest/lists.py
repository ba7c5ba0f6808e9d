"""Lists and maps in a manifest, and what may stand in them."""

from batchsync.manifest.findings import Findings
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar, described, is_empty


def maps_in(node: Node | None, findings: Findings, field: str) -> list[MapNode]:
    """The maps of a list; anything else in it is a problem."""
    if node is None:
        return []
    if not isinstance(node, ListNode):
        findings.add(
            node.mark,
            described(node),
            "expected a list: items that begin with '- '",
            field,
        )
        return []
    for item in node.items:
        if not isinstance(item, MapNode):
            findings.add(
                item.mark,
                described(item),
                "expected a map: lines such as 'id: welcome-es'",
                field,
            )
    return [item for item in node.items if isinstance(item, MapNode)]


def scalars_in(node: Node | None, findings: Findings, field: str) -> list[Scalar]:
    """The single values of a list, or the one value itself; anything else is a problem."""
    if node is None:
        return []
    items = node.items if isinstance(node, ListNode) else [node]
    for item in items:
        if not isinstance(item, Scalar):
            findings.add(item.mark, described(item), "expected a single value", field)
    return [item for item in items if isinstance(item, Scalar)]


def block_in(parent: MapNode, key: str, findings: Findings) -> MapNode | None:
    """The map under a key, None where it is left out or empty; anything else is a problem."""
    node = parent.entries.get(key)
    if node is None or isinstance(node, MapNode):
        return node
    if not is_empty(node):
        findings.add(node.mark, described(node), "expected a map: indented 'key: value' lines", key)
    return None
