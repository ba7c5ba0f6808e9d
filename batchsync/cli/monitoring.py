"""What a run of the command tells machines: OpenTelemetry where asked for, a metrics file."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchsync.api.protocol import Api
from batchsync.ended import ended_by
from batchsync.events import Announcer, Note
from batchsync.manifest import Manifest
from batchsync.report.summary import Summary
from batchsync.settings import RunSettings
from batchsync.telemetry import INSTALL, textfile
from batchsync.telemetry.environment import wish

if TYPE_CHECKING:
    from batchsync.telemetry.complaints import Complaints
    from batchsync.telemetry.observer import Telemetry
    from batchsync.telemetry.providers import Providers


class Monitor:
    """Watches one run.

    Args:
        announce: where the run's events go.
        metrics_file: written when the run has ended, None for none.
    """

    def __init__(self, announce: Announcer, metrics_file: Path | None) -> None:
        self._announce = announce
        self._metrics_file = metrics_file
        self._exporting: _Exporting | None = None
        if wish():
            self._exporting = _exporting(announce)

    def connected(
        self, connection: AbstractAsyncContextManager[Api]
    ) -> AbstractAsyncContextManager[Api]:
        """A connection whose requests are counted, where somebody counts them."""
        return connection if self._exporting is None else self._exporting.counted(connection)

    async def over(self, work: Coroutine[Any, Any, Summary]) -> Summary:
        """Wait for a run, and write down what it came to."""
        try:
            summary = await work
        except BaseException:
            await self.close()
            raise
        if self._metrics_file is not None:
            # On the loop: it has nothing left to do, and its threads may be busy with large files.
            try:
                textfile.record(self._metrics_file, summary, time.time())
            except OSError as error:
                self._announce(Note("warning", _unwritten(self._metrics_file, error)))
        return summary

    async def close(self) -> None:
        """Send what is left; a collector that does not take it soon is left alone."""
        exporting, self._exporting = self._exporting, None
        if exporting is not None:
            await exporting.close()


class _Exporting:
    """OpenTelemetry at work."""

    def __init__(
        self, telemetry: "Telemetry", providers: "Providers", complaints: "Complaints"
    ) -> None:
        self._telemetry = telemetry
        self._providers = providers
        self._complaints = complaints

    def counted(
        self, connection: AbstractAsyncContextManager[Api]
    ) -> AbstractAsyncContextManager[Api]:
        from batchsync.telemetry.requests import counted

        return counted(connection, self._count)

    def _count(self, endpoint: str, outcome: str, error: str | None) -> None:
        # This stands in the way of calls that cost money.
        with contextlib.suppress(Exception):
            self._telemetry.requested(endpoint, outcome, error)

    async def close(self) -> None:
        from batchsync.telemetry.providers import CLOSING_SECONDS

        closed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self._providers.start_closing(lambda: _hop(loop, closed.set))
        try:
            async with asyncio.timeout(CLOSING_SECONDS):
                await closed.wait()
        except TimeoutError:
            self._complaints.once("the collector was too slow to take all")
        # What the exporters' threads said last is on its way to the loop.
        await asyncio.sleep(0)
        self._complaints.__exit__()


def _exporting(announce: Announcer) -> _Exporting | None:
    loop = asyncio.get_running_loop()

    def warn(message: str) -> None:
        announce(Note("warning", message))

    try:
        from batchsync.telemetry.complaints import Complaints
        from batchsync.telemetry.observer import Telemetry
        from batchsync.telemetry.providers import chosen
    except ImportError:
        warn(f"OTEL_ variables ask for telemetry, which is not installed: {INSTALL}")
        return None
    complaints = Complaints(lambda message: _hop(loop, lambda: warn(message))).__enter__()
    providers = chosen(complain=complaints.once, at_exit=False)
    telemetry = Telemetry(providers)
    announce.subscribe(telemetry)
    return _Exporting(telemetry, providers, complaints)


def _hop(loop: asyncio.AbstractEventLoop, act: Any) -> None:
    # The loop may be closed by the time that a collector has made up its mind.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(act)


def monitor(announce: Announcer, manifest: Manifest, settings: RunSettings) -> Monitor:
    """Watches a run that is about to begin."""
    return Monitor(announce, metrics_path(manifest.path, settings.metrics_file))


def metrics_path(manifest: Path, named: str | None) -> Path | None:
    """Where the metrics file is; like all places that settings name, relative to the manifest."""
    return manifest.absolute().parent / named if named else None


@contextlib.contextmanager
def mishaps(path: Path | None, batch: str | None) -> Iterator[None]:
    """Tell the metrics file of an error that ends the command.

    Args:
        path: of the file, None for none.
        batch: its name, None while the manifest has not been read.
    """
    begin = time.monotonic()
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:
        if path is not None:
            code = ended_by(error).code
            try:
                textfile.record_mishap(path, batch, code, time.time(), time.monotonic() - begin)
            except OSError as unwritten:
                print(f"batchsync: {_unwritten(path, unwritten)}", file=sys.stderr)  # noqa: T201
        raise


def _unwritten(path: Path, error: OSError) -> str:
    return f"can't write the metrics file {path}: {error.strerror}"
