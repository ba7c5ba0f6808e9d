"""A real terminal for a real command: a pseudo-terminal, and pyte, which knows what it shows."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyte


class Terminal:
    """Runs a command and keeps what its terminal shows; use it as a context manager."""

    def __init__(
        self,
        words: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        columns: int = 80,
        rows: int = 24,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = b""
        self._ours, theirs = pty.openpty()
        self._resize(theirs, columns, rows)
        self.process = subprocess.Popen(
            list(words),
            cwd=cwd,
            env={"TERM": "xterm-256color", **env},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            # One call, no lock: safe even where the parent has threads.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
        )
        os.close(theirs)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    @property
    def lines(self) -> list[str]:
        """What is to be seen, without blank rows and blanks at the end."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    @property
    def text(self) -> str:
        """The same in one piece."""
        return "\n".join(self.lines)

    @property
    def cursor_is_hidden(self) -> bool:
        return bool(self.screen.cursor.hidden)

    def until(self, condition: Callable[[], Any], seconds: float = 30.0) -> Any:
        """Take in what the command writes, until something has become true.

        Raises:
            AssertionError: it did not; says what was to be seen.
        """
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited in vain; the terminal shows:\n{self.text}"
            if not self._take(0.05) and self.process.poll() is not None:
                assert condition(), f"the command has ended; the terminal shows:\n{self.text}"
                return condition()
        return found

    def resize(self, columns: int, rows: int) -> None:
        """As a window that is dragged."""
        self.screen.resize(rows, columns)
        self._resize(self._ours, columns, rows)
        os.killpg(self.process.pid, signal.SIGWINCH)

    def press_ctrl_c(self) -> None:
        """By the keyboard: the terminal makes the signal of it."""
        os.write(self._ours, b"\x03")

    def end(self, seconds: float = 30.0) -> int:
        """Wait for the command's end; its exit code."""
        self.until(lambda: self.process.poll() is not None, seconds)
        while self._take(0):
            pass
        return self.process.wait()

    def _take(self, seconds: float) -> bool:
        if not select.select([self._ours], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._ours, 65_536)
        except OSError:  # the other end has been closed
            return False
        self.written += data
        self._stream.feed(data)
        return bool(data)

    @staticmethod
    def _resize(descriptor: int, columns: int, rows: int) -> None:
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
