"""Every answer of the sandbox has the shape that the vendor publishes."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import batchsync.sandbox
from batchsync.sandbox import SandboxSettings
from batchsync.sandbox.testing import ORDER, Visitor, visited

DOCUMENT = json.loads(
    Path(batchsync.sandbox.__file__).with_name("openapi.json").read_text(encoding="utf-8")
)


def as_json_schema(schema: Any) -> Any:
    """OpenAPI 3.0 says `nullable` where JSON Schema says `type: [.., null]`."""
    if isinstance(schema, list):
        return [as_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: as_json_schema(value) for key, value in schema.items() if key != "nullable"}
    if schema.get("nullable") is True:
        made["type"] = [made["type"], "null"]
    return made


def answer_schema(method: str, path: str, status: int) -> Any:
    responses = DOCUMENT["paths"][path][method.lower()]["responses"]
    content = responses[str(status)].get("content")
    return as_json_schema(content["application/json"]["schema"]) if content else None


def check(method: str, path: str, status: int, answer: Any) -> None:
    schema = answer_schema(method, path, status)
    if schema is None:
        assert answer in ("", {"message": "Unauthorized"})
        return
    jsonschema.validate(answer, schema, format_checker=jsonschema.FormatChecker())


UPLOADS = "/v1/files/upload-urls"
CREATE = "/v1/lip-sync"
PROJECT = "/v1/video-projects/{id}"
ACCOUNT = "/v1/account"
ITEM = {"type": "video", "extension": "mp4"}
BAD_URL = dict(ORDER["assets"], video_file_path="https://media.example.com/clip.avi")


async def call(visitor: Visitor, method: str, path: str, project: str, body: Any, **key: Any):
    return await visitor.call(method, path.replace("{id}", project), body, **key)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", UPLOADS, {"items": [ITEM, {"type": "audio", "extension": "mp3"}]}, 200),
        ("POST", UPLOADS, None, 400),
        ("POST", UPLOADS, {"items": [{"type": "audio", "extension": "mp4"}]}, 422),
        ("POST", CREATE, dict(ORDER), 200),
        ("POST", CREATE, {**ORDER, "style": {"generation_mode": "pro"}}, 200),
        ("POST", CREATE, None, 400),
        ("POST", CREATE, {**ORDER, "end_seconds": 0}, 400),
        ("POST", CREATE, {**ORDER, "end_seconds": 500}, 402),
        ("POST", CREATE, {**ORDER, "assets": BAD_URL}, 422),
        ("GET", PROJECT, None, 404),
        ("DELETE", PROJECT, None, 404),
        ("GET", ACCOUNT, None, 200),
    ],
)
async def test_an_answer_fits(method: str, path: str, body: Any, status: int) -> None:
    async with visited(SandboxSettings(credits=1000, fast=True)) as visitor:
        found, answer = await call(visitor, method, path, "unknown", body)

        assert found == status, answer
        check(method, path, found, answer)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", UPLOADS), ("POST", CREATE), ("GET", PROJECT), ("DELETE", PROJECT), ("GET", ACCOUNT)],
)
async def test_a_wrong_key_is_answered_as_published(method: str, path: str) -> None:
    async with visited(SandboxSettings(key="right")) as visitor:
        found, answer = await call(visitor, method, path, "any", None, key="wrong")

        assert found == 401
        check(method, path, found, answer)


@pytest.mark.parametrize("tier", ["free", "creator", "pro", "business"])
async def test_every_plan_shows_its_account_as_published(tier: Any) -> None:
    async with visited(SandboxSettings(tier=tier)) as visitor:
        check("GET", ACCOUNT, *await visitor.call("GET", ACCOUNT))


@pytest.mark.parametrize(
    ("faults", "limit", "status"),
    [
        ((), None, "complete"),
        (("stuck=2x",), 1, "queued"),
        (("stuck=once",), None, "rendering"),
        (("cancel=once",), None, "canceled"),
        (("job-error=once",), None, "error"),
        (("complete-without-downloads=always",), None, "complete"),
    ],
)
async def test_a_job_fits_in_every_status(
    faults: tuple[str, ...], limit: int | None, status: str
) -> None:
    settings = SandboxSettings(faults=faults, max_concurrent=limit, fast=True)
    async with visited(settings) as visitor:
        jobs = [await visitor.create() for _ in range(2)]
        job = jobs[-1] if status == "queued" else jobs[0]
        shown = await visitor.show(job["id"])
        if status in {"complete", "canceled", "error"}:
            shown = await visitor.ended(job["id"])

        assert shown["status"] == status
        check("GET", PROJECT, 200, shown)


async def test_a_delete_has_no_content() -> None:
    async with visited(SandboxSettings(fast=True)) as visitor:
        job = await visitor.create()
        check("DELETE", PROJECT, *await call(visitor, "DELETE", PROJECT, job["id"], None))


async def test_the_schema_is_served() -> None:
    async with visited() as visitor:
        url = f"{visitor.sandbox.base_url}/_sandbox/openapi.json"
        async with visitor.session.get(url) as answer:
            assert await answer.json() == DOCUMENT


@pytest.mark.parametrize("field", answer_schema("GET", PROJECT, 200)["required"])
async def test_the_check_would_see_a_missing_field(field: str) -> None:
    schema = answer_schema("GET", PROJECT, 200)
    good = {
        "id": "x", "name": None, "status": "queued", "type": "LIP_SYNC", "width": 1, "height": 1,
        "created_at": "2026-01-01T00:00:00Z", "enabled": True, "start_seconds": 0,
        "end_seconds": 1, "credits_charged": 0, "fps": 30, "error": None, "downloads": [],
    }  # fmt: skip
    jsonschema.validate(good, schema)
    bad = deepcopy(good)
    del bad[field]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(bad, schema)
