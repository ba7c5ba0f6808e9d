"""The vendor's own client works against the sandbox, which so speaks the real API."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import av
import httpx
import pytest
from magic_hour import AsyncClient, Client
from make_api_request import ApiError

from batchsync.sandbox import Sandbox, SandboxSettings
from batchsync.sandbox.samples import write_audio, write_video
from batchsync.sandbox.testing import sandbox_thread


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_video(folder / "clip.mp4", seconds=2, fps=25, width=64, height=36)
    write_audio(folder / "voice.mp3", seconds=2)
    return folder


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.02")
    with sandbox_thread(SandboxSettings(credits=1000, key="secret")) as running:
        yield running


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    # The SDK cannot be closed; its transport can.
    with httpx.Client() as transport:
        yield Client(token="secret", base_url=sandbox.base_url, httpx_client=transport)


@pytest.fixture
async def async_client(sandbox: Sandbox) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient() as transport:
        yield AsyncClient(token="secret", base_url=sandbox.base_url, httpx_client=transport)


def assets(media: Path) -> dict[str, str]:
    return {
        "video_source": "file",
        "video_file_path": str(media / "clip.mp4"),
        "audio_file_path": str(media / "voice.mp3"),
    }


def frames(path: str) -> int:
    with av.open(path) as container:
        return container.streams.video[0].frames


def test_generate_uploads_waits_and_downloads(
    sandbox: Sandbox, client: Client, media: Path, tmp_path: Path
) -> None:
    made = client.v1.lip_sync.generate(
        assets=assets(media),
        start_seconds=0.0,
        end_seconds=2.0,
        max_fps_limit=10.0,
        name="from the SDK",
        style={"generation_mode": "pro"},
        download_directory=str(tmp_path),
    )

    assert (made.status, made.credits_charged, made.fps) == ("complete", 40, 10)
    assert made.downloaded_paths == [str(tmp_path / "output.mp4")]
    assert frames(made.downloaded_paths[0]) == 20
    report = sandbox.report()
    assert (report["key_at_storage"], report["uploads"], report["downloads"]) == (0, 2, 1)
    assert client.v1.account.list().credits == 960


async def test_generate_works_asynchronously(
    async_client: AsyncClient, media: Path, tmp_path: Path
) -> None:
    made = await async_client.v1.lip_sync.generate(
        assets=assets(media),
        start_seconds=0.5,
        end_seconds=1.5,
        download_directory=str(tmp_path),
    )

    assert (made.status, made.credits_charged) == ("complete", 25)
    assert await asyncio.to_thread(frames, made.downloaded_paths[0]) == 25
    assert (await async_client.v1.account.list()).credits == 975


def test_the_steps_work_one_by_one(client: Client, media: Path) -> None:
    paths = {
        "video_file_path": client.v1.files.upload_file(media / "clip.mp4"),
        "audio_file_path": client.v1.files.upload_file(media / "voice.mp3"),
    }
    made = client.v1.lip_sync.create(
        assets={"video_source": "file", **paths}, start_seconds=0.0, end_seconds=1.0
    )
    assert made.credits_charged == made.estimated_frame_cost == 30

    shown = client.v1.video_projects.check_result(
        id=made.id, wait_for_completion=True, download_outputs=False
    )
    assert (shown.status, shown.total_frame_cost, shown.error) == ("complete", 25, None)
    assert shown.download is not None
    client.v1.video_projects.delete(id=made.id)
    with pytest.raises(ApiError) as caught:
        client.v1.video_projects.get(id=made.id)
    assert caught.value.status_code == 404


async def test_the_steps_work_asynchronously(async_client: AsyncClient, media: Path) -> None:
    made = await async_client.v1.lip_sync.create(
        assets={
            "video_source": "file",
            "video_file_path": await async_client.v1.files.upload_file(media / "clip.mp4"),
            "audio_file_path": "https://media.example.com/voice.mp3",
        },
        start_seconds=0.0,
        end_seconds=1.0,
    )

    assert (await async_client.v1.video_projects.get(id=made.id)).id == made.id
    await async_client.v1.video_projects.delete(id=made.id)


def test_a_failed_job_is_shown_as_such(media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGIC_HOUR_POLL_INTERVAL", "0.02")
    settings = SandboxSettings(faults=("job-error-no_source_face=once",))
    with sandbox_thread(settings) as sandbox, httpx.Client() as transport:
        client = Client(token="any", base_url=sandbox.base_url, httpx_client=transport)
        made = client.v1.lip_sync.generate(assets=assets(media), start_seconds=0.0, end_seconds=1.0)

    assert (made.status, made.credits_charged, made.downloaded_paths) == ("error", 0, None)
    assert made.error is not None
    assert made.error.code == "no_source_face"


def test_errors_are_errors_to_the_sdk(sandbox: Sandbox, client: Client) -> None:
    url = {
        "video_source": "file",
        "video_file_path": "https://media.example.com/clip.mp4",
        "audio_file_path": "https://media.example.com/voice.mp3",
    }
    with pytest.raises(ApiError) as unpaid:
        client.v1.lip_sync.create(assets=url, start_seconds=0.0, end_seconds=60.0)
    with httpx.Client() as transport, pytest.raises(ApiError) as unknown:
        stranger = Client(token="guess", base_url=sandbox.base_url, httpx_client=transport)
        stranger.v1.account.list()

    assert (unpaid.value.status_code, unknown.value.status_code) == (402, 401)
