"""Tables and lines for stdout: as wide as the terminal, or never wrapped where there is none."""

import io
import sys

from rich.console import Console, RenderableType

# A pipe has no width; programs that read it want a row to be a line.
_PIPE_WIDTH = 10_000


class Paper:
    """Collects what a command prints."""

    def __init__(self) -> None:
        terminal = sys.stdout.isatty()
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=None if terminal else _PIPE_WIDTH,
            force_terminal=terminal,
            highlight=False,
            markup=False,
        )

    def write(self, what: RenderableType) -> None:
        """Add a table or a line."""
        self._console.print(what, soft_wrap=isinstance(what, str))

    @property
    def text(self) -> str:
        """All of it; without the blanks that fill a table's rows."""
        return "".join(f"{line.rstrip()}\n" for line in self._out.getvalue().splitlines())
