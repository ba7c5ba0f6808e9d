"""The live view: it never holds a run up, and gives the terminal back."""

import io
import threading
import time

import pytest
from rich.console import Console

from batchsync.model import JobState
from batchsync.report.progress import LiveView
from batchsync.report.scene import Credits, Scene, lanes
from tests.support.cli import until

S = JobState
STATES = {S.PENDING: 3}


def a_scene() -> Scene:
    return Scene("spring", STATES, lanes(STATES, {}), Credits())


def a_console(file: io.StringIO) -> Console:
    return Console(file=file, force_terminal=True, width=60, height=20, legacy_windows=False)


def test_a_view_draws_and_prints_what_is_said_above() -> None:
    file = io.StringIO()
    with LiveView(a_scene, a_console(file)) as view:
        until(lambda: "spring" in file.getvalue())
        view.print("a warning")
        until(lambda: "a warning" in file.getvalue())

    assert file.getvalue().endswith("\x1b[?25h")


def test_what_was_printed_last_is_not_lost() -> None:
    file = io.StringIO()
    with LiveView(a_scene, a_console(file)) as view:
        view.print("last\x1b[2J words")

    assert "last [2J words" in file.getvalue()


def test_an_error_gives_the_cursor_back() -> None:
    file = io.StringIO()
    with pytest.raises(KeyError), LiveView(a_scene, a_console(file)):
        until(lambda: "\x1b[?25l" in file.getvalue())
        raise KeyError

    assert file.getvalue().endswith("\x1b[?25h")


class Stuck(io.StringIO):
    """A terminal that takes nothing: somebody has pressed Ctrl-S."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = threading.Event()
        self.freed = threading.Event()

    def write(self, text: str) -> int:
        self.asked.set()
        self.freed.wait()
        return super().write(text)


def test_a_terminal_that_takes_nothing_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchsync.report.progress._PATIENCE", 0.05)
    file = Stuck()
    begin = time.monotonic()
    try:
        with LiveView(a_scene, a_console(file)) as view:
            assert file.asked.wait(10)
            for number in range(20_000):
                view.print(f"line {number}")
    finally:
        file.freed.set()

    assert time.monotonic() - begin < 8
    until(lambda: file.getvalue().endswith("\x1b[?25h"))


class Gone(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_has_gone_is_nobodys_concern() -> None:
    with LiveView(a_scene, a_console(Gone())) as view:
        until(lambda: not view._thread.is_alive())
        view.print("unheard")
