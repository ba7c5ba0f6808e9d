"""The rows at the bottom of a terminal that a view keeps for itself.

Only rows that have changed are written, all in one write, so that nothing flickers; what is
printed meanwhile goes above them.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[K", "\x1b[J"

# Leaves the cursor as it should be, on a row of its own, wherever a view was cut off.
RESTORE = f"\r{_CLEAR_BELOW}{_SHOW}"


def can_draw(console: Console) -> bool:
    """Whether there is a terminal that knows how to move its cursor.

    `FORCE_COLOR` makes Rich take a pipe for a terminal; for a log's sake, it is not one.
    """
    is_terminal = getattr(console.file, "isatty", lambda: False)()
    return is_terminal and not console.is_dumb_terminal and not console.legacy_windows


class Screen:
    """Paints lines over the ones it has painted before."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: list[tuple[str, int]] = []
        self._width = 0
        self._hidden = False

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows that may be painted on."""
        width, height = self._console.size
        # The last column stays free: a letter there makes some terminals wrap the line.
        return max(width - 1, 1), max(height - 1, 1)

    def paint(self, lines: Sequence[Text], above: Sequence[str] = ()) -> None:
        """Show these lines, and print others above them for good."""
        rows = [(self._ansi(line), line.cell_len) for line in lines]
        width = self._console.size.width
        afresh = bool(above) or width != self._width or not self._rows
        out = ["" if self._hidden else _HIDE, self._to_top(width)]
        if afresh:
            out += [_CLEAR_BELOW, *(f"{text}\r\n" for text in above)]
        old = [] if afresh else self._rows
        for number, row in enumerate(rows):
            out.append("\r\n" if number else "")
            if number >= len(old) or old[number] != row:
                out.append(row[0] + _CLEAR_LINE)
        if len(old) > len(rows):
            out.append(f"\r\n{_CLEAR_BELOW}\x1b[A")
        self._rows, self._width, self._hidden = rows, width, True
        self._write("".join(out))

    def close(self, above: Sequence[str] = (), keep: bool = False) -> None:
        """Give the rows back, cleared unless they are to be kept, and the cursor with them."""
        if not self._hidden and not above:
            return
        out = self._to_top(self._console.size.width) + _CLEAR_BELOW
        out += "".join(f"{text}\r\n" for text in above)
        if keep:
            # Written anew, as a ^C may stand in it.
            out += "".join(f"{text}\r\n" for text, _ in self._rows)
        self._rows, self._hidden = [], False
        self._write(out + _SHOW)

    def _to_top(self, width: int) -> str:
        if not self._rows:
            return "\r"
        # A terminal that became narrower has wrapped what was longer.
        used = sum(max(-(-cells // max(width, 1)), 1) for _, cells in self._rows)
        return "\r" + (f"\x1b[{used - 1}A" if used > 1 else "")

    def _ansi(self, line: Text) -> str:
        with self._console.capture() as captured:
            self._console.print(line, end="", no_wrap=True, overflow="ignore", crop=False)
        return captured.get()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()
