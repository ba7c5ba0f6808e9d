"""First stage: both files of a job are with the service, and what it will be made from is known."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from batchsync.engine.case import Case
from batchsync.engine.contents import Contents
from batchsync.engine.headstart import Headstart
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
from batchsync.ledger.siblings import Siblings
from batchsync.model import Asset, JobState, Role, Source, Stage
from batchsync.request import fingerprint
from batchsync.stages.upload import Parcel, upload


class Uploading:
    """Takes pending cases, hands out uploaded ones.

    Args:
        tools: shared by the stages.
        ledger: remembers uploads and contents.
        account: whose uploads they are; empty where it is not known.
        assets: uploads of earlier runs that are still good.
        files: what is known of local files, by path.
        siblings: ledgers that may know of more uploads.
        headstart: bytes that may be sent for jobs that are not submitted yet. Where it is given,
            `handed_on` must be called for every case that `handle` returned.
    """

    def __init__(
        self,
        tools: Tools,
        ledger: Ledger,
        account: str,
        assets: Sequence[Asset],
        files: Mapping[str, FileFacts],
        siblings: Siblings | None = None,
        headstart: int | None = None,
    ) -> None:
        self._tools = tools
        self._ledger = ledger
        self._account = account
        self._contents = Contents(ledger, files, assets, siblings)
        self._library = Library(
            assets, self._send, self._saved, tools.now, self._contents.elsewhere
        )
        self._headstart = Headstart(headstart)
        self._width = asyncio.Semaphore(tools.settings.uploads)
        self.saved_bytes = 0

    async def learn(self, paths: Iterable[str]) -> None:
        """Ask other batches, before the first upload, about files that are to be uploaded."""
        self._library.add(await self._contents.learn(paths))

    async def handle(self, case: Case) -> Case | None:
        """Bring a job's files up; None where the job goes no further in this run.

        Raises:
            LedgerError: the record could not be written.
        """
        await self._headstart.enter(self._missing(case))
        tools = self._tools
        tools.announce(StageEntered(case.id, Stage.UPLOAD))
        try:
            parcels = {
                role: await self._parcel(role, source)
                for role, source in case.job.sources
                if source.is_local
            }
            found = await self._library.assets(list(parcels.values()))
        except (RemoteError, SourceUnfit) as error:
            self.handed_on(case)
            await self._give_up(case, error)
            return None
        assets = dict(zip(parcels, found, strict=True))
        hashes = {parcel.path: assets[role].sha256 for role, parcel in parcels.items()}
        if case.state is JobState.PENDING:
            case = await tools.recorder.uploaded(case)
        return case.moved(
            case.state,
            sources={
                role: assets[role].file_path if role in assets else source.value
                for role, source in case.job.sources
            },
            parameters=fingerprint(case.job, hashes),
        )

    def handed_on(self, case: Case) -> None:
        """A job's create call is made, or it goes no further: others' files may be sent."""
        self._headstart.release(source.value for _, source in case.job.sources if source.is_local)

    def _missing(self, case: Case) -> dict[str, int]:
        """Bytes by path of the files that are not known to be with the service."""
        parcels = [
            _parcel(role, source, facts)
            for role, source in case.job.sources
            if source.is_local and (facts := self._contents.known(source.value))
        ]
        return {each.path: each.size for each in parcels if not self._library.has(each)}

    async def _parcel(self, role: Role, source: Source) -> Parcel:
        return _parcel(role, source, await self._contents.examine(source.value))

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
        for asset, parcel in zip(assets, parcels, strict=True):
            # Side by side, so that one sync to the disk does for both.
            await asyncio.gather(
                self._ledger.keep_asset(tools.settings.base_url, self._account, asset),
                self._contents.sent(parcel, asset.sha256),
            )
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


def _parcel(role: Role, source: Source, facts: FileFacts) -> Parcel:
    return Parcel(source.value, role, source.extension, facts.size, facts.sha256, facts.mtime_ns)


def reusable_since(now: float) -> float:
    """Uploads older than this (unix seconds) are not relied on any more."""
    return now - REUSE_SECONDS
