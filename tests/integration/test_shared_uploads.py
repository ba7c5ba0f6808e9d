"""One upload per content, across batches too; and nothing sent that is not what was looked at."""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from batchsync import survey
from batchsync.api import transfer
from batchsync.errors import ExitCode
from tests.support.batches import Batch
from tests.support.engine import Passing, Workbench


def beside(work: Workbench, name: str) -> Workbench:
    """Another batch in the same folder, and so with the same state directory."""
    batch = Batch(work.batch.folder, work.batch.media, name)
    return replace(work, batch=batch, events=[])


async def test_a_video_that_two_manifests_share_goes_up_once(bench):
    first = bench(pad=300_000)
    second = beside(first, "second")
    first.batch.write([first.batch.job("ann", "de")])
    second.batch.write([second.batch.job("ann", "fr"), second.batch.job("ann", "es")])
    await first.run()
    before = first.batch.ledger.read_bytes()
    summary = await second.run()
    server = first.server

    assert summary.exit is ExitCode.OK
    assert server.duplicates() == {}
    # A video and three voices.
    assert server.uploads == 4
    video = first.batch.media.video("ann").stat().st_size
    assert summary.bytes.upload_saved == 2 * video
    assert first.batch.ledger.read_bytes() == before
    assert second.batch.wrong_outputs(server) == []
    assert second.batch.strays() == []


async def test_another_batchs_upload_is_named_in_what_was_bought(bench):
    first = bench()
    second = beside(first, "second")
    first.batch.write([first.batch.job("ann", "de")])
    second.batch.write([second.batch.job("ann", "de", start_seconds=0.5)])
    await first.run()
    await second.run()
    server = first.server
    made = [project.body["assets"] for project in server.projects.values()]

    assert made[0] == made[1]
    assert server.uploads == 2


async def test_a_rerun_beside_neighbours_that_are_no_good_still_does_nothing(bench):
    work = bench()
    work.batch.write_pairs(2)
    folder = work.batch.ledger.parent
    folder.mkdir()
    (folder / "text.db").write_text("nothing")
    os.mkfifo(folder / "pipe.db")
    with closing(sqlite3.connect(folder / "foreign.db")) as connection:
        connection.execute("CREATE TABLE t (a)")
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    requests, files = dict(work.server.requests), work.batch.snapshot()
    await work.run()

    assert dict(work.server.requests) == requests
    assert work.batch.snapshot() == files


async def test_files_that_are_like_no_other_are_read_once(bench, monkeypatch):
    monkeypatch.setattr(survey, "hash_file", None)
    work = bench()
    work.batch.write([work.batch.job("ann", "de")])
    summary = await work.run()
    kept = dict(work.batch.query("SELECT path, sha256 FROM files"))
    sent = {asset.sha256 for asset in work.server.assets.values()}

    assert summary.exit is ExitCode.OK
    assert set(kept.values()) == sent
    # What was made is known by its content, so that the next run finds nothing changed.
    summary = await work.run()
    assert summary.jobs.skipped == 1


@pytest.mark.parametrize("how", ["rewritten", "replaced"])
async def test_a_file_that_changes_before_or_while_it_is_sent_is_never_bought(
    bench, tmp_path, how: str
):
    work = bench()
    video = tmp_path / "own.mp4"
    content = work.batch.media.video("ann").read_bytes()
    video.write_bytes(content)

    class Changing(Passing):
        async def put(self, url, path: Path, size, progress):
            if path == video:
                changed = content[:-1] + bytes([content[-1] ^ 1])
                if how == "rewritten":
                    path.write_bytes(changed)
                else:
                    path.with_suffix(".new").write_bytes(changed)
                    path.with_suffix(".new").replace(path)
                os.utime(path)
            return await self.api.put(url, path, size, progress)

    work.wrap = Changing
    work.batch.write([_job(work, video)])
    summary = await work.run()

    assert summary.exit is ExitCode.SOME_FAILED
    assert work.server.requests["create"] == 0
    [row] = work.batch.rows().values()
    assert (row["error_stage"], row["error_code"]) == ("upload", "source_changed")
    # The next run looks at it anew.
    work.wrap = lambda api: api
    summary = await work.run()
    assert (summary.exit, work.server.requests["create"]) == (ExitCode.OK, 1)


async def test_a_file_that_is_rewritten_while_it_is_sent_never_arrives_whole(
    bench, tmp_path, monkeypatch
):
    monkeypatch.setattr(transfer, "BLOCK", 1 << 14)
    work = bench()
    video = tmp_path / "own.mp4"
    video.write_bytes(work.batch.media.video("ann").read_bytes() + b"\0" * 200_000)
    real = transfer.Outgoing._block
    blocks = []

    def meddle(self, file):
        if self._path == video:
            blocks.append(1)
            if len(blocks) == 3:
                with video.open("r+b") as other:
                    other.write(b"what has been read already")
        return real(self, file)

    monkeypatch.setattr(transfer.Outgoing, "_block", meddle)
    work.batch.write([_job(work, video)])
    summary = await work.run()

    assert summary.exit is ExitCode.SOME_FAILED
    assert work.server.requests["create"] == 0
    arrived = {asset.kind for asset in work.server.assets.values() if asset.sha256}
    assert "video" not in arrived


def _job(work: Workbench, video: Path):
    return {**work.batch.job("ann", "de"), "video": str(video)}
