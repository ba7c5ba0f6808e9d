"""What may be asked for, and by whom: fields, files, plans and keys."""

from pathlib import Path
from typing import Any

import pytest

from batchsync.sandbox import SandboxSettings
from batchsync.sandbox.answers import Refusal
from batchsync.sandbox.orders import read_json, read_order, read_upload_items
from batchsync.sandbox.rules import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS
from batchsync.sandbox.testing import ORDER, visited

GONE = object()


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good body with one field changed or gone."""
    body: dict[str, Any] = dict(ORDER, assets=dict(ORDER["assets"]), style={})
    *parents, name = path.split(".")
    place = body
    for parent in parents:
        place = place[parent]
    if value is GONE:
        del place[name]
    else:
        place[name] = value
    return body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start_seconds", GONE),
        ("start_seconds", -1),
        ("start_seconds", "0"),
        ("start_seconds", None),
        ("start_seconds", True),
        ("end_seconds", GONE),
        ("end_seconds", 0.05),
        ("end_seconds", 0),
        ("end_seconds", float("nan")),
        ("end_seconds", float("inf")),
        ("max_fps_limit", 0.5),
        ("max_fps_limit", None),
        ("name", 7),
        ("name", None),
        ("assets", GONE),
        ("assets", []),
        ("style", "pro"),
        ("style.generation_mode", "best"),
        ("style.generation_mode", None),
        ("assets.video_source", GONE),
        ("assets.video_source", "vimeo"),
        ("assets.video_file_path", GONE),
        ("assets.video_file_path", ""),
        ("assets.video_file_path", "media/clip.mp4"),
        ("assets.video_file_path", "ftp://media.example.com/clip.mp4"),
        ("assets.video_file_path", "https://[broken/clip.mp4"),
        ("assets.video_file_path", "https://magichour.ai/my-library?audioId=1"),
        ("assets.audio_file_path", GONE),
        ("assets.audio_file_path", 5),
        ("assets.audio_file_path", "https://magichour.ai/my-library"),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(Refusal) as caught:
        read_order(changed(field, value))

    assert caught.value.answer.status == 400
    assert field in str(caught.value.answer.body)


def test_the_end_must_be_behind_the_start() -> None:
    with pytest.raises(Refusal) as caught:
        read_order(dict(ORDER, start_seconds=2, end_seconds=2))

    assert b"end_seconds: must be greater than start_seconds" in caught.value.answer.body


@pytest.mark.parametrize(
    ("field", "reference", "kind"),
    [
        ("video", "https://media.example.com/clip.avi", "video"),
        ("video", "https://media.example.com/clip", "video"),
        ("audio", "https://media.example.com/voice.mp4", "audio"),
        ("audio", "https://media.example.com/voice?file=voice.mp3", "audio"),
    ],
)
def test_a_url_needs_an_extension_of_its_role(field: str, reference: str, kind: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_order(changed(f"assets.{field}_file_path", reference))

    assert caught.value.answer.status == 422
    assert f"invalid {kind} extension".encode() in caught.value.answer.body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("assets.video_file_path", "http://media.example.com/CLIP.MOV?token=1"),
        ("assets.video_file_path", "https://magichour.ai/my-library?videoId=abc"),
        ("assets.audio_file_path", "https://magichour.ai/my-library?audioId=abc"),
        ("assets.audio_file_path", "https://media.example.com/voice.webm"),
        ("height", 1080),
        ("width", None),
        ("style.generation_mode", "standard"),
        ("max_fps_limit", 1),
        ("name", "spring"),
    ],
)
def test_other_good_forms_are_taken(field: str, value: object) -> None:
    assert read_order(changed(field, value)).estimate == 30


def test_youtube_needs_its_own_url() -> None:
    body = changed("assets.video_source", "youtube")
    with pytest.raises(Refusal) as missing:
        read_order(body)
    body["assets"]["youtube_url"] = "https://media.example.com/watch?v=1"
    with pytest.raises(Refusal) as foreign:
        read_order(body)
    body["assets"]["youtube_url"] = "https://www.youtube.com/watch?v=abc"
    del body["assets"]["video_file_path"]

    assert b"assets.youtube_url" in missing.value.answer.body
    assert b"assets.youtube_url" in foreign.value.answer.body
    assert read_order(body).video == body["assets"]["youtube_url"]


@pytest.mark.parametrize(
    ("end", "max_fps", "allowed"),
    [(666, None, True), (667, None, False), (800, 25, True), (801, 25, False), (667, 60, False)],
)
def test_a_job_has_at_most_twenty_thousand_frames(
    end: float, max_fps: float | None, allowed: bool
) -> None:
    body = dict(ORDER, end_seconds=end, **({} if max_fps is None else {"max_fps_limit": max_fps}))
    if allowed:
        assert read_order(body).end == end
        return
    with pytest.raises(Refusal) as caught:
        read_order(body)

    assert caught.value.answer.status == 422
    assert b"20000" in caught.value.answer.body


@pytest.mark.parametrize("body", [b"", b"  ", b"{", b"[]", b"7", b"\xff\xfe"])
def test_a_body_must_be_a_json_object(body: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        read_json(body)

    assert caught.value.answer.status == 400


@pytest.mark.parametrize(
    ("items", "status", "words"),
    [
        (GONE, 400, "items"),
        ([], 400, "items"),
        ({}, 400, "items"),
        (["mp4"], 400, "items.0"),
        ([{"type": "text", "extension": "txt"}], 400, "items.0.type"),
        ([{"type": "video"}], 400, "items.0.extension"),
        ([{"type": "video", "extension": ".mp4"}], 400, "items.0.extension"),
        ([{"type": "video", "extension": "MP4"}], 400, "items.0.extension"),
        ([{"type": "audio", "extension": "mp4"}], 422, "'mp4' is an invalid audio extension"),
        ([{"type": "video", "extension": "mp3"}], 422, "'mp3' is an invalid video extension"),
    ],
)
def test_upload_items_are_checked(items: object, status: int, words: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_upload_items({} if items is GONE else {"items": items})

    assert caught.value.answer.status == status
    assert words in str(caught.value.answer.body.decode())


async def test_every_extension_gets_a_place_in_the_order_of_the_request() -> None:
    wanted = [("video", one) for one in VIDEO_EXTENSIONS] + [
        ("audio", one) for one in AUDIO_EXTENSIONS
    ]
    async with visited() as visitor:
        items = [{"type": kind, "extension": extension} for kind, extension in wanted]
        _, answer = await visitor.call("POST", "/v1/files/upload-urls", {"items": items})

        for (kind, extension), place in zip(wanted, answer["items"], strict=True):
            assert place["file_path"].startswith("api-assets/")
            assert place["file_path"].endswith(f"/{kind}.{extension}")
            assert place["upload_url"].startswith(visitor.sandbox.storage_url)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("api-assets/never/issued.mp4", "does not exist"),
        (None, "was uploaded as audio, not video"),
    ],
)
async def test_a_file_must_be_here_and_of_its_role(
    tmp_path: Path, path: str | None, words: str
) -> None:
    (tmp_path / "voice.mp3").write_bytes(b"sound")
    async with visited() as visitor:
        path = path or await visitor.upload("audio", tmp_path / "voice.mp3")
        body = changed("assets.video_file_path", path)

        status, answer = await visitor.call("POST", "/v1/lip-sync", body)

        assert (status, words in answer["message"]) == (422, True)


@pytest.mark.parametrize("tier", ["free", "creator", "pro", "business"])
async def test_pro_needs_a_paid_plan(tier: Any) -> None:
    async with visited(SandboxSettings(tier=tier, fast=True)) as visitor:
        body = dict(ORDER, style={"generation_mode": "pro"})
        status, _ = await visitor.call("POST", "/v1/lip-sync", body)
        _, account = await visitor.call("GET", "/v1/account")

        assert status == (403 if tier == "free" else 200)
        assert account["tier"] == tier
        assert (account["subscription"] is None) == (tier == "free")


@pytest.mark.parametrize(
    ("wanted", "given", "status"),
    [
        (None, "anything", 200),
        (None, None, 401),
        (None, " ", 401),
        ("secret", "secret", 200),
        ("secret", "guess", 401),
    ],
)
async def test_a_key_is_asked_for(wanted: str | None, given: str | None, status: int) -> None:
    async with visited(SandboxSettings(key=wanted)) as visitor:
        found, answer = await visitor.call("GET", "/v1/account", key=given)

        assert found == status
        assert status == 200 or answer == {"message": "Unauthorized"}
