"""First stage: both files of a job are with the service, and what it will be made from is known."""

import asyncio
from collections.abc import Mapping, Sequence

from batchsync.engine.case import Case
from batchsync.engine.library import REUSE_SECONDS, Library
from batchsync.engine.tools import Tools, failure_of
from batchsync.errors import (
    BatchsyncError,
    ExitCode,
    Forbidden,
    PaymentRequired,
    RemoteError,
    SourceUnfit,
    Unauthorized,
)
from batchsync.events import StageEntered, UploadSaved
from batchsync.ledger.protocol import FileFacts, Ledger
from batchsync.model import Asset, JobState, Role, Source, Stage
from batchsync.request import fingerprint
from batchsync.stages.upload import Parcel, upload
from batchsync.survey import examine


class Uploading:
    """Takes pending cases, hands out uploaded ones."""

    def __init__(
        self,
        tools: Tools,
        ledger: Ledger,
        account: str,
        assets: Sequence[Asset],
        files: Mapping[str, FileFacts],
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._account = account
        self._files = dict(files)
        self._library = Library(assets, self._send, self._saved)
        self._width = asyncio.Semaphore(tools.settings.uploads)
        self._examining: dict[str, asyncio.Task[FileFacts]] = {}
        self.saved_bytes = 0

    async def handle(self, case: Case) -> Case | None:
        """Bring a job's files up; None where the job goes no further in this run.

        Raises:
            LedgerError: the record could not be written.
        """
        tools = self._tools
        tools.announce(StageEntered(case.id, Stage.UPLOAD))
        try:
            parcels = {
                role: await self._parcel(role, source)
                for role, source in case.job.sources
                if source.is_local
            }
            names = await self._library.file_paths(list(parcels.values()))
        except (RemoteError, SourceUnfit) as error:
            await self._give_up(case, error)
            return None
        paths = dict(zip(parcels, names, strict=True))
        hashes = {parcel.path: parcel.sha256 for parcel in parcels.values()}
        if case.state is JobState.PENDING:
            case = await tools.recorder.uploaded(case)
        return case.moved(
            case.state,
            sources={role: paths.get(role, source.value) for role, source in case.job.sources},
            parameters=fingerprint(case.job, hashes),
        )

    async def _parcel(self, role: Role, source: Source) -> Parcel:
        facts = await self._examine(source.value)
        if facts.sha256 is None:
            raise SourceUnfit(f"{source.path} could not be hashed")
        return Parcel(source.value, role, source.extension, facts.size, facts.sha256)

    async def _examine(self, path: str) -> FileFacts:
        # A video that many jobs share is hashed once, by the first that comes.
        if path not in self._examining:
            self._examining[path] = asyncio.create_task(self._hash(path))
        return await asyncio.shield(self._examining[path])

    async def _hash(self, path: str) -> FileFacts:
        known = self._files.get(path)
        facts = await asyncio.to_thread(examine, path, known, False, True)
        if facts != known:
            self._files[path] = facts
            await self._ledger.keep_files([facts])
        return facts

    async def _send(self, parcels: Sequence[Parcel]) -> list[Asset]:
        tools = self._tools
        async with self._width:
            assets = await upload(
                tools.api,
                parcels,
                tools.patience,
                tools.uploading,
                tools.retrying("upload", ", ".join(parcel.path for parcel in parcels)),
                tools.now,
            )
        for asset in assets:
            await self._ledger.keep_asset(tools.settings.base_url, self._account, asset)
        return assets

    def _saved(self, size: int) -> None:
        self.saved_bytes += size
        self._tools.announce(UploadSaved(size))

    async def _give_up(self, case: Case, error: BatchsyncError) -> None:
        tools = self._tools
        failure = failure_of(Stage.UPLOAD, error)
        if isinstance(error, (Unauthorized, Forbidden, PaymentRequired)):
            tools.breaker.barred(error)
            await tools.recorder.stalled(case, failure)
        elif isinstance(error, RemoteError) and error.retryable:
            tools.breaker.exhausted(error)
            await tools.recorder.stalled(case, failure)
        elif case.reopen is not None and case.state is not JobState.FAILED:
            # What was made before is still there: the job has not failed, only its new version.
            tools.stop.codes.add(ExitCode.SOME_FAILED)
            await tools.recorder.stalled(case, failure)
        else:
            await tools.recorder.failed(case, failure)


def reusable_since(now: float) -> float:
    """Uploads older than this (unix seconds) are not relied on any more."""
    return now - REUSE_SECONDS
