"""What stands between the command line and a run: log, live view, signals, the last words."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import structlog
from rich.console import Console

from batchsync import __version__
from batchsync.api.protocol import Api, Traffic
from batchsync.cli.monitoring import metrics_path, mishaps, monitor
from batchsync.cli.paper import colored, wrapped
from batchsync.engine.stop import Stop
from batchsync.errors import ExitCode
from batchsync.events import Announcer
from batchsync.logs import LogFormat, LogObserver, configure
from batchsync.manifest import Manifest
from batchsync.places import places
from batchsync.report import notice
from batchsync.report.drawing import one_line
from batchsync.report.opening import opening_of
from batchsync.report.progress import LiveView
from batchsync.report.pulse import reporting
from batchsync.report.screen import RESTORE, can_draw
from batchsync.report.summary import Summary
from batchsync.report.tally import Opening, Tally
from batchsync.report.text import summary_text
from batchsync.run import BatchRun, Options
from batchsync.settings import RunSettings
from batchsync.standing import Standing, read_standing, selector
from batchsync.webhook.door import SECRET_VARIABLE, door_of

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
    with mishaps(metrics_path(manifest.path, settings.metrics_file), manifest.name):
        code = asyncio.run(_run(manifest, settings, options, key, look))
    sys.exit(code)


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
        tally.traffic = traffic
        _configure_log(look, secret[0], view.print if live else None)
        # aiohttp is loaded only where there is something to ask: a rerun of a done batch is quick.
        from batchsync.api.client import HttpApi

        client = HttpApi(
            settings.base_url,
            secret[0],
            traffic=traffic,
            transfers=settings.uploads * 2 + settings.downloads + 2,
            user_agent=f"batchsync/{__version__}",
            limit_upload=settings.limit_upload,
            limit_download=settings.limit_download,
        )
        return watch.connected(client)

    console = Console(stderr=True, highlight=False)
    live = can_draw(console) and not look.quiet and look.log_format == "console"
    _configure_log(look, None, None)
    events = door_of(settings, os.environ.get(SECRET_VARIABLE), announce)
    options = replace(options, listen=events)
    batch = BatchRun(manifest, settings, options, connect, announce, stop)
    structlog.contextvars.bind_contextvars(batch=manifest.name, run=batch.run_id)
    announce.subscribe(LogObserver())
    state = places(manifest.path, manifest.name, settings).state
    standing = await asyncio.to_thread(read_standing, state)
    tally = Tally(_opening(manifest, standing, settings, options))
    announce.subscribe(tally)
    watch = monitor(announce, manifest, settings)
    view = LiveView(tally.scene, console)
    async with AsyncExitStack() as stack:
        _heed_signals(stop, tally, view.print if live else _say)
        if live:
            stack.enter_context(view)
        else:
            await stack.enter_async_context(reporting(lambda: one_line(tally.scene()), announce))
        summary = await watch.over(batch.run(standing))
    _last_words(summary, look)
    await watch.close()
    if stop.left.is_set():
        # Threads may still be reading a large file, and asyncio would wait for them; whoever
        # pressed Ctrl-C has waited enough. The ledger is closed, the results are written.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(summary.exit)
    if not summary.nothing_to_do:
        await notice.send(summary, settings, announce)
    return int(summary.exit)


def _configure_log(look: Look, secret: str | None, write: Callable[[str], None] | None) -> None:
    level = _ERROR if look.quiet else _WARNING if write else _INFO
    configure(
        log_format=look.log_format,
        level=level,
        log_file=look.log_file,
        secret=secret,
        write=write,
    )


def _opening(
    manifest: Manifest, standing: Standing, settings: RunSettings, options: Options
) -> Opening:
    wanted = selector(options.only)
    jobs = (job.id for job in manifest.jobs if wanted(job.id))
    return opening_of(manifest.name, jobs, standing, settings.max_credits)


def _heed_signals(stop: Stop, tally: Tally, say: Callable[[str], None]) -> None:
    loop = asyncio.get_running_loop()

    def leave(number: signal.Signals, code: ExitCode) -> None:
        if stop.left.is_set():
            # The second one: at once. Every record up to here is on disk, so this is safe.
            if sys.stderr.isatty():
                sys.stderr.write(RESTORE)
                sys.stderr.flush()
            os._exit(code)
        stop.leave(code, f"{number.name}; what renders goes on remotely")

    _on_signal(loop, signal.SIGINT, lambda: leave(signal.SIGINT, ExitCode.INTERRUPTED))
    _on_signal(loop, signal.SIGTERM, lambda: leave(signal.SIGTERM, ExitCode.TERMINATED))
    if hasattr(signal, "SIGHUP"):
        drain = "SIGHUP; what renders is still collected"
        _on_signal(loop, signal.SIGHUP, lambda: stop.close(ExitCode.INCOMPLETE, drain))
    if hasattr(signal, "SIGUSR1"):
        _on_signal(loop, signal.SIGUSR1, lambda: say(_status(tally)))


def _on_signal(
    loop: asyncio.AbstractEventLoop, number: signal.Signals, act: Callable[[], None]
) -> None:
    try:
        loop.add_signal_handler(number, act)
    except NotImplementedError:
        # Windows' loops have none; there, a plain handler hops onto the loop.
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))


def _status(tally: Tally) -> str:
    words = [f"{count} {state}" for state, count in tally.states.items() if count]
    return f"{' · '.join(words)} · {tally.credits} credits in this run"


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _last_words(summary: Summary, look: Look) -> None:
    if look.as_json:
        sys.stdout.write(json.dumps(summary.to_json(), ensure_ascii=False) + "\n")
        return
    if look.quiet and summary.exit is ExitCode.OK:
        return
    out = sys.stderr if look.quiet else sys.stdout
    text = summary_text(summary, short_path(summary.results))
    headline, *rest = wrapped(text.splitlines())
    kind = "done" if summary.exit is ExitCode.OK else "head"
    out.writelines(f"{line}\n" for line in (colored(headline, kind), *rest))


def short_path(path: str) -> str:
    """Relative to the working directory where it lies below it."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
