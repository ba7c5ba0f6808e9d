"""Whatever the service answers, the run ends, the job says why, and nothing is lost."""

import json

import pytest
from aiohttp import web

from batchsync.errors import ExitCode
from tests.strict import KEY


def _json(status, text, **headers):
    return lambda *_: web.Response(
        status=status, text=text, content_type="application/json", headers=headers
    )


@pytest.mark.parametrize(
    "message",
    [r'{"message": "\ud800"}', '{"message": ' + "[" * 10_000 + "}", '{"message": 1e999}', "[]"],
    ids=["surrogate", "nested", "infinite", "list"],
)
async def test_any_words_of_a_refusal_can_be_recorded(bench, message):
    work = bench()
    work.batch.write_pairs(2)
    work.server.hooks["create"] = lambda server, _, count: (
        _json(422, message)() if count == 1 else None
    )
    summary = await work.run(max_in_flight=1)
    assert summary.exit is ExitCode.SOME_FAILED
    assert sorted(work.batch.states().values()) == ["done", "failed"]


@pytest.mark.parametrize("figure", ["1e30", "-5", "123456789012345678901234567890", '"many"'])
async def test_a_charge_that_is_no_sane_figure_loses_no_id(bench, figure):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = _json(200, f'{{"id": "odd", "credits_charged": {figure}}}')
    await work.run(wait=False)
    assert work.batch.query("SELECT project_id FROM attempts") == [("odd",)]


async def test_a_settled_charge_that_is_no_sane_figure_loses_no_render(bench):
    work = bench()
    work.batch.write_pairs(1)
    await work.run(wait=False)
    (project,) = work.server.projects
    urls = [{"url": f"http://127.0.0.1:{work.server.port}/get/{project}?until=9e9&sig=a%2Fb%2Bc"}]
    body = {"id": project, "status": "complete", "credits_charged": 10**30, "width": 10**30}
    work.server.hooks["status"] = _json(200, json.dumps(body | {"downloads": urls}))
    summary = await work.run()
    assert summary.exit is ExitCode.OK


@pytest.mark.parametrize(
    "answer",
    [
        _json(200, ""),
        _json(200, "{}"),
        _json(200, '{"id": ""}'),
        _json(200, '{"id": ".."}'),
        _json(200, '{"id": 7}'),
        _json(200, "<html>"),
        _json(200, "[" * 10_000),
        _json(302, "", Location="http://127.0.0.1:9/"),
    ],
    ids=["empty", "no id", "blank id", "climbing id", "number", "html", "nested", "redirect"],
)
async def test_a_create_call_with_no_usable_answer_is_unconfirmed_and_not_made_again(bench, answer):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = answer
    summary = await work.run()
    assert summary.exit is ExitCode.UNCONFIRMED
    summary = await work.run()
    assert summary.exit is ExitCode.UNCONFIRMED
    assert work.server.requests["create"] == 1


async def test_an_id_with_slashes_stays_one_segment_of_the_path(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = _json(200, '{"id": "../account?x=/y#z"}')
    seen = []

    def look(server, request, count):
        seen.append(request.raw_path)
        return web.json_response({"id": "../account?x=/y#z", "status": "error"})

    work.server.hooks["status"] = look
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert seen == ["/v1/video-projects/..%2Faccount%3Fx%3D%2Fy%23z"]


async def test_a_5xx_answer_with_an_id_in_it_is_a_job_that_was_made(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = _json(502, '{"id": "made", "credits_charged": 60}')
    await work.run(wait=False)
    assert work.batch.states() == {"ann-de": "submitted"}
    assert work.server.requests["create"] == 1


@pytest.mark.parametrize("value", ["9" * 400, "soon", " ", "-3", "1.5", "Mon, 99 Foo 2020"])
async def test_any_retry_after_is_survived(bench, value):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["account"] = lambda server, _, count: (
        _json(503, "{}", **{"Retry-After": value})() if count == 1 else None
    )
    assert (await work.run()).exit is ExitCode.OK


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://127.0.0.1/x.mp4",
        "http://user:pass@127.0.0.1/x.mp4",
        "http://[::1",
        "//nowhere",
        "",
    ],
)
async def test_a_download_url_that_may_not_be_followed_leaves_the_job_rendered(bench, url):
    work = bench()
    work.batch.write_pairs(1)
    real = []

    def look(server, request, count):
        project = request.path.rpartition("/")[2]
        real.append(project)
        return web.json_response(
            {"id": project, "status": "complete", "downloads": [{"url": url}], "download": None}
        )

    work.server.hooks["status"] = look
    summary = await work.run(poll_timeout=0.3)
    assert summary.exit is ExitCode.INCOMPLETE
    del work.server.hooks["status"]
    assert (await work.run()).exit is ExitCode.OK
    assert work.server.requests["create"] == 1


async def test_a_download_is_never_redirected(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["download"] = _json(302, "", Location="/v1/account")
    summary = await work.run()
    assert summary.exit is ExitCode.INCOMPLETE
    assert work.batch.states() == {"ann-de": "rendered"}
    assert work.server.requests["account"] <= 2


async def test_a_huge_error_body_is_cut(bench):
    work = bench()
    work.batch.write_pairs(2)
    work.server.hooks["create"] = lambda server, _, count: (
        _json(400, json.dumps({"message": "x" * 10_000_000}))() if count == 1 else None
    )
    summary = await work.run(max_in_flight=1)
    assert summary.jobs.failed == 1
    assert max(len(row["error_message"]) for row in work.batch.rows().values()) < 400


async def test_bytes_that_are_no_video_never_get_the_final_name(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["download"] = lambda *_: web.Response(body=b"<html>not found</html>" * 99)
    summary = await work.run()
    assert summary.exit is ExitCode.SOME_FAILED
    assert work.batch.rows()["ann-de"]["error_code"] == "output_invalid"
    assert list(work.batch.outputs.glob("*.mp4")) == []
    assert work.batch.strays() == []


async def test_a_server_that_echoes_the_key_does_not_bring_it_into_any_record(bench):
    work = bench()
    work.batch.write_pairs(3)
    work.server.hooks["create"] = lambda server, _, count: (
        _json(422, json.dumps({"message": f"no: Bearer {KEY}"}))() if count == 1 else None
    )

    def look(server, request, count):
        project = request.path.rpartition("/")[2]
        error = {"code": f"code-{KEY}", "message": f"no: {KEY}"}
        return web.json_response({"id": project, "status": "error", "error": error})

    work.server.hooks["status"] = look
    summary = await work.run(max_in_flight=1)
    assert summary.jobs.failed == 3
    assert KEY not in work.batch.results.read_text()
    assert KEY.encode() not in work.batch.ledger.read_bytes()
    assert KEY not in json.dumps(summary.to_json())


async def test_messages_of_the_service_bring_no_control_codes(bench):
    work = bench()
    work.batch.write_pairs(1)
    work.server.hooks["create"] = _json(422, json.dumps({"message": "red \x1b[31m and \x07 bell"}))
    summary = await work.run()
    assert summary.failures[0].message.isprintable()
