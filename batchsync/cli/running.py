"""What stands between the command line and a run: log, live view, signals, the last words."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
from rich.console import Console

from batchsync import __version__
from batchsync.api.protocol import Api, Traffic
from batchsync.engine.stop import Stop
from batchsync.errors import ExitCode
from batchsync.events import Announcer
from batchsync.logs import LogFormat, LogObserver, configure
from batchsync.manifest import Manifest
from batchsync.model import JobState
from batchsync.places import places
from batchsync.report import notice
from batchsync.report.progress import LiveView, Tally
from batchsync.report.summary import Summary
from batchsync.report.text import summary_text
from batchsync.run import BatchRun, Options
from batchsync.settings import RunSettings
from batchsync.standing import Standing, read_standing, selector

# Levels of the standard library's log.
_INFO, _WARNING, _ERROR = 20, 30, 40


@dataclass(frozen=True, slots=True)
class Look:
    """How a run shows itself."""

    as_json: bool
    quiet: bool
    log_format: LogFormat
    log_file: Path | None


def go(
    manifest: Manifest,
    settings: RunSettings,
    options: Options,
    key: Callable[[], str],
    look: Look,
) -> None:
    """Run, show, and end the process with the run's exit code."""
    sys.exit(asyncio.run(_run(manifest, settings, options, key, look)))


async def _run(
    manifest: Manifest,
    settings: RunSettings,
    options: Options,
    key: Callable[[], str],
    look: Look,
) -> int:
    notice.check(settings)
    announce = Announcer()
    stop = Stop(announce)
    secret = [""]

    def connect(traffic: Traffic) -> AbstractAsyncContextManager[Api]:
        secret[0] = key()
        _configure_log(look, secret[0], console if live else None)
        # aiohttp is loaded only where there is something to ask: a rerun of a done batch is quick.
        from batchsync.api.client import HttpApi

        return HttpApi(
            settings.base_url,
            secret[0],
            traffic=traffic,
            transfers=settings.uploads * 2 + settings.downloads + 2,
            user_agent=f"batchsync/{__version__}",
        )

    console = Console(stderr=True, highlight=False)
    live = console.is_terminal and not look.quiet and look.log_format == "console"
    _configure_log(look, None, None)
    batch = BatchRun(manifest, settings, options, connect, announce, stop)
    structlog.contextvars.bind_contextvars(batch=manifest.name, run=batch.run_id)
    announce.subscribe(LogObserver())
    state = places(manifest.path, manifest.name, settings).state
    standing = await asyncio.to_thread(read_standing, state)
    tally = Tally(_states(manifest, standing, options))
    announce.subscribe(tally)
    with ExitStack() as stack:
        _heed_signals(stop, tally)
        if live:
            stack.enter_context(LiveView(tally, console))
        summary = await batch.run(standing)
    _last_words(summary, look)
    if stop.left.is_set():
        # Threads may still be reading a large file, and asyncio would wait for them; whoever
        # pressed Ctrl-C has waited enough. The ledger is closed, the results are written.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(summary.exit)
    if not summary.nothing_to_do:
        await notice.send(summary, settings, announce)
    return int(summary.exit)


def _configure_log(look: Look, secret: str | None, console: Console | None) -> None:
    level = _ERROR if look.quiet else _WARNING if console else _INFO
    write = None
    if console is not None:

        def write(line: str) -> None:
            console.print(line, markup=False, soft_wrap=True)

    configure(
        log_format=look.log_format,
        level=level,
        log_file=look.log_file,
        secret=secret,
        write=write,
    )


def _states(manifest: Manifest, standing: Standing, options: Options) -> list[JobState]:
    """Where the jobs stand at the start, for the live view."""
    records = standing.records
    wanted = selector(options.only)
    return [
        record.state if (record := records.get(job.id)) else JobState.PENDING
        for job in manifest.jobs
        if wanted(job.id)
    ]


def _heed_signals(stop: Stop, tally: Tally) -> None:
    loop = asyncio.get_running_loop()

    def leave(number: signal.Signals, code: ExitCode) -> None:
        if stop.left.is_set():
            # The second one: at once. Every record up to here is on disk, so this is safe.
            sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
            sys.stderr.flush()
            os._exit(code)
        stop.leave(code, f"{number.name}; what renders goes on remotely")

    _on_signal(loop, signal.SIGINT, lambda: leave(signal.SIGINT, ExitCode.INTERRUPTED))
    _on_signal(loop, signal.SIGTERM, lambda: leave(signal.SIGTERM, ExitCode.TERMINATED))
    if hasattr(signal, "SIGHUP"):
        drain = "SIGHUP; what renders is still collected"
        _on_signal(loop, signal.SIGHUP, lambda: stop.close(ExitCode.INCOMPLETE, drain))
    if hasattr(signal, "SIGUSR1"):
        _on_signal(loop, signal.SIGUSR1, lambda: _show_status(tally))


def _on_signal(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, act: Callable[[], None]
) -> None:
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:
        # Windows' loops have none; there, a plain handler hops onto the loop.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))


def _show_status(tally: Tally) -> None:
    words = [f"{count} {state}" for state, count in tally.states.items() if count]
    sys.stderr.write(f"{' · '.join(words)} · {tally.credits} credits in this run\n")
    sys.stderr.flush()


def _last_words(summary: Summary, look: Look) -> None:
    if look.as_json:
        sys.stdout.write(json.dumps(summary.to_json(), ensure_ascii=False) + "\n")
        return
    if look.quiet and summary.exit is ExitCode.OK:
        return
    out = sys.stderr if look.quiet else sys.stdout
    out.write(summary_text(summary, short_path(summary.results)) + "\n")


def short_path(path: str) -> str:
    """Relative to the working directory where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
