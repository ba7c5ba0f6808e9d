"""`batchsync status --watch`: a run seen from another terminal, by reading its ledger."""

import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from batchsync.cli.status import Subject, ending, is_running
from batchsync.errors import ExitCode
from batchsync.report.drawing import draw, one_line
from batchsync.report.glyphs import glyphs_for
from batchsync.report.screen import Screen, can_draw
from batchsync.report.watching import Watcher
from batchsync.standing import Standing

# Seconds between two frames: times go on between two looks at the ledger.
_FRAME = 1.0
# A look takes no more than this share of the time, however large the ledger is.
_SHARE = 0.2


def follow(subject: Subject, as_json: bool, interval: float) -> None:
    """Show a batch until no run is at work on it and nothing is left to be done."""
    console = Console(highlight=False)
    watcher = Watcher(subject.loaded.name, subject.jobs, subject.cap)
    with _terminating():
        if as_json:
            _each_change(subject, watcher, interval, lambda: subject.as_json(watcher.standing))
        elif can_draw(console):
            _draw(subject, watcher, interval, console)
        else:
            glyphs = glyphs_for(console.encoding)

            def line() -> str:
                return one_line(watcher.scene(time.time(), _notes(subject, watcher)), glyphs)

            _each_change(subject, watcher, interval, line)
    if not as_json:
        sys.stdout.writelines(f"{line}\n" for line in ending(subject, watcher.standing))


def _each_change(
    subject: Subject, watcher: Watcher, interval: float, tell: Callable[[], Any]
) -> None:
    said = None
    for _ in _looks(subject, watcher, interval, interval):
        said_now = tell()
        if said_now != said:
            said = said_now
            text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


def _draw(subject: Subject, watcher: Watcher, interval: float, console: Console) -> None:
    screen, glyphs = Screen(console), glyphs_for(console.encoding)
    try:
        for _ in _looks(subject, watcher, interval, min(interval, _FRAME)):
            scene = watcher.scene(time.time(), _notes(subject, watcher))
            screen.paint(draw(scene, *screen.size, glyphs))
    except BaseException:
        screen.close(keep=True)
        raise
    screen.close()


def _looks(subject: Subject, watcher: Watcher, interval: float, frame: float) -> Iterator[None]:
    """Yield for every frame; in between, look whether the ledger has changed."""
    seen: object = None
    due = 0.0
    while True:
        begin = time.monotonic()
        if begin >= due:
            stamp = (_stamp(subject.where.state), is_running(watcher.standing))
            if seen is None or stamp != seen:
                standing = subject.read()
                watcher.read(standing, is_running(standing), time.time())
                seen = (stamp[0], is_running(standing))
            due = begin + max(interval, (time.monotonic() - begin) / _SHARE)
        yield
        if watcher.over:
            return
        time.sleep(frame)


def _stamp(state: Path) -> tuple[tuple[int, int] | None, ...]:
    """Changes whenever something has been recorded."""
    return tuple(_mark(path) for path in (state, state.with_name(f"{state.name}-wal")))


def _mark(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_mtime_ns, found.st_size
    return None


def _notes(subject: Subject, watcher: Watcher) -> Iterator[str]:
    standing: Standing = watcher.standing
    if is_running(standing) or watcher.over:
        return
    what = "no run is at work" if standing.latest_run else "no run has begun yet"
    next_ = subject.next(standing)
    yield f"{what}; to go on: {next_}" if next_ else what


@contextmanager
def _terminating() -> Iterator[None]:
    """Let SIGTERM pass through the code that gives the terminal back."""

    def leave(*_: object) -> None:
        sys.exit(ExitCode.TERMINATED)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
