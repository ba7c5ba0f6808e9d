"""Credits: charged as an estimate, settled by real frames, given back where nothing came of it."""

from pathlib import Path

import pytest

from batchsync.sandbox import SandboxSettings
from batchsync.sandbox.samples import write_audio, write_video
from batchsync.sandbox.testing import ORDER, visited


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("clip")
    return (
        write_video(folder / "clip.mp4", seconds=2, fps=25, width=64, height=36),
        write_audio(folder / "voice.mp3", seconds=2),
    )


@pytest.mark.parametrize(
    ("mode", "max_fps", "estimate", "settled"),
    [
        ("lite", None, 60, 50),
        ("standard", None, 60, 50),
        ("pro", None, 120, 100),
        ("lite", 10, 60, 20),
        ("pro", 10, 120, 40),
    ],
)
async def test_a_job_costs_an_estimate_and_then_its_frames(
    clip: tuple[Path, Path], mode: str, max_fps: int | None, estimate: int, settled: int
) -> None:
    async with visited(SandboxSettings(credits=1000)) as visitor:
        assets = {
            "video_source": "file",
            "video_file_path": await visitor.upload("video", clip[0]),
            "audio_file_path": await visitor.upload("audio", clip[1]),
        }
        limit = {} if max_fps is None else {"max_fps_limit": max_fps}
        style = {"generation_mode": mode}

        made = await visitor.create(assets=assets, end_seconds=2, style=style, **limit)

        assert made["credits_charged"] == made["estimated_frame_cost"] == estimate
        assert await visitor.balance() == 1000 - estimate
        shown = await visitor.ended(made["id"])
        assert shown["credits_charged"] == shown["total_frame_cost"] == settled
        assert await visitor.balance() == 1000 - settled
        assert (shown["fps"], shown["width"], shown["height"]) == (max_fps or 25, 64, 36)
        report = visitor.sandbox.report()
        assert (report["charges"], report["refunds"]) == (estimate, estimate - settled)


@pytest.mark.parametrize("fault", ["job-error", "job-error-no_source_face", "cancel"])
async def test_a_job_that_comes_to_nothing_costs_nothing(fault: str) -> None:
    async with visited(SandboxSettings(credits=100, faults=(f"{fault}=always",))) as visitor:
        made = await visitor.create()
        shown = await visitor.ended(made["id"])

        assert (made["credits_charged"], shown["credits_charged"]) == (30, 0)
        assert await visitor.balance() == 100


async def test_broken_media_costs_nothing(clip: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    async with visited(SandboxSettings(credits=100)) as visitor:
        video = await visitor.upload("video", tmp_path / "broken.mp4")
        made = await visitor.create(assets=dict(ORDER["assets"], video_file_path=video))
        shown = await visitor.ended(made["id"])

        assert (shown["status"], shown["error"]["code"]) == ("error", "invalid_video_file")
        assert await visitor.balance() == 100


async def test_a_job_that_cannot_be_paid_is_not_made() -> None:
    async with visited(SandboxSettings(credits=45, fast=True)) as visitor:
        await visitor.ended((await visitor.create())["id"])

        status, answer = await visitor.call("POST", "/v1/lip-sync", dict(ORDER))

        assert (status, answer["message"]) == (
            402,
            "Payment required: 30 credits needed, 15 available",
        )
        assert visitor.sandbox.report()["creates"] == 1
        assert await visitor.balance() == 15


async def test_a_refused_job_uses_up_no_fault() -> None:
    settings = SandboxSettings(credits=30, fast=True, faults=("cancel=once",))
    async with visited(settings) as visitor:
        assert (await visitor.call("POST", "/v1/lip-sync", {**ORDER, "end_seconds": 9}))[0] == 402

        made = await visitor.create()

        assert (await visitor.ended(made["id"]))["status"] == "canceled"


async def test_deleting_a_finished_job_gives_nothing_back() -> None:
    async with visited(SandboxSettings(credits=100, fast=True)) as visitor:
        made = await visitor.create()
        await visitor.ended(made["id"])
        await visitor.call("DELETE", f"/v1/video-projects/{made['id']}")

        assert await visitor.balance() == 70


async def test_deleting_a_job_that_renders_cancels_it() -> None:
    async with visited(SandboxSettings(credits=100, render_seconds=600)) as visitor:
        made = await visitor.create()
        await visitor.call("DELETE", f"/v1/video-projects/{made['id']}")

        assert await visitor.balance() == 100
        assert visitor.sandbox.report()["statuses"] == {"canceled": 1}


async def test_fast_jobs_are_counted_at_thirty_frames() -> None:
    async with visited(SandboxSettings(credits=1000, fast=True)) as visitor:
        whole = await visitor.ended((await visitor.create(end_seconds=2))["id"])
        limited = await visitor.ended((await visitor.create(max_fps_limit=12))["id"])

        assert (whole["credits_charged"], limited["credits_charged"]) == (60, 12)
        async with visitor.session.get(whole["downloads"][0]["url"]) as answer:
            assert (await answer.read())[4:8] == b"ftyp"


async def test_jobs_with_the_same_body_are_reported_as_bought_twice() -> None:
    async with visited(SandboxSettings(fast=True)) as visitor:
        first = await visitor.create(name="one")
        second = await visitor.create(name="two")
        await visitor.create(end_seconds=1.5)

        report = visitor.sandbox.report()
        assert report["duplicates"] == [[first["id"], second["id"]]]


async def test_the_same_content_under_other_paths_is_reported_too(
    clip: tuple[Path, Path],
) -> None:
    async with visited(SandboxSettings(fast=True)) as visitor:
        jobs = [
            await visitor.create(
                assets=dict(ORDER["assets"], video_file_path=await visitor.upload("video", path))
            )
            for path in (clip[0], clip[0])
        ]

        report = visitor.sandbox.report()
        assert report["duplicates"] == []
        assert report["duplicates_by_content"] == [[job["id"] for job in jobs]]


async def test_jobs_with_the_same_content_share_one_render() -> None:
    async with visited() as visitor:
        jobs = [await visitor.create(name=str(number)) for number in range(3)]
        ended = [await visitor.ended(job["id"]) for job in jobs]

        assert {shown["credits_charged"] for shown in ended} == {25}
        assert len(visitor.sandbox._farm._renders) == 1
