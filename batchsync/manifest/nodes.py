"""What a YAML document is made of: scalars, lists and maps that know where they stand."""

from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class Scalar:
    """One value.

    Attributes:
        text: as written.
        plain: without quotes, so that it may be a number, true, false or null.
        mark: where it stands.
        literal: came from outside the manifest, so that `${…}` in it means nothing.
    """

    text: str
    plain: bool
    mark: int
    literal: bool = False


@dataclass(slots=True, eq=False)
class ListNode:
    """A list of nodes."""

    mark: int
    items: "list[Node]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class MapNode:
    """Keys with their nodes; `key_marks` says where each key stands."""

    mark: int
    entries: "dict[str, Node]" = field(default_factory=dict)
    key_marks: dict[str, int] = field(default_factory=dict)

    def put(self, key: str, key_mark: int, node: "Node") -> None:
        """Add a key that is not there yet."""
        self.entries[key] = node
        self.key_marks[key] = key_mark

    def put_below(self, base: "MapNode") -> None:
        """Add the entries of another map where this one has none."""
        for key, node in base.entries.items():
            if key not in self.entries:
                self.put(key, base.key_marks[key], node)


Node = Scalar | ListNode | MapNode


# Stands where a value can't be used and the findings say so already: no second complaint.
SPOILED = Scalar("", False, 0)


def is_empty(node: Node) -> bool:
    """Whether nothing stands after a key."""
    return isinstance(node, Scalar) and node.plain and not node.text


def described(node: Node) -> str:
    """What a node is, in the words of messages."""
    if isinstance(node, Scalar):
        return "it is empty" if is_empty(node) else "found a single value"
    return "found a list" if isinstance(node, ListNode) else "found a map of keys and values"
