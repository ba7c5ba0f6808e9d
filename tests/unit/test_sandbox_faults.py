"""Each fault of the table does what it says, no more often than it was told to."""

import asyncio

import aiohttp
import pytest

from batchsync.sandbox import SandboxSettings
from batchsync.sandbox.api import UNKNOWN_STATUS
from batchsync.sandbox.command import fault_table
from batchsync.sandbox.faults import API_ENDPOINTS, EVENT, FAULTS, FaultPlan, Phase, parse_rule
from batchsync.sandbox.rules import JOB_ERRORS
from batchsync.sandbox.testing import ORDER, Visitor, visited

UPLOAD = {"items": [{"type": "video", "extension": "mp4"}]}
OUTAGES = {
    "rate-limit": 429,
    "rate-limit-after": 429,
    "error-500": 500,
    "error-502": 502,
    "error-503": 503,
    "html": 502,
    "forbidden": 403,
}


def visit(*faults: str, **options):
    return visited(SandboxSettings(faults=faults, fast=True, **options))


async def create(visitor: Visitor) -> tuple[int, object]:
    return await visitor.call("POST", "/v1/lip-sync", dict(ORDER))


async def reach(visitor: Visitor, endpoint: str, project: str) -> tuple[int, str, dict]:
    """One request to an endpoint of the API."""
    method, path, body = {
        "upload-urls": ("POST", "/v1/files/upload-urls", UPLOAD),
        "create": ("POST", "/v1/lip-sync", dict(ORDER)),
        "status": ("GET", f"/v1/video-projects/{project}", None),
        "delete": ("DELETE", f"/v1/video-projects/{project}", None),
        "account": ("GET", "/v1/account", None),
    }[endpoint]
    url = visitor.sandbox.base_url + path
    key = {"Authorization": "Bearer test"}
    async with visitor.session.request(method, url, json=body, headers=key) as answer:
        return answer.status, await answer.text(), dict(answer.headers)


def fired(visitor: Visitor) -> dict[str, int]:
    found: dict[str, int] = visitor.sandbox.report()["faults"]
    return found


@pytest.mark.parametrize("endpoint", API_ENDPOINTS)
@pytest.mark.parametrize("name", OUTAGES)
async def test_an_outage_stands_in_for_the_answer(name: str, endpoint: str) -> None:
    async with visit(f"{endpoint}:{name}=once") as visitor:
        status, text, headers = await reach(visitor, endpoint, "none")

        assert status == OUTAGES[name]
        assert headers.get("Retry-After") == ("1" if name == "rate-limit-after" else None)
        assert ("<html>" in text) == (name == "html")
        assert ('"message"' in text) == (name != "html")
        assert fired(visitor) == {name: 1}
        assert visitor.sandbox.report()["creates"] == 0
        after, _, _ = await reach(visitor, endpoint, "none")
        assert after == (404 if endpoint in {"status", "delete"} else 200)


async def test_an_outage_without_an_endpoint_strikes_the_whole_api_and_no_storage() -> None:
    async with visit("error-500=always") as visitor:
        for endpoint in API_ENDPOINTS:
            assert (await reach(visitor, endpoint, "none"))[0] == 500
        async with visitor.session.put(f"{visitor.sandbox.storage_url}/api-assets/x") as answer:
            assert answer.status == 403


@pytest.mark.parametrize("name", OUTAGES)
async def test_an_outage_can_strike_the_storage(name: str) -> None:
    async with visit(f"upload:{name}=once", f"download:{name}=once") as visitor:
        url = (await visitor.upload_url("audio", "mp3"))["upload_url"]
        statuses = []
        for _ in range(2):
            async with visitor.session.put(url, data=b"sound") as answer:
                statuses.append(answer.status)
        output = (await visitor.ended((await visitor.create())["id"]))["downloads"][0]["url"]
        for _ in range(2):
            async with visitor.session.get(output) as answer:
                statuses.append(answer.status)

        assert statuses == [OUTAGES[name], 200] * 2
        assert fired(visitor) == {name: 2}


async def test_reset_before_makes_no_job() -> None:
    async with visit("reset-before=once") as visitor:
        with pytest.raises(aiohttp.ClientConnectionError):
            await create(visitor)

        assert visitor.sandbox.report()["creates"] == 0
        assert (await create(visitor))[0] == 200
        assert fired(visitor) == {"reset-before": 1}


async def test_reset_after_makes_and_charges_the_job() -> None:
    async with visit("reset-after=once") as visitor:
        with pytest.raises(aiohttp.ClientConnectionError):
            await create(visitor)

        report = visitor.sandbox.report()
        assert (report["creates"], report["spent"]) == (1, 30)
        assert report["faults"] == {"reset-after": 1}
        assert report["answers"] == {"none": 1}


async def test_a_lost_answer_makes_the_job_and_never_comes() -> None:
    async with visit("lost-answer=once") as visitor:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(create(visitor), 0.3)

        report = visitor.sandbox.report()
        assert (report["creates"], report["faults"]) == (1, {"lost-answer": 1})


async def test_a_lost_answer_is_not_waited_for_beyond_its_time() -> None:
    async with visit("lost-answer=once", hold_seconds=0.1) as visitor:
        with pytest.raises(aiohttp.ClientConnectionError):
            await create(visitor)


async def test_a_sandbox_ends_while_an_answer_is_held() -> None:
    async with visit("lost-answer=once") as visitor:
        held = asyncio.create_task(create(visitor))
        while not visitor.sandbox.report()["creates"]:
            await asyncio.sleep(0.01)
    with pytest.raises(aiohttp.ClientError):
        await held


async def test_an_empty_200_makes_the_job() -> None:
    async with visit("empty-200=once") as visitor:
        assert await create(visitor) == (200, "")
        report = visitor.sandbox.report()
        assert (report["creates"], report["faults"]) == (1, {"empty-200": 1})


async def test_a_slow_body_arrives_piece_by_piece() -> None:
    async with visit("status:slow-body=once", trickle_seconds=0.2) as visitor:
        job = await visitor.create()
        begun = asyncio.get_running_loop().time()
        shown = await visitor.show(job["id"])

        assert shown["id"] == job["id"]
        assert asyncio.get_running_loop().time() - begun >= 0.15
        assert fired(visitor) == {"slow-body": 1}


async def test_a_truncated_download_closes_midway() -> None:
    async with visit("truncated-download=once") as visitor:
        url = (await visitor.ended((await visitor.create())["id"]))["downloads"][0]["url"]
        received = b""
        with pytest.raises(aiohttp.ClientPayloadError):
            async with visitor.session.get(url) as answer:
                length = answer.content_length
                async for piece in answer.content.iter_any():
                    received += piece
        assert len(received) == length // 2

        headers = {"Range": f"bytes={len(received)}-"}
        async with visitor.session.get(url, headers=headers) as answer:
            received += await answer.read()
        assert (len(received), fired(visitor)) == (length, {"truncated-download": 1})


async def test_a_short_length_looks_whole() -> None:
    async with visit("short-length=once") as visitor:
        url = (await visitor.ended((await visitor.create())["id"]))["downloads"][0]["url"]
        sizes = []
        for _ in range(2):
            async with visitor.session.get(url) as answer:
                sizes.append(len(await answer.read()))

        assert (sizes[0], fired(visitor)) == (sizes[1] // 2, {"short-length": 1})


async def test_expired_urls_are_refused_and_the_next_are_not() -> None:
    async with visit("upload-urls:expired-url=once", "status:expired-url=once") as visitor:
        statuses = []
        for _ in range(2):
            url = (await visitor.upload_url("audio", "mp3"))["upload_url"]
            async with visitor.session.put(url, data=b"sound") as answer:
                statuses.append(answer.status)
        job = await visitor.create()
        for _ in range(2):
            url = (await visitor.ended(job["id"]))["downloads"][0]["url"]
            async with visitor.session.get(url) as answer:
                statuses.append(answer.status)

        assert statuses == [403, 200, 403, 200]
        assert fired(visitor) == {"expired-url": 2}


async def test_complete_comes_once_without_downloads() -> None:
    async with visit("complete-without-downloads=always") as visitor:
        job = await visitor.create()

        first = await visitor.ended(job["id"])
        second = await visitor.ended(job["id"])

        assert (first["downloads"], first["download"], len(second["downloads"])) == ([], None, 1)
        assert fired(visitor) == {"complete-without-downloads": 1}


async def test_an_unknown_status_is_shown_once_a_job() -> None:
    async with visit("unknown-status=always") as visitor:
        job = await visitor.create()

        statuses = [(await visitor.show(job["id"]))["status"] for _ in range(3)]

        assert [status == UNKNOWN_STATUS for status in statuses] == [True, False, False]
        assert fired(visitor) == {"unknown-status": 1}


async def test_a_stuck_job_never_ends() -> None:
    async with visit("stuck=once") as visitor:
        stuck, well = await visitor.create(), await visitor.create()

        assert (await visitor.ended(well["id"]))["status"] == "complete"
        assert (await visitor.show(stuck["id"]))["status"] == "rendering"
        assert fired(visitor) == {"stuck": 1}


async def test_a_canceled_job_is_canceled() -> None:
    async with visit("cancel=once") as visitor:
        shown = await visitor.ended((await visitor.create())["id"])

        assert (shown["status"], shown["error"], shown["downloads"]) == ("canceled", None, [])
        assert fired(visitor) == {"cancel": 1}


@pytest.mark.parametrize("name", ["job-error", *(f"job-error-{code}" for code in JOB_ERRORS)])
async def test_a_job_error_has_a_documented_code(name: str) -> None:
    async with visit(f"{name}=once") as visitor:
        shown = await visitor.ended((await visitor.create())["id"])

        code = shown["error"]["code"]
        assert (shown["status"], shown["error"]["message"]) == ("error", JOB_ERRORS[code])
        assert name in {"job-error", f"job-error-{code}"}
        assert fired(visitor) == {name: 1}


def test_every_fault_of_the_table_is_tested_above_or_with_the_webhooks() -> None:
    tested = {
        *OUTAGES, "reset-before", "reset-after", "lost-answer", "empty-200", "slow-body",
        "truncated-download", "short-length", "expired-url", "complete-without-downloads",
        "unknown-status", "stuck", "cancel", "job-error",
        *(f"job-error-{code}" for code in JOB_ERRORS),
    }  # fmt: skip

    assert tested == {name for name, fault in FAULTS.items() if EVENT not in fault.endpoints}
    assert all(name in fault_table() for name in FAULTS)


@pytest.mark.parametrize(
    ("often", "draws", "strikes"),
    [("once", 10, 1), ("3x", 10, 3), ("always", 10, 10), ("0", 10, 0), ("1", 10, 10)],
)
def test_a_fault_strikes_as_often_as_it_was_told(often: str, draws: int, strikes: int) -> None:
    plan = FaultPlan([f"error-500={often}"])

    found = [plan.draw(Phase.BEFORE, "create") for _ in range(draws)]

    assert len([fault for fault in found if fault]) == strikes == plan.fired["error-500"]


@pytest.mark.parametrize("often", ["0.3", "30%", ".3"])
def test_a_probability_is_met_roughly(often: str) -> None:
    plan = FaultPlan([f"error-500={often}"])

    for _ in range(2000):
        plan.draw(Phase.BEFORE, "status")

    assert 500 < plan.fired["error-500"] < 700


def test_the_same_seed_draws_the_same_whatever_rules_stand_beside() -> None:
    def draws(*rules: str, seed: int) -> list[bool]:
        plan = FaultPlan(rules, seed)
        return [plan.draw(Phase.BEFORE, "create") is not None for _ in range(50)]

    alone = draws("create:error-500=0.3", seed=7)
    assert alone == draws("create:error-500=0.3", seed=7)
    assert alone == draws("account:html=0.5", "create:error-500=0.3", seed=7)
    assert alone != draws("create:error-500=0.3", seed=8)


def test_the_first_rule_wins_and_the_second_keeps_its_count() -> None:
    plan = FaultPlan(["create:error-500=once", "create:error-502=once"])

    found = [plan.draw(Phase.BEFORE, "create") for _ in range(3)]

    assert [fault and fault.name for fault in found] == ["error-500", "error-502", None]


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("eror-500=1", "unknown fault: 'eror-500'. Did you mean 'error-500'? Known: "),
        ("craete:stuck=1", "unknown endpoint for stuck: 'craete'. Did you mean 'create'?"),
        ("upload:stuck=1", "unknown endpoint for stuck: 'upload'. Known: create"),
        ("stuck", "expected [ENDPOINT:]NAME=PROBABILITY"),
        ("stuck=often", "expected a probability"),
        ("stuck=1.5", "expected a probability"),
        ("stuck=-1", "expected a probability"),
        ("stuck=0x", "expected a probability"),
        ("stuck=", "expected a probability"),
        (":stuck=1", "unknown endpoint for stuck: ''"),
    ],
)
def test_a_rule_that_is_not_understood_says_why(rule: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_rule(rule)

    assert message in str(caught.value)
