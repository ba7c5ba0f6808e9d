"""Transient faults on every endpoint: one run, all done, nothing bought twice."""

import pytest
from aiohttp import web

from batchsync.errors import ExitCode

_ENDPOINTS = ("account", "upload_urls", "upload", "create", "status", "download")
_IDEMPOTENT = tuple(name for name in _ENDPOINTS if name != "create")


def _everywhere(chance, *names, endpoints=_ENDPOINTS):
    return tuple(f"{place}:{name}={chance}" for place in endpoints for name in names)


_MIXES = {
    "429 without a hint": _everywhere(0.1, "429"),
    "429 with a hint": _everywhere(0.1, "429-after"),
    "5xx": _everywhere(0.1, "500", "502", "503"),
    "a proxy's page": _everywhere(0.3, "html"),
    "slow bodies": _everywhere(0.3, "slow"),
    "resets": _everywhere(0.15, "reset", "reset-after", endpoints=_IDEMPOTENT),
    "truncated downloads": ("download:truncate=0.3",),
    "expired URLs": ("upload-url:expired=0.3", "download-url:expired=0.3"),
    "all of them": (
        *_everywhere(0.05, "429-after", "503", "html", "slow"),
        *_everywhere(0.05, "reset", "reset-after", endpoints=_IDEMPOTENT),
        *("download:truncate=0.2", "upload-url:expired=0.1", "download-url:expired=0.1"),
    ),
}


@pytest.mark.parametrize("name", _MIXES)
async def test_one_run_gets_through(bench, name):
    work = bench(faults=_MIXES[name], seed=11, pad=50_000, render_seconds=0.05)
    work.batch.write_pairs(24)
    summary = await work.run()
    server = work.server
    assert server.struck.total() > 5
    assert summary.exit is ExitCode.OK
    assert summary.jobs.done == len(server.projects) == 24
    assert {row["attempt"] for row in work.batch.rows().values()} == {"1"}
    assert (server.duplicates(), server.key_at_storage, server.bad_uploads) == ({}, 0, [])
    assert work.batch.wrong_outputs(server) == []
    assert work.batch.strays() == []
    assert summary.credits.charged == server.spent


async def test_a_limit_on_concurrent_jobs_is_found_out_and_kept(bench):
    work = bench(most_active=3, render_seconds=0.1)
    work.batch.write_pairs(24)
    summary = await work.run()
    assert summary.exit is ExitCode.OK
    assert work.server.most_active <= 3
    assert {row["attempt"] for row in work.batch.rows().values()} == {"1"}
    assert work.server.answers["create 429"] < 48


async def test_a_project_that_is_not_known_at_once_is_looked_for_again(bench):
    work = bench(hidden_seconds=0.1)
    work.batch.write_pairs(3)
    summary = await work.run(poll_min=0.05)
    assert summary.exit is ExitCode.OK
    assert work.server.answers["status 404"] > 0


async def test_an_outage_leaves_everything_for_the_next_run(bench):
    work = bench(deny={"create": 503})
    work.batch.write_pairs(6)
    work.patience = type(work.patience)(tries=3, sleep=work.patience.sleep)
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert (summary.jobs.pending, summary.jobs.failed) == (6, 0)
    work.server.rules.deny = {}
    assert (await work.run()).exit is ExitCode.OK


async def test_a_long_retry_after_does_not_hold_the_run_for_longer_than_it_may_take(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = lambda *_: web.json_response(
        {"message": "later"}, status=429, headers={"Retry-After": "86400"}
    )
    summary = await work.run(max_duration=1, poll_timeout=0.5)
    assert summary.exit is ExitCode.INCOMPLETE
    assert summary.elapsed_seconds < 5
