"""Painting over what was painted before, seen through a terminal that really does it."""

import io

import pyte
import pytest
from rich.console import Console
from rich.text import Text

from batchsync.report.screen import RESTORE, Screen, can_draw


class Glass:
    """A terminal, and a screen on it."""

    def __init__(self, columns: int = 20, rows: int = 8) -> None:
        self.terminal = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.terminal)
        self.file = io.StringIO()
        self._console = Console(
            file=self.file, force_terminal=True, width=columns, height=rows, legacy_windows=False
        )
        self.screen = Screen(self._console)

    def show(self, *lines: str, above: tuple[str, ...] = ()) -> str:
        """Paint; what had to be written for it."""
        self.screen.paint([Text(line, "green") for line in lines], above)
        return self.take()

    def take(self) -> str:
        written = self.file.getvalue()
        self._stream.feed(written)
        self.file.seek(0)
        self.file.truncate()
        return written

    def narrow(self, columns: int) -> None:
        self.terminal.resize(columns=columns)
        self._console.width = columns

    @property
    def seen(self) -> list[str]:
        lines = [line.rstrip() for line in self.terminal.display]
        while lines and not lines[-1]:
            lines.pop()
        return lines


def test_a_frame_takes_the_place_of_the_one_before() -> None:
    glass = Glass()
    glass.show("one", "two longer", "three")
    glass.show("one", "2", "three")
    assert glass.seen == ["one", "2", "three"]
    glass.show("1", "2", "3", "4")
    assert glass.seen == ["1", "2", "3", "4"]
    glass.show("1", "2")
    assert glass.seen == ["1", "2"]
    glass.show("1", "two", "3")
    assert glass.seen == ["1", "two", "3"]


def test_only_rows_that_have_changed_are_written() -> None:
    glass = Glass()
    glass.show("one", "two", "three")
    written = glass.show("one", "TWO", "three")

    assert "TWO" in written
    assert "one" not in written
    assert "three" not in written


def test_each_frame_is_one_write() -> None:
    class Counting(io.StringIO):
        writes = 0

        def write(self, text: str) -> int:
            self.writes += bool(text)
            return super().write(text)

    file = Counting()
    screen = Screen(Console(file=file, force_terminal=True, width=20, height=8))
    screen.paint([Text("a"), Text("b")])

    assert file.writes == 1


def test_what_is_printed_goes_above_and_stays() -> None:
    glass = Glass()
    glass.show("bar", "jobs")
    glass.show("bar", "jobs", above=("a warning", "another"))
    glass.show("bar", "fewer")

    assert glass.seen == ["a warning", "another", "bar", "fewer"]


def test_a_view_at_the_bottom_scrolls_what_is_above() -> None:
    glass = Glass(rows=4)
    for number in range(6):
        glass.show("bar", "jobs", above=(f"line {number}",))

    assert glass.seen == ["line 4", "line 5", "bar", "jobs"]


@pytest.mark.parametrize("keep", [True, False])
def test_the_cursor_is_hidden_meanwhile_and_given_back_on_a_fresh_row(keep: bool) -> None:
    glass = Glass()
    glass.show("bar", "jobs")
    assert glass.terminal.cursor.hidden
    glass.screen.close(above=("last words",), keep=keep)
    glass.take()

    assert not glass.terminal.cursor.hidden
    assert glass.seen == (["last words", "bar", "jobs"] if keep else ["last words"])
    assert (glass.terminal.cursor.x, glass.terminal.cursor.y) == (0, len(glass.seen))


def test_a_screen_that_was_never_painted_closes_without_a_trace() -> None:
    glass = Glass()
    glass.screen.close()

    assert glass.take() == ""


def test_rows_that_a_narrower_window_has_wrapped_are_taken_back() -> None:
    glass = Glass(columns=20)
    glass.show("x" * 18, "y" * 18)
    # pyte cuts where most terminals wrap: the frame's 18 columns would take two rows each.
    glass.narrow(10)
    written = glass.show("short", "lines")

    assert "\x1b[3A" in written


def test_restoring_clears_what_was_cut_off_and_shows_the_cursor() -> None:
    glass = Glass()
    glass.show("bar", "jobs")
    glass.file.write(RESTORE)
    glass.take()

    assert not glass.terminal.cursor.hidden


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_is_no_terminal_even_if_colors_are_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert not can_draw(Console(file=io.StringIO()))
    assert can_draw(Console(file=_Terminal(), legacy_windows=False, _environ={"TERM": "xterm"}))


def test_terminals_without_a_cursor_are_not_drawn_on() -> None:
    dumb = Console(file=_Terminal(), legacy_windows=False, _environ={"TERM": "dumb"})
    old = Console(file=_Terminal(), legacy_windows=True, _environ={"TERM": "xterm"})

    assert not can_draw(dumb)
    assert not can_draw(old)
