"""The live view of a run, drawn by a thread: a slow terminal slows nothing else."""

import contextlib
import textwrap
import threading
from collections import deque
from collections.abc import Callable

from rich.console import Console

from batchsync.report.drawing import draw
from batchsync.report.glyphs import glyphs_for, harmless
from batchsync.report.scene import Scene
from batchsync.report.screen import Screen

# Frames a second; more would only flicker.
_RATE = 5
# Seconds that the end of a run waits for a terminal that takes nothing (Ctrl-S).
_PATIENCE = 2.0
# Columns below which lines are broken by the terminal, as it pleases.
_NARROWEST = 20
# Lines kept for a terminal that takes none.
_MOST_LINES = 10_000


class LiveView:
    """Draws a scene a few times a second; lines that are printed meanwhile go above it.

    Use it as a context manager: however the block ends, the terminal is given back.
    """

    def __init__(self, scene: Callable[[], Scene], console: Console) -> None:
        self._scene = scene
        self._screen = Screen(console)
        self._glyphs = glyphs_for(console.encoding)
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._ended = threading.Event()
        # A daemon: a process that has to leave at once does not wait for a terminal.
        self._thread = threading.Thread(target=self._serve, name="view", daemon=True)

    def __enter__(self) -> "LiveView":
        """Start drawing."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the terminal as it was."""
        self._ended.set()
        self._thread.join(_PATIENCE)

    def print(self, line: str) -> None:
        """Show a line above the view; returns at once."""
        self._lines.append(harmless(line))

    def _serve(self) -> None:
        # A terminal that has gone away is nobody's concern: the run goes on without.
        with contextlib.suppress(OSError):
            try:
                while not self._ended.wait(1 / _RATE):
                    lines = draw(self._scene(), *self._screen.size, self._glyphs)
                    self._screen.paint(lines, self._taken())
            finally:
                self._screen.close(self._taken())

    def _taken(self) -> list[str]:
        width, _ = self._screen.size
        taken: list[str] = []
        while self._lines:
            line = self._lines.popleft()
            taken += textwrap.wrap(
                line,
                max(width, _NARROWEST),
                subsequent_indent="  ",
                break_long_words=False,
                break_on_hyphens=False,
            )
        return taken
