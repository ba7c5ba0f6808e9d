"""Which content each local file has: remembered, asked of neighbours, hashed, or still unknown.

A file whose size no other file and no upload has can't be a content that is there already. It need
not be read twice: it is hashed while it is sent.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from batchsync.api.transfer import BLOCK
from batchsync.ledger.protocol import FileFacts, Ledger
from batchsync.ledger.siblings import Elsewhere, Siblings
from batchsync.model import Asset
from batchsync.stages.upload import Key, Parcel
from batchsync.survey import examine


class Contents:
    """The facts about a run's local files.

    Args:
        ledger: where they are remembered.
        files: what earlier runs and the plan have found, by path.
        assets: uploads that are known.
        siblings: ledgers that may know of more; None where there are none to ask.
    """

    def __init__(
        self,
        ledger: Ledger,
        files: Mapping[str, FileFacts],
        assets: Iterable[Asset],
        siblings: Siblings | None = None,
    ) -> None:
        self._ledger = ledger
        self._files = dict(files)
        self._siblings = siblings
        self._looks: dict[str, asyncio.Task[FileFacts]] = {}
        self._looked_at: set[str] = set()
        # How many files and uploads have a size.
        self._sizes = Counter(fact.size for fact in self._files.values())
        self._sizes.update(asset.size for asset in assets)

    async def learn(self, paths: Iterable[str]) -> list[Asset]:
        """Ask the neighbours about files that are to be uploaded; their uploads of such sizes."""
        wanted = [fact for path in paths if (fact := self._files.get(path))]
        found = await self._ask(wanted)
        self._sizes.update(asset.size for asset in found.assets.values())
        adopted = [
            replace(fact, sha256=found.hashes[fact.path])
            for fact in wanted
            if fact.path in found.hashes
        ]
        self._files |= {fact.path: fact for fact in adopted}
        if adopted:
            await self._ledger.keep_files(adopted)
        return list(found.assets.values())

    async def elsewhere(self, parcels: Sequence[Parcel]) -> Mapping[Key, Asset]:
        """Look once more, right before files are sent, for those that another run has sent since.

        Only for those that are large enough for it to pay.
        """
        large = [each for each in parcels if each.size > BLOCK]
        if not large or self._siblings is None:
            return {}
        facts = [FileFacts(each.path, each.size, each.mtime_ns, each.sha256) for each in large]
        found = await self._ask(facts, anew=True)
        contents = {
            each.key: (each.sha256 or found.hashes.get(each.path, ""), each.role, each.extension)
            for each in large
        }
        return {
            key: found.assets[content]
            for key, content in contents.items()
            if content in found.assets
        }

    def known(self, path: str) -> FileFacts | None:
        """What was last known of a file, without looking."""
        return self._files.get(path)

    async def examine(self, path: str) -> FileFacts:
        """The facts of one file as it is now; its hash is left open where it can be.

        Raises:
            SourceUnfit: it can't be read.
        """
        if path in self._looked_at:
            return self._files[path]
        # A video that many jobs share is hashed once, by the first that comes.
        if path not in self._looks:
            self._looks[path] = asyncio.create_task(self._examine(path))
        return await asyncio.shield(self._looks[path])

    async def sent(self, parcel: Parcel, sha256: str) -> None:
        """Remember the content of a file that was hashed as it was sent."""
        facts = self._files.get(parcel.path)
        if parcel.sha256 is None and facts is not None:
            self._files[parcel.path] = facts = replace(facts, sha256=sha256)
            await self._ledger.keep_files([facts])

    async def _examine(self, path: str) -> FileFacts:
        known = self._files.get(path)
        facts = await asyncio.to_thread(self._look, path, known)
        if facts != known:
            self._files[path] = facts
            await self._ledger.keep_files([facts])
        # A batch has tens of thousands of files: tasks that have ended are not kept.
        self._looked_at.add(path)
        del self._looks[path]
        return facts

    def _look(self, path: str, known: FileFacts | None) -> FileFacts:
        facts = examine(path, known)
        if facts.sha256 is None and facts == known and self._sizes[facts.size] == 1:
            return facts
        return examine(path, facts, want_hash=True)

    async def _ask(self, wanted: list[FileFacts], anew: bool = False) -> Elsewhere:
        if self._siblings is None or not wanted:
            return Elsewhere()
        return await asyncio.to_thread(self._siblings.look, wanted, anew)
