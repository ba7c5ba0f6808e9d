"""Lines for stdout: as wide as the terminal, or never cut or wrapped where there is none."""

import io
import os
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

# A pipe has no width; programs that read it want a row to be a line.
_PIPE_WIDTH = 10_000
# What follows the first line of a wrapped one, below its words.
_INDENT = " " * 12

_COMMAND = "  next "

# Only colors that a terminal's own palette makes readable, on light ground and on dark.
_RED, _GREEN, _YELLOW, _BOLD, _DIM = "31", "32", "33", "1", "2"
_STYLES = {
    "head": _BOLD,
    "done": _GREEN,
    "failed": _RED,
    "canceled": _YELLOW,
    "unconfirmed": f"{_BOLD};{_RED}",
    "pending": _DIM,
}


def columns() -> int | None:
    """Of the terminal that stdout is; None where it is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def wrapped(lines: Iterable[str]) -> Iterator[str]:
    """Lines broken between words, where there is a terminal that would break them within.

    A command to go on with stays whole, so that it can be copied.
    """
    width = columns()
    for line in lines:
        if width is None or len(line) <= width or line.startswith(_COMMAND):
            yield line
            continue
        indent = _INDENT if width > 3 * len(_INDENT) else "  "
        yield from textwrap.wrap(
            line,
            width,
            subsequent_indent=indent,
            drop_whitespace=True,
            break_long_words=False,
            break_on_hyphens=False,
        )


def colored(text: str, kind: str) -> str:
    """Text in the color of a job's state, where colors are wanted."""
    style = _STYLES.get(kind)
    return f"\x1b[{style}m{text}\x1b[0m" if style and _wants_colors() else text


def _wants_colors() -> bool:
    # https://no-color.org and https://force-color.org
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


class Paper:
    """Collects tables and lines that a command prints."""

    def __init__(self) -> None:
        from rich.console import Console

        terminal = sys.stdout.isatty()
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=None if terminal else _PIPE_WIDTH,
            force_terminal=terminal,
            highlight=False,
            markup=False,
        )

    def write(self, what: "RenderableType") -> None:
        """Add a table or a line."""
        self._console.print(what, soft_wrap=isinstance(what, str))

    @property
    def text(self) -> str:
        """All of it; without the blanks that fill a table's rows."""
        return "".join(f"{line.rstrip()}\n" for line in self._out.getvalue().splitlines())
