"""The same command goes on at the stage that each job had reached."""

import pytest

from batchsync.errors import ExitCode, LockHeld
from batchsync.events import JobMoved
from tests.support.engine import Crash, Passing


def _crash_at(target, nth=2):
    seen = []

    def watch(event):
        if isinstance(event, JobMoved) and event.target == target:
            seen.append(event.job)
            if len(seen) == nth:
                raise Crash

    return watch


@pytest.mark.parametrize("target", ["uploaded", "submitted", "rendered", "done"])
async def test_a_crash_after_any_record_costs_nothing(bench, target):
    work = bench(pad=100_000)
    work.batch.write_pairs(6)
    work.watch = _crash_at(target)
    with pytest.raises(Crash):
        await work.run(max_in_flight=2)
    work.watch = lambda event: None
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.requests["create"] == 6
    # An upload that the crash cut off is made again; one that was recorded is not.
    assert work.server.uploads == 7 or target == "uploaded"
    assert work.server.duplicates() == {}
    assert work.batch.wrong_outputs(work.server) == []
    assert work.batch.strays() == []


async def test_a_crash_between_write_ahead_record_and_call_leaves_the_job_unconfirmed(bench):
    work = bench()
    work.batch.write_pairs(3)
    work.watch = _crash_at("submitting", nth=1)
    with pytest.raises(Crash):
        await work.run(max_in_flight=1)
    assert work.server.requests["create"] == 0
    work.watch = lambda event: None
    summary = await work.run()
    assert summary.exit is ExitCode.UNCONFIRMED
    assert (summary.jobs.unconfirmed, summary.jobs.done) == (1, 2)
    assert work.server.requests["create"] == 2


async def test_no_wait_submits_all_and_a_later_run_collects(bench):
    work = bench(render_seconds=0.2)
    work.batch.write_pairs(6)
    summary = await work.run(wait=False)
    assert summary.exit is ExitCode.INCOMPLETE
    assert (summary.jobs.in_flight, work.server.requests["status"]) == (6, 0)
    assert work.batch.rows()["ann-de"]["status"] == "submitted"
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert (work.server.requests["create"], work.server.uploads) == (6, 7)


async def test_no_download_stops_at_rendered_and_a_later_run_fetches(bench):
    work = bench()
    work.batch.write_pairs(6)
    summary = await work.run(fetch=False)
    assert summary.exit is ExitCode.INCOMPLETE
    assert (set(work.batch.states().values()), work.server.downloads) == ({"rendered"}, 0)
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert (work.server.requests["create"], work.server.downloads) == (6, 6)


@pytest.mark.parametrize("options", [{"wait": False}, {"fetch": False}], ids=["wait", "download"])
async def test_the_next_command_is_one_that_goes_on(bench, options):
    work = bench()
    work.batch.write_pairs(1)
    flag = "--no-wait" if "wait" in options else "--no-download"
    summary = await work.run(command=("batchsync", "run", "batch.yaml", flag), **options)
    assert summary.next == "batchsync run batch.yaml"


async def test_a_deadline_leaves_jobs_submitted_for_the_next_run(bench):
    work = bench(fates={"ann-de": "stuck"})
    work.batch.write_pairs(3)
    summary = await work.run(poll_timeout=0.5)
    assert summary.exit is ExitCode.INCOMPLETE
    assert (summary.jobs.done, summary.jobs.in_flight) == (2, 1)
    assert work.batch.states()["ann-de"] == "submitted"
    assert work.batch.rows()["ann-de"]["error_code"] == "poll_timeout"
    next(iter(work.server.of_job("ann-de"))).fate = None
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.batch.rows()["ann-de"]["error_code"] == ""
    assert work.server.requests["create"] == 3


async def test_jobs_added_later_are_the_only_ones_bought(bench):
    work = bench()
    work.batch.write_pairs(2)
    await work.run()
    work.batch.write_pairs(4)
    summary = await work.run()
    assert (summary.jobs.done, summary.jobs.skipped) == (2, 2)
    assert (work.server.requests["create"], work.server.uploads) == (4, 5)


async def test_a_job_removed_from_the_manifest_stays_in_the_ledger(bench):
    work = bench()
    work.batch.write_pairs(2)
    await work.run()
    work.batch.write_pairs(1)
    assert (await work.run()).jobs.total == 1
    assert work.batch.states() == {"ann-de": "done", "ann-en": "done"}


async def test_the_same_manifest_by_another_path_has_nothing_to_do(bench, monkeypatch):
    work = bench()
    work.batch.write_pairs(2)
    await work.run()
    requests, files = dict(work.server.requests), work.batch.snapshot()
    work.batch.folder = work.batch.folder / "outputs" / ".."
    summary = await work.run()
    work.batch.folder = work.batch.folder.resolve()
    assert summary.jobs.skipped == 2
    assert dict(work.server.requests) == requests
    assert work.batch.snapshot() == files


async def test_only_selected_jobs_are_run_and_the_table_shows_all(bench):
    work = bench()
    work.batch.write_pairs(4)
    summary = await work.run(only=("ann-d*", "ann-en"))
    assert (summary.jobs.total, work.server.requests["create"]) == (2, 2)
    assert [row["status"] for row in work.batch.rows().values()] == [
        *("done", "done", "pending", "pending")
    ]


async def test_two_runs_of_one_process_do_not_work_on_one_batch(bench):
    work = bench()
    work.batch.write_pairs(2)
    held = []

    class Second(Passing):
        async def account(self):
            if not held:
                with pytest.raises(LockHeld) as caught:
                    await other.run()
                held.append(str(caught.value))
            return await self.api.account()

    other = type(work)(work.batch, work.server)
    work.wrap = Second
    assert (await work.run()).exit is ExitCode.OK
    assert "pid" in held[0]
