"""Parser events become nodes; keys, tags, anchors and sizes are judged on the way."""

from dataclasses import dataclass, field
from typing import Any

import yaml

from batchsync.manifest.findings import Findings, shown
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar
from batchsync.manifest.places import mark

# The deepest useful manifest nests 7 levels; what lies far deeper was made to break something.
DEPTH_LIMIT = 64
# A batch of 200,000 jobs has about 3 million nodes; aliases that unfold to more are a bomb.
NODE_LIMIT = 10_000_000

_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", _CORE + "str"})
_TYPED_TAGS = frozenset(_CORE + name for name in ("int", "float", "bool", "null"))
_LIST_TAGS = frozenset({None, "!", _CORE + "seq"})
_MAP_TAGS = frozenset({None, "!", _CORE + "map"})


class Broken(Exception):
    """The document can't be read on from here; the findings say why."""


@dataclass(slots=True, eq=False)
class _Open:
    """A list or map that has not ended yet; the key is the one whose value comes next."""

    node: ListNode | MapNode
    anchor: str | None
    counted: int
    awaits_key: bool
    key: str | None = None
    key_mark: int = 0
    merges: bool = False
    merged: list[MapNode] = field(default_factory=list)


class Composer:
    """Takes events, holds the tree so far."""

    def __init__(self, base: int, findings: Findings) -> None:
        self.root: Node | None = None
        self._base = base
        self._findings = findings
        self._stack: list[_Open] = []
        self._anchors: dict[str, tuple[Node | None, int]] = {}
        self._count = 0
        self._documents = 0

    def feed(self, event: yaml.Event) -> None:
        """Take the parser's next event.

        Raises:
            Broken: nothing sensible can follow.
        """
        if isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            self._open(event, MapNode(self._mark(event)), _MAP_TAGS)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._open(event, ListNode(self._mark(event)), _LIST_TAGS)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self._close()
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _mark(self, event: yaml.Event) -> int:
        start: Any = event.start_mark  # the parsers always set it, the stubs do not know
        return mark(self._base, start.line, start.column)

    def _document(self, event: yaml.Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._break(
                event,
                "a second document begins here",
                "keep one batch in a file: remove "
                "the line '---' or move what follows it to a file of its own",
            )

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count += 1
        plain = event.implicit[0]
        node = Scalar(event.value, plain, self._mark(event))
        tag = event.tag
        if tag is not None and not plain:
            node.plain = tag in _TYPED_TAGS
            if tag not in _TEXT_TAGS and not node.plain:
                self._refuse_tag(tag, node.mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, 1)
        if self._stack:
            self._attach(node)
        else:
            self.root = node

    def _open(
        self,
        event: yaml.CollectionStartEvent,
        node: ListNode | MapNode,
        tags: frozenset[str | None],
    ) -> None:
        if len(self._stack) >= DEPTH_LIMIT:
            self._break(
                event,
                f"lists and maps are nested more than {DEPTH_LIMIT} deep",
                "a manifest needs no such depth; look for brackets that are never closed",
            )
        if event.tag not in tags:
            self._refuse_tag(event.tag, node.mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = (None, 0)
        self._stack.append(_Open(node, event.anchor, self._count, isinstance(node, MapNode)))
        self._count += 1

    def _close(self) -> None:
        ended = self._stack.pop()
        node = ended.node
        if ended.merged and isinstance(node, MapNode):
            for base in ended.merged:
                node.put_below(base)
        if ended.anchor is not None:
            self._anchors[ended.anchor] = (node, self._count - ended.counted)
        if self._stack:
            self._attach(node)
        else:
            self.root = node

    def _alias(self, event: yaml.AliasEvent) -> None:
        node, size = self._anchors.get(event.anchor or "", (None, -1))
        if size == -1:
            self._break(
                event,
                f"*{event.anchor} refers to an anchor that was not set before",
                f"set it with &{event.anchor} further up; a text that begins with * needs quotes",
            )
        if node is None:
            self._break(
                event,
                f"*{event.anchor} stands inside what it refers to",
                "an anchor can't contain itself",
            )
            return
        self._count += size
        if self._count > NODE_LIMIT:
            self._break(
                event,
                f"the aliases unfold to more than {NODE_LIMIT:,} values",
                "write fewer aliases of aliases",
            )
        self._attach(node)

    def _attach(self, node: Node) -> None:
        parent = self._stack[-1]
        if isinstance(parent.node, ListNode):
            parent.node.items.append(node)
        elif parent.awaits_key:
            self._take_key(parent, node)
        else:
            self._take_value(parent, parent.node, node)

    def _take_key(self, parent: _Open, node: Node) -> None:
        parent.awaits_key = False
        parent.key_mark = node.mark
        if isinstance(node, Scalar):
            parent.key = node.text
            parent.merges = node.plain and node.text == "<<"
            return
        parent.key, parent.merges = None, False
        self._findings.add(
            node.mark,
            "a list or map stands where a key should be",
            "begin with a plain name; a value that begins with { or [ needs quotes around it",
        )

    def _take_value(self, parent: _Open, target: MapNode, node: Node) -> None:
        parent.awaits_key = True
        key = parent.key
        if key is None:
            return
        if parent.merges:
            self._merge(parent, node)
        elif key in target.entries:
            first = self._findings.places.where(target.key_marks[key])
            self._findings.add(
                parent.key_mark,
                f"the key {shown(key)} is given twice",
                f"keep one of the two; the first is at {first}",
            )
        else:
            target.put(key, parent.key_mark, node)

    def _merge(self, parent: _Open, node: Node) -> None:
        bases = node.items if isinstance(node, ListNode) else [node]
        maps = [base for base in bases if isinstance(base, MapNode)]
        if len(maps) < len(bases) or parent.merged:
            self._findings.add(
                parent.key_mark,
                "'<<' can't be used like this",
                "give it once, with an alias of a map or a list of such aliases: <<: *name",
            )
        parent.merged.extend(maps)

    def _refuse_tag(self, tag: str | None, at: int) -> None:
        name = (tag or "").replace(_CORE, "!!")
        self._findings.add(
            at,
            f"the tag {shown(name)} is not allowed",
            "remove it; a text that begins with ! needs quotes",
        )

    def _break(self, event: yaml.Event, found: str, expected: str) -> None:
        self._findings.add(self._mark(event), found, expected)
        raise Broken
