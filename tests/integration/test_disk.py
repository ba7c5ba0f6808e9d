"""A disk that is full, read-only or leads elsewhere costs no render and leaves nothing half."""

import errno
import io
import threading
from pathlib import Path

import pytest

from batchsync.api.transfer import Incoming
from batchsync.errors import ExitCode, LedgerError
from batchsync.ledger import file as ledger_file
from batchsync.ledger.writer import Writer, _Outcome
from tests.support.engine import Passing


class _FullDisk(io.FileIO):
    """Takes some bytes, then no more; files share the space, and are written from threads."""

    left = 0
    _lock = threading.Lock()

    def write(self, data):
        with self._lock:
            if not self.left:
                raise OSError(errno.ENOSPC, "No space left on device")
            taken = super().write(memoryview(data)[: self.left])
            type(self).left -= taken
            return taken


def _fill_disk(monkeypatch: pytest.MonkeyPatch, left: int) -> None:
    monkeypatch.setattr(_FullDisk, "left", left)

    def opened(self):
        return _FullDisk(self._part, "a+b")

    monkeypatch.setattr(Incoming, "_opened", opened)


@pytest.mark.parametrize("missing", [1, 5_000, 1_500_000, 3_000_000])
async def test_a_full_disk_leaves_jobs_rendered_for_the_next_run(bench, monkeypatch, missing):
    work = bench(pad=3_000_000)
    work.batch.write_pairs(2)
    left = max(0, len(work.server.output("x" * 15)) - missing)
    with monkeypatch.context() as full:
        _fill_disk(full, left)
        summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert set(work.batch.states().values()) == {"rendered"}
    assert {row["error_code"] for row in work.batch.rows().values()} == {"output_unwritable"}
    assert [path.name for path in work.batch.outputs.glob("*.mp4")] == []
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.requests["create"] == 2
    assert work.batch.wrong_outputs(work.server) == []
    assert work.batch.strays() == []


async def test_an_output_folder_that_is_a_file_leaves_jobs_rendered(bench):
    work = bench()
    work.batch.write([work.batch.job(output="deep/a.mp4")])
    work.batch.outputs.mkdir(parents=True)
    blocker = work.batch.outputs / "deep"
    blocker.write_text("in the way")
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert work.batch.states() == {"ann-de": "rendered"}
    blocker.unlink()
    assert (await work.run()).exit is ExitCode.OK
    assert work.server.requests["create"] == 1


async def test_a_part_that_is_whole_is_not_spoilt_by_the_answer_to_a_range_past_its_end(bench):
    work = bench()
    work.batch.write([work.batch.job(output="a.mp4")])
    target = work.batch.outputs / "a.mp4"
    (target / "in the way").mkdir(parents=True)
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    (target / "in the way").rmdir()
    target.rmdir()
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.batch.wrong_outputs(work.server) == []
    assert work.batch.strays() == []


@pytest.mark.parametrize("pad", [400_000, 4_000_000])
async def test_an_interrupted_download_goes_on_where_it_stopped(bench, pad):
    work = bench(pad=pad, faults=("download:truncate=0.5",), seed=5)
    work.batch.write_pairs(4)
    ranges = []
    work.server.hooks["download"] = lambda _, request, __: ranges.append(
        request.headers.get("Range")
    )
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.struck["download:truncate"] > 0
    assert sum(each is not None for each in ranges) == work.server.struck["download:truncate"]
    assert work.batch.wrong_outputs(work.server) == []


async def test_no_output_leaves_its_folder_through_a_symbolic_link(bench, tmp_path):
    work = bench()
    work.batch.write([work.batch.job(output="deep/a.mp4")])
    outside = tmp_path / "outside"
    outside.mkdir()

    class Late(Passing):
        async def project(self, project_id):
            # After the preflight has looked.
            work.batch.outputs.mkdir(parents=True, exist_ok=True)
            link = work.batch.outputs / "deep"
            if not link.is_symlink():
                link.symlink_to(outside)
            return await self.api.project(project_id)

    work.wrap = Late
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert list(outside.iterdir()) == []
    assert work.batch.states() == {"ann-de": "rendered"}
    (work.batch.outputs / "deep").unlink()
    work.wrap = lambda api: api
    assert (await work.run()).exit is ExitCode.OK


def _small_ledger(monkeypatch: pytest.MonkeyPatch, pages: int) -> None:
    """A real SQLITE_FULL once the file has grown by so many pages."""
    real = ledger_file.open_for_writing

    def limited(path: Path):
        connection = real(path)
        used = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {used + pages}")
        return connection

    monkeypatch.setattr("batchsync.ledger.sqlite.open_for_writing", limited)


@pytest.mark.parametrize("pages", [1, 2, 3, 4])
async def test_nothing_is_submitted_that_the_ledger_cannot_record(bench, monkeypatch, pages):
    work = bench()
    work.batch.write_pairs(24, run={"max_in_flight": 2})
    with monkeypatch.context() as full, pytest.raises(LedgerError) as caught:
        _small_ledger(full, pages)
        await work.run()
    assert caught.value.exit_code is ExitCode.INTERNAL
    bought = work.server.requests["create"]
    assert bought < 24
    known = {row[0] for row in work.batch.query("SELECT project_id FROM attempts")}
    unrecorded = set(work.server.projects) - known
    assert len(unrecorded) <= 2
    states = list(work.batch.states().values())
    assert states.count("submitting") + states.count("unconfirmed") >= len(unrecorded)
    summary = await work.run()
    assert work.server.duplicates() == {}
    assert summary.jobs.unconfirmed <= 2
    assert [group.code for group in summary.failures] in ([], ["interrupted"])
    assert summary.jobs.done + summary.jobs.skipped == 24 - summary.jobs.unconfirmed


async def test_a_project_id_that_cannot_be_recorded_is_told_to_the_person(bench, monkeypatch):
    work = bench()
    work.batch.write_pairs(4, run={"max_in_flight": 1})
    broken = []

    def break_ledger(server, request, count):
        broken.append(count)

    work.server.hooks["create"] = break_ledger
    real = Writer._commit

    def commit(self, orders):
        if not broken:
            return real(self, orders)
        failure = LedgerError("the ledger can't be written: disk I/O error")
        return [_Outcome(order, error=failure) for order in orders]

    monkeypatch.setattr(Writer, "_commit", commit)
    with pytest.raises(LedgerError) as caught:
        await work.run()
    (project,) = work.server.projects
    assert project in str(caught.value)
