"""One bad job never stops the batch; one bad account does. Caps hold over all runs."""

from collections import Counter

import pytest
from aiohttp import web

from batchsync.errors import ExitCode


def _answers(status, only=None):
    def hook(server, request, count):
        if only is None or count in only:
            return web.json_response({"message": "no"}, status=status)
        return None

    return hook


async def test_a_cap_for_4_of_24_jobs_holds_over_two_runs(bench):
    work = bench()
    work.batch.write_pairs(24)
    # Each is charged 60 at first and settles at 50: a fifth would not fit.
    summary = await work.run(max_credits=4 * 60 - 1)
    assert summary.exit is ExitCode.OUT_OF_CREDITS
    assert Counter(work.batch.states().values()) == {"done": 4, "uploaded": 20}
    assert (summary.jobs.done, summary.jobs.pending, summary.jobs.failed) == (4, 20, 0)
    assert {row["status"] for row in work.batch.rows().values()} == {"done", "pending"}
    creates = work.server.requests["create"]
    summary = await work.run(max_credits=4 * 60 - 1)
    assert summary.exit is ExitCode.OUT_OF_CREDITS
    assert work.server.requests["create"] == creates == 4
    assert work.server.spent <= 4 * 60 - 1
    summary = await work.run()
    assert (summary.exit, work.server.requests["create"]) == (ExitCode.OK, 24)


async def test_402_leaves_what_was_paid_done_and_the_rest_pending(bench):
    work = bench(credits=4 * 60)
    work.batch.write_pairs(24)
    summary = await work.run(max_in_flight=4)
    assert summary.exit is ExitCode.OUT_OF_CREDITS
    assert summary.jobs.failed == summary.jobs.in_flight == 0
    assert summary.jobs.done == len(work.server.projects) >= 4
    assert summary.jobs.pending == 24 - summary.jobs.done
    work.server.rules.credits = 10_000
    assert (await work.run()).exit is ExitCode.OK
    assert work.server.duplicates() == {}


async def test_401_at_the_account_submits_nothing(bench):
    work = bench(deny={"account": 401, "create": 401})
    work.batch.write_pairs(6)
    summary = await work.run()
    assert summary.exit is ExitCode.DENIED
    assert (work.server.requests["create"], summary.jobs.pending) == (0, 6)


async def test_401_midway_collects_what_renders(bench):
    work = bench(render_seconds=0.2)
    work.batch.write_pairs(8)
    work.server.hooks["create"] = _answers(401, only=range(4, 99))
    summary = await work.run(max_in_flight=1)
    assert summary.exit is ExitCode.DENIED
    assert (summary.jobs.done, summary.jobs.pending, summary.jobs.failed) == (3, 5, 0)
    assert work.server.requests["create"] == 4


@pytest.mark.parametrize("count", [1, 2, 6])
async def test_403_on_every_create_blames_the_account(bench, count):
    work = bench()
    work.batch.write_pairs(count)
    work.server.hooks["create"] = _answers(403)
    summary = await work.run(max_in_flight=1)
    assert summary.exit is ExitCode.DENIED
    assert (summary.jobs.pending, summary.jobs.failed) == (count, 0)
    assert work.server.requests["create"] <= 3


@pytest.mark.parametrize("which", [1, 3, 6])
async def test_403_on_one_create_blames_the_job(bench, which):
    work = bench()
    work.batch.write_pairs(6)
    work.server.hooks["create"] = _answers(403, only=[which])
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert (summary.jobs.done, summary.jobs.failed) == (5, 1)
    assert [group.code for group in summary.failures] == ["forbidden"]


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_a_refused_job_fails_alone(bench, status):
    work = bench()
    work.batch.write_pairs(4)
    work.server.hooks["create"] = _answers(status, only=[2])
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert (summary.jobs.done, summary.jobs.failed) == (3, 1)


_CODES = (
    *("no_source_face", "invalid_file_format", "invalid_video_file", "file_too_large"),
    *("insufficient_credits", "invalid_parameters", "processing_timeout", "unknown_error"),
)


async def test_every_job_error_fails_its_job_and_is_refunded(bench):
    work = bench()
    jobs = work.batch.pairs(len(_CODES) + 1)
    work.batch.write(jobs)
    fates = {job["id"]: f"error:{code}" for job, code in zip(jobs, _CODES, strict=False)}
    work.server.rules.fates = fates
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert (summary.jobs.done, summary.jobs.failed) == (1, len(_CODES))
    rows = work.batch.rows()
    assert {job: f"error:{rows[job]['error_code']}" for job in fates} == fates
    assert {rows[job]["credits_charged"] for job in fates} == {"0"}
    assert summary.credits.charged == work.server.spent == 50
    requests = work.server.requests.total()
    assert (await work.run()).exit is ExitCode.SOME_FAILED
    assert work.server.requests.total() == requests


async def test_a_canceled_job_is_told_from_a_failed_one(bench):
    work = bench(fates={"ann-de": "cancel"})
    work.batch.write_pairs(2)
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert (summary.jobs.done, summary.jobs.canceled, summary.jobs.failed) == (1, 1, 0)
    assert work.batch.rows()["ann-de"]["status"] == "canceled"


async def test_a_status_word_that_is_not_documented_counts_as_unfinished(bench):
    work = bench()
    work.batch.write_pairs(1)

    def look(server, request, count):
        project = request.path.rpartition("/")[2]
        body = {"id": project, "status": ["upscaling", "complete"][count == 2], "downloads": []}
        return web.json_response(body) if count < 3 else None

    work.server.hooks["status"] = look
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.requests["status"] >= 3


async def test_halt_now_leaves_what_renders(bench):
    work = bench()
    work.batch.write_pairs(12)
    work.server.hooks["create"] = _answers(422, only=[3, 4])
    work.server.rules.render_seconds = 30
    summary = await work.run(halt="now,fail=2", max_in_flight=3)
    assert summary.exit is ExitCode.INCOMPLETE
    assert summary.jobs.failed == 2
    assert (summary.jobs.in_flight, summary.jobs.done) == (len(work.server.projects), 0)
    assert summary.jobs.pending == 10 - summary.jobs.in_flight > 0
    for project in work.server.projects.values():
        project.seconds = 0
    work.server.rules.render_seconds = 0
    summary = await work.run()
    assert (summary.jobs.done, summary.jobs.failed) == (10, 2)
    assert work.server.duplicates() == {}


async def test_halt_soon_collects_what_renders_and_submits_no_more(bench):
    work = bench(render_seconds=0.2)
    work.batch.write_pairs(12)
    work.server.hooks["create"] = _answers(422, only=[3])
    summary = await work.run(halt="soon,fail=5%", max_in_flight=3)
    assert summary.exit is ExitCode.INCOMPLETE
    assert (summary.jobs.failed, summary.jobs.in_flight) == (1, 0)
    assert summary.jobs.done == len(work.server.projects) < 11
    assert summary.jobs.pending == 11 - summary.jobs.done


async def test_max_duration_leaves_in_time(bench):
    work = bench(render_seconds=30)
    work.batch.write_pairs(4)
    summary = await work.run(max_duration=0.5)
    assert summary.exit is ExitCode.INCOMPLETE
    assert summary.elapsed_seconds < 3
    for project in work.server.projects.values():
        project.seconds = 0
    assert (await work.run()).exit is ExitCode.OK
    assert work.server.requests["create"] == 4


@pytest.mark.parametrize("status", [401, 403, 402])
async def test_a_denied_look_at_a_render_loses_nothing(bench, status):
    work = bench()
    work.batch.write_pairs(3)
    work.server.hooks["status"] = _answers(status)
    summary = await work.run()
    assert summary.exit in (ExitCode.DENIED, ExitCode.OUT_OF_CREDITS, ExitCode.INCOMPLETE)
    assert (summary.jobs.in_flight, summary.jobs.failed) == (3, 0)
    del work.server.hooks["status"]
    assert (await work.run()).exit is ExitCode.OK
    assert work.server.requests["create"] == 3
