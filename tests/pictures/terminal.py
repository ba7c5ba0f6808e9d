"""The terminal: a real run against the sandbox, recorded as it goes on and when it has ended."""

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyte.graphics
from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.text import Text

from batchsync.sandbox.samples import write_demo
from tests.support.cli import SCRIPT, environment, sandbox_process
from tests.support.terminal import Terminal

_COLUMNS, _ROWS = 92, 30
_MANIFEST = """\
version: 1
name: spring-campaign
defaults: {end_seconds: auto, max_fps_limit: 25}
jobs:
  - id: welcome-${{ matrix.lang }}-${{ matrix.cut }}
    matrix: {lang: [en, es, fr, de], cut: [long, teaser, short]}
    video: media/welcome.mp4
    audio: media/welcome.${{ matrix.lang }}.mp3
  - id: intro-${{ matrix.lang }}-${{ matrix.cut }}
    matrix: {lang: [es, fr], cut: [long, teaser, short]}
    video: media/intro.mp4
    max_fps_limit: 24
    audio: media/intro.${{ matrix.lang }}.wav
  - id: outro-ja-${{ matrix.cut }}
    matrix: {cut: [long, teaser, short, square]}
    video: media/outro.mov
    audio: media/outro.ja.m4a
run: {max_in_flight: 6, max_credits: 5000, poll_min: 0.5, poll_max: 1}
"""
_FAULTS = ("--fault", "job-error-no_source_face=2x", "--fault", "status:error-503=2%")

# pyte knows no faint letters; it has no use for slanted ones here, so that these stand in.
_FAINT = 2
_COLORS = {"brown": "yellow"}
_FONT = re.compile(r"@font-face \{.*?\}", re.DOTALL)


def main(folder: Path) -> None:
    """Record a run, and the status after it."""
    pyte.graphics.TEXT[_FAINT] = "+italics"
    with tempfile.TemporaryDirectory(prefix="pictures-") as name:
        home = Path(name)
        write_demo(home / "media")
        (home / "spring.yaml").write_text(_MANIFEST, encoding="utf-8")
        flags = ("--render-seconds", "6-10", "--seed", "4", *_FAULTS)
        with sandbox_process(home, *flags) as served:
            env = environment(served.base_url, "sandbox")
            _record_run(folder, home, env)
            _record_status(folder, home, env)


def _record_run(folder: Path, home: Path, env: dict[str, str]) -> None:
    words = ("run", "spring.yaml")
    with Terminal([str(SCRIPT), *words], home, env, _COLUMNS, _ROWS) as terminal:
        # Half-way, and between two renders rather than just after one.
        halfway = re.compile(r"^render +\S+ +1[0-2]/22 .*\n(.*\n)+.* left$", re.MULTILINE)
        terminal.until(lambda: halfway.search(terminal.text), 120)
        _save(terminal, words, folder / "terminal-run.svg")
        terminal.end(120)
        _save(terminal, words, folder / "terminal-end.svg")


def _record_status(folder: Path, home: Path, env: dict[str, str]) -> None:
    words = ("status", "spring.yaml")
    with Terminal([str(SCRIPT), *words], home, env, _COLUMNS, _ROWS) as terminal:
        terminal.end()
        _save(terminal, words, folder / "terminal-status.svg")


def _save(terminal: Terminal, words: tuple[str, ...], path: Path) -> None:
    lines = [Text.assemble(("$ ", "green"), ("batchsync " + " ".join(words), "bold"))]
    lines += [_line(terminal, row) for row in range(terminal.screen.lines)]
    while not lines[-1].plain.strip():
        lines.pop()
    console = Console(record=True, width=_COLUMNS, file=io.StringIO())
    for line in lines:
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    # Its ids would otherwise change with every picture, and with them the file.
    svg = console.export_svg(title="batchsync", unique_id=path.stem)
    # Nor is a font fetched from the network.
    path.write_text(_FONT.sub("", svg), encoding="utf-8")


def _line(terminal: Terminal, row: int) -> Text:
    line = Text()
    for letter, style in _letters(terminal, row):
        line.append(letter, style)
    line.rstrip()
    return line


def _letters(terminal: Terminal, row: int) -> Iterator[tuple[str, Style]]:
    for column in range(terminal.screen.columns):
        char: Char = terminal.screen.buffer[row][column]
        color = None if char.fg == "default" else _COLORS.get(char.fg, char.fg)
        yield char.data, Style(color=color, bold=char.bold, dim=char.italics)
