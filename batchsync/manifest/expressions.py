"""The small language in values: `${NAME}` for the environment, `${{ … }}` for the batch's own.

It is read after YAML, in single values only, once: what comes out is never read again.
`$$` is a dollar; a dollar before anything but `{` or `$` is itself.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from batchsync.manifest.findings import shown

_OPENING = re.compile(r"\$(?:\$|\{\{|\{)")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[A-Za-z_][\w-]*(?:\.[\w-]+)+")
_EXAMPLE = "expected a name such as ${{ job.id }}, ${{ matrix.lang }} or ${{ vars.media }}"


class Misspelt(Exception):
    """An expression can't be read; `offset` is where in the value."""

    def __init__(self, offset: int, found: str, expected: str) -> None:
        super().__init__(found)
        self.offset = offset
        self.found = found
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Variable:
    """`${NAME}`, `${NAME:-default}` or `${NAME:?message}`."""

    name: str
    default: str | None
    message: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class Reference:
    """`${{ first.second }}`; `axis` is the second of a plain `${{ matrix.axis }}`."""

    path: tuple[str, ...]
    offset: int
    axis: str | None = None

    def __str__(self) -> str:
        return ".".join(self.path)


Part = str | Variable | Reference


@lru_cache(maxsize=4096)
def parts(text: str) -> tuple[Part, ...]:
    """Literal texts, variables and references, in order.

    Raises:
        Misspelt: an expression is not closed or not understood.
    """
    found: list[Part] = []
    at = 0
    while match := _OPENING.search(text, at):
        if match.start() > at:
            found.append(text[at : match.start()])
        if match[0] == "$$":
            found.append("$")
            at = match.end()
            continue
        closing = "}}" if match[0] == "${{" else "}"
        end = text.find(closing, match.end())
        if end < 0:
            raise Misspelt(
                match.start(),
                f"{shown(text[match.start() :])} is never closed",
                f"expected {closing}; to write a dollar before {{, write $$",
            )
        inside = text[match.end() : end]
        read = _reference if closing == "}}" else _variable
        found.append(read(inside, match.start()))
        at = end + len(closing)
    if at < len(text):
        found.append(text[at:])
    return tuple(found)


def _reference(inside: str, offset: int) -> Reference:
    path = inside.strip()
    if not _PATH.fullmatch(path):
        raise Misspelt(offset, f"found {shown('${{' + inside + '}}')}", _EXAMPLE)
    names = tuple(path.split("."))
    return Reference(names, offset, names[1] if names[0] == "matrix" and len(names) == 2 else None)


def _variable(inside: str, offset: int) -> Variable:
    name, rest = inside, ""
    if match := _NAME.match(inside):
        name, rest = match[0], inside[match.end() :]
    if match and not rest:
        return Variable(name, None, None, offset)
    if match and rest.startswith(":-"):
        return Variable(name, rest[2:], None, offset)
    if match and rest.startswith(":?"):
        return Variable(name, None, rest[2:], offset)
    raise Misspelt(
        offset,
        f"found {shown('${' + inside + '}')}",
        "expected ${NAME}, ${NAME:-default} or ${NAME:?message}",
    )
