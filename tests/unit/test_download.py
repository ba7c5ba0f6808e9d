"""Bringing a render home, on the fake: fresh URLs, checks, the final name."""

from pathlib import Path
from typing import Any

import pytest
from test_api_fake import BODY
from test_slots import timeless

from batchsync.api.fake import FakeApi
from batchsync.api.retry import Patience
from batchsync.errors import (
    NotFound,
    NotSent,
    OutputInvalid,
    OutputUnwritable,
    RemoteError,
    Unauthorized,
)
from batchsync.sandbox.samples import write_audio, write_video
from batchsync.stages.download import Delivered, download, part_path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("clip") / "a.mp4"
    return write_video(path, seconds=0.4, fps=5, width=64, height=36).read_bytes()


async def finished(output: bytes, **options: Any) -> tuple[FakeApi, str, str]:
    api = FakeApi(output, looks=0, **options)
    project_id = (await api.create(BODY)).id
    url = (await api.project(project_id)).output_url
    assert url is not None
    api.calls.clear()
    return api, project_id, url


async def bring(api: FakeApi, project_id: str, url: str | None, target: Path) -> Delivered:
    return await download(api, project_id, url, target, Patience(tries=4), lambda _: None)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@timeless
async def test_a_render_lies_under_its_name_and_nothing_beside_it(
    clip: bytes, tmp_path: Path
) -> None:
    api, project_id, url = await finished(clip)
    target = tmp_path / "es" / "out.mp4"
    delivered = await bring(api, project_id, url, target)

    assert target.read_bytes() == clip
    assert (delivered.path, delivered.size) == (target, len(clip))
    assert names(tmp_path) == ["es", "out.mp4"]
    assert [name for name, _ in api.calls] == ["download"]


@timeless
async def test_without_a_url_one_is_asked_for(clip: bytes, tmp_path: Path) -> None:
    api, project_id, _ = await finished(clip)
    await bring(api, project_id, None, tmp_path / "out.mp4")

    assert [name for name, _ in api.calls] == ["status", "download"]


@timeless
async def test_an_expired_url_is_replaced_by_a_fresh_one(clip: bytes, tmp_path: Path) -> None:
    clock = [0.0]
    api, project_id, url = await finished(clip, clock=lambda: clock[0])
    clock[0] = 90_000.0
    await bring(api, project_id, url, tmp_path / "out.mp4")

    assert [name for name, _ in api.calls] == ["download", "status", "download"]


@timeless
async def test_what_came_before_a_cut_is_kept(clip: bytes, tmp_path: Path) -> None:
    api, project_id, url = await finished(clip)
    api.cuts.extend([100, 100])
    await bring(api, project_id, url, tmp_path / "out.mp4")

    assert (tmp_path / "out.mp4").read_bytes() == clip
    assert api.traffic.downloaded == len(clip)


@timeless
async def test_a_part_of_an_earlier_process_is_gone_on_with(clip: bytes, tmp_path: Path) -> None:
    api, project_id, url = await finished(clip)
    target = tmp_path / "out.mp4"
    part_path(target, project_id).write_bytes(clip[:100])
    await bring(api, project_id, url, target)

    assert api.traffic.downloaded == len(clip) - 100
    assert names(tmp_path) == ["out.mp4"]


@pytest.mark.parametrize("kind", ["html", "cut", "empty", "sound"])
def test_what_is_no_video_never_gets_the_final_name(clip: bytes, tmp_path: Path, kind: str) -> None:
    output = {"html": b"<html>502</html>" * 99, "cut": clip[:300], "empty": b"", "sound": b""}[kind]
    if kind == "sound":
        output = write_audio(tmp_path / "a.mp3", seconds=0.3).read_bytes()
    target = tmp_path / "new" / "out.mp4"

    @timeless
    async def run() -> None:
        api, project_id, url = await finished(output)
        with pytest.raises(OutputInvalid):
            await bring(api, project_id, url, target)
        assert [name for name, _ in api.calls].count("download") == 3

    run()
    assert names(target.parent) == []


@timeless
async def test_an_old_output_stays_until_the_new_one_is_whole(clip: bytes, tmp_path: Path) -> None:
    api, project_id, url = await finished(b"no video")
    target = tmp_path / "out.mp4"
    target.write_bytes(b"old")
    with pytest.raises(OutputInvalid):
        await bring(api, project_id, url, target)

    assert target.read_bytes() == b"old"


@pytest.mark.parametrize("error", [Unauthorized("x", status=401), NotFound("x", status=404)])
def test_a_final_error_ends_it_and_the_part_stays(
    clip: bytes, tmp_path: Path, error: RemoteError
) -> None:
    @timeless
    async def run() -> None:
        api, project_id, url = await finished(clip)
        api.cuts.append(50)
        api.fail("status", error)
        with pytest.raises(type(error)):
            await bring(api, project_id, url, tmp_path / "out.mp4")
        assert part_path(tmp_path / "out.mp4", project_id).stat().st_size == 50

    run()


@timeless
async def test_patience_has_an_end(clip: bytes, tmp_path: Path) -> None:
    api, project_id, url = await finished(clip)
    api.fail("download", *[NotSent("down") for _ in range(99)])
    with pytest.raises(NotSent):
        await bring(api, project_id, url, tmp_path / "out.mp4")

    assert [name for name, _ in api.calls].count("download") == 4


@timeless
async def test_a_target_that_is_a_folder_is_told_as_such(clip: bytes, tmp_path: Path) -> None:
    api, project_id, url = await finished(clip)
    with pytest.raises(OutputUnwritable):
        await bring(api, project_id, url, tmp_path)


def test_parts_of_two_renders_are_never_mixed(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"

    assert part_path(target, "a") != part_path(target, "b")
    assert part_path(target, "../../x").parent == tmp_path
