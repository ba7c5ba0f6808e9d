"""What expressions in a value may refer to, and what they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from batchsync.manifest.drafts import Draft
from batchsync.manifest.expressions import Misspelt, Reference, Variable, parts
from batchsync.manifest.findings import Known, Unfit, listed
from batchsync.manifest.nodes import SPOILED, MapNode, Node, Scalar
from batchsync.manifest.places import shift
from batchsync.manifest.sources import stem

_JOB_ID = ("job", "id")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every job: the environment, and `vars`."""

    environ: Mapping[str, str]
    variables: Mapping[str, Node] = field(default_factory=dict)


class Scope:
    """Expands the values of one job, each once; a value may refer to others of the same job."""

    __slots__ = ("_around", "_draft", "_known", "_matrix", "_open")

    def __init__(
        self,
        around: Surroundings,
        draft: Draft | None = None,
        matrix: Mapping[str, Node] | None = None,
    ) -> None:
        self._around = around
        self._draft: Draft = draft or {}
        self._matrix: Mapping[str, Node] = matrix or {}
        self._known: Draft = {}
        self._open: list[str] = []

    def field(self, name: str) -> Scalar | None:
        """The expanded value of a field, or None where the job has none.

        Raises:
            Unfit: an expression in it has no value.
            Known: it can't be used, as the findings say.
        """
        node = self._draft.get(name)
        if node is None or "$" not in node.text or node.literal:
            if node is SPOILED:
                raise Known
            return node
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._guarded(name, node)
        return known

    def settle(self, name: str, text: str) -> None:
        """Fix what a field's value has been found to be."""
        self._draft[name] = Scalar(text, False, self._draft[name].mark, True)

    def expand(self, node: Scalar) -> Scalar:
        """A value with its expressions replaced.

        Raises:
            Unfit: an expression has no value or can't be read.
        """
        if "$" not in node.text or node.literal:
            return node
        try:
            found = parts(node.text)
        except Misspelt as error:
            raise Unfit(error.found, error.expected, _inside(node, error.offset)) from None
        if len(found) == 1 and isinstance(found[0], Reference):
            # A reference alone keeps its type: a number stays a number, null stays null.
            whole = self._reference(node, found[0])
            return Scalar(whole.text, whole.plain, node.mark, True)
        text = ""
        for part in found:
            if isinstance(part, str):
                text += part
            elif isinstance(part, Reference):
                text += self._reference(node, part).text
            else:
                text += self._variable(node, part)
        return Scalar(text, False, node.mark, True)

    def _guarded(self, name: str, node: Scalar) -> Scalar:
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            raise Unfit(f"the value refers to itself ({circle})", "break the circle", node.mark)
        self._open.append(name)
        try:
            return self.expand(node)
        finally:
            self._open.pop()

    def _variable(self, node: Scalar, part: Variable) -> str:
        value = self._around.environ.get(part.name)
        if part.default is not None:
            value = value or part.default
        elif part.message is not None and not value:
            raise Unfit(
                part.message or f"the environment variable {part.name} is not set",
                f"set the environment variable {part.name}",
                _inside(node, part.offset),
            )
        if value is None:
            raise Unfit(
                f"the environment variable {part.name} is not set",
                f"set it, or give a default: ${{{part.name}:-default}}",
                _inside(node, part.offset),
            )
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise Unfit(
                f"the environment variable {part.name} is not valid UTF-8",
                "set it again",
                _inside(node, part.offset),
            )
        return value

    def _reference(self, node: Scalar, part: Reference) -> Scalar:
        if part.axis is not None:
            # The common case by far in batches of many thousand jobs.
            value = self._matrix.get(part.axis)
            if isinstance(value, Scalar) and (value.literal or "$" not in value.text):
                return value
        elif part.path == _JOB_ID and (settled := self._draft.get("id")) and settled.literal:
            return settled
        return self._resolved(node, part)

    def _resolved(self, node: Scalar, part: Reference) -> Scalar:
        at = _inside(node, part.offset)
        first, *rest = part.path
        if first == "matrix":
            return self._named(self._matrix, part, at, rest)
        if first == "vars":
            return self._named(self._around.variables, part, at, rest)
        if part.path == _JOB_ID:
            return self._needed("id", part, at)
        if part.path in (("video", "stem"), ("audio", "stem")):
            return self._stem(part, at)
        if first == "tags":
            return self._needed(str(part), part, at)
        known = [f"{root}.…" for root in ("matrix", "vars", "tags")]
        raise Unfit(
            f"{part} is not known here",
            f"expected {listed([*known, 'job.id', 'video.stem', 'audio.stem'])}",
            at,
        )

    def _named(
        self, names: Mapping[str, Node], part: Reference, at: int, rest: list[str]
    ) -> Scalar:
        node = self._walk(names, part, at, rest)
        if "$" not in node.text or node.literal:
            return node
        # Expanded where it is used, so that it may refer to what the job has.
        name = str(part)
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._guarded(name, node)
        return known

    def _needed(self, name: str, part: Reference, at: int) -> Scalar:
        value = self.field(name)
        if value is None:
            raise Unfit(
                f"{part} has no value, as the job has no {name}", f"give the job {name}", at
            )
        return value

    def _stem(self, part: Reference, at: int) -> Scalar:
        name = part.path[0]
        if name == "video" and "video" not in self._draft:
            name = "youtube_url"
        source = self._needed(name, part, at)
        return Scalar(stem(source.text), False, source.mark, True)

    def _walk(self, names: Mapping[str, Node], part: Reference, at: int, rest: list[str]) -> Scalar:
        node: Node | None = None
        for key in rest:
            node = names.get(key)
            if node is None:
                close = get_close_matches(key, list(names), n=1)
                known = listed([*names]) or "nothing, as none is defined"
                raise Unfit(
                    f"{part} is not defined",
                    f"did you mean {close[0]}?" if close else f"there is {known}",
                    at,
                )
            names = node.entries if isinstance(node, MapNode) else {}
        if not isinstance(node, Scalar):
            raise Unfit(f"{part} is no single value", "name one of its keys", at)
        return node


def _inside(node: Scalar, offset: int) -> int:
    # Values over several lines, or with escapes, are located by their beginning.
    if "\n" in node.text:
        return node.mark
    return shift(node.mark, offset if node.plain else offset + 1)
