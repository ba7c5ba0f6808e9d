"""The life of a sandbox: limits, restarts, reports, the command line."""

import ast
import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import batchsync.sandbox
from batchsync.sandbox import Sandbox, SandboxSettings
from batchsync.sandbox.journal import Journal
from batchsync.sandbox.settings import parse_render_seconds
from batchsync.sandbox.standins import StandIns
from batchsync.sandbox.testing import ORDER, sandbox_thread, visited
from batchsync.sandbox.throttle import Throttle


async def test_jobs_beyond_the_limit_wait() -> None:
    settings = SandboxSettings(max_concurrent=2, render_seconds=0.05, fast=True)
    async with visited(settings) as visitor:
        jobs = [await visitor.create(name=str(number)) for number in range(6)]
        waiting = [(await visitor.show(job["id"]))["status"] for job in jobs]
        ended = [await visitor.ended(job["id"]) for job in jobs]

        assert "queued" in waiting
        assert {shown["status"] for shown in ended} == {"complete"}
        assert visitor.sandbox.report()["most_renders_at_once"] == 2


async def test_jobs_beyond_the_limit_can_be_refused() -> None:
    settings = SandboxSettings(
        max_concurrent=1, over_limit="429", fast=True, faults=("stuck=once",)
    )
    async with visited(settings) as visitor:
        stuck = await visitor.create()
        assert (await visitor.call("POST", "/v1/lip-sync", dict(ORDER)))[0] == 429

        await visitor.call("DELETE", f"/v1/video-projects/{stuck['id']}")

        assert (await visitor.ended((await visitor.create())["id"]))["status"] == "complete"
        assert visitor.sandbox.report()["creates"] == 2


async def test_a_render_takes_its_time() -> None:
    async with visited(SandboxSettings(render_seconds=(0.2, 0.3), fast=True)) as visitor:
        begun = time.monotonic()
        await visitor.ended((await visitor.create())["id"])

        assert time.monotonic() - begun >= 0.2


async def test_too_many_requests_are_told_when_to_come_again() -> None:
    async with visited(SandboxSettings(rate=1)) as visitor:
        key = {"Authorization": "Bearer test"}
        url = f"{visitor.sandbox.base_url}/v1/account"
        async with visitor.session.get(url, headers=key) as first:
            assert first.status == 200
        async with visitor.session.get(url, headers=key) as second:
            assert (second.status, second.headers["Retry-After"]) == (429, "1")


def test_a_throttle_lets_its_rate_pass() -> None:
    now = 0.0
    throttle = Throttle(2, lambda: now)

    assert [throttle.take() for _ in range(3)] == [0, 0, 1]
    now = 0.5
    assert [throttle.take() for _ in range(2)] == [0, 1]
    now = 60
    assert [throttle.take() for _ in range(3)] == [0, 0, 1]


async def test_a_restarted_sandbox_knows_what_it_knew(tmp_path: Path) -> None:
    settings = SandboxSettings(data_dir=tmp_path / "data", credits=100, fast=True)
    (tmp_path / "voice.mp3").write_bytes(b"sound")
    async with visited(settings) as visitor:
        done = await visitor.ended((await visitor.create(name="done"))["id"])
        voice = await visitor.upload("audio", tmp_path / "voice.mp3")
    async with visited(settings) as visitor:
        assert await visitor.balance() == 70
        shown = await visitor.show(done["id"])
        assert (shown["name"], shown["status"], shown["created_at"]) == (
            "done",
            "complete",
            done["created_at"],
        )
        async with visitor.session.get(shown["downloads"][0]["url"]) as answer:
            assert answer.status == 200
        await visitor.create(assets=dict(ORDER["assets"], audio_file_path=voice))
        assert visitor.sandbox.report()["creates"] == 2


async def test_a_url_signed_before_a_restart_holds_after_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = SandboxSettings(data_dir=tmp_path / "data", port=port, fast=True)
    async with visited(settings) as visitor:
        url = (await visitor.ended((await visitor.create())["id"]))["downloads"][0]["url"]
    async with visited(settings) as visitor, visitor.session.get(url) as answer:
        assert answer.status == 200


async def test_a_restarted_sandbox_finishes_what_was_rendering(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with visited(SandboxSettings(data_dir=folder, render_seconds=600)) as visitor:
        job = await visitor.create()
        assert (await visitor.show(job["id"]))["status"] in {"queued", "rendering"}
    async with visited(SandboxSettings(data_dir=folder)) as visitor:
        assert (await visitor.ended(job["id"]))["credits_charged"] == 25


def test_a_torn_line_of_the_journal_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('["one", {}]\n["two", {"a"', encoding="utf-8")

    journal = Journal(path)
    journal.append("three", {})
    journal.close()

    assert list(journal.records()) == [("one", {}), ("three", {})]


async def test_a_temporary_folder_is_gone_afterwards() -> None:
    async with Sandbox() as sandbox:
        folder = sandbox._folder
        assert folder.exists()
    assert not folder.exists()


async def test_the_report_counts_what_was_seen() -> None:
    async with visited(SandboxSettings(fast=True)) as visitor:
        shown = await visitor.ended((await visitor.create(name="one"))["id"])
        async with visitor.session.get(shown["downloads"][0]["url"]) as answer:
            size = len(await answer.read())

        async with visitor.session.get(f"{visitor.sandbox.base_url}/_sandbox") as answer:
            report = await answer.json()
        job = report["jobs"][0]
        assert (job["name"], job["status"], job["charged"]) == ("one", "complete", 30)
        assert (report["creates"], report["spent"], report["balance"]) == (1, 30, 99_970)
        assert (report["downloads"], report["downloaded_bytes"]) == (1, size)
        assert report["requests"]["create"] == report["requests"]["download"] == 1
        assert report["most_requests_at_once"] == 1


async def test_many_requests_at_once_are_seen_as_such() -> None:
    settings = SandboxSettings(faults=("account:slow-body=always",), trickle_seconds=0.2)
    async with visited(settings) as visitor:
        await asyncio.gather(*(visitor.call("GET", "/v1/account") for _ in range(5)))

        assert visitor.sandbox.report()["most_requests_at_once"] == 5


async def test_an_unknown_path_is_not_found() -> None:
    async with visited() as visitor:
        assert await visitor.call("GET", "/v2/anything") == (404, {"message": "Not Found"})
        assert (await visitor.call("PATCH", "/v1/lip-sync"))[0] in {404, 405}


@pytest.mark.parametrize(
    ("text", "span"), [("2", 2.0), ("1-4", (1.0, 4.0)), ("0.5-0.5", (0.5, 0.5))]
)
def test_render_seconds_are_a_number_or_a_range(text: str, span: object) -> None:
    assert parse_render_seconds(text) == span


@pytest.mark.parametrize("text", ["", "-1", "4-1", "fast", "1-", "nan", "inf"])
def test_other_render_seconds_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="render seconds"):
        parse_render_seconds(text)


@pytest.mark.parametrize(
    ("host", "storage"),
    [("localhost", "127.0.0.1"), ("127.0.0.1", "localhost"), ("sandbox.test", "127.0.0.1")],
)
def test_the_storage_has_another_name(host: str, storage: str) -> None:
    assert SandboxSettings(host=host).storage_name == storage


@pytest.mark.parametrize(
    "video",
    [
        {"video_source": "youtube", "youtube_url": "https://youtu.be/abc"},
        {
            "video_source": "file",
            "video_file_path": "https://magichour.ai/my-library?videoId=abc",
        },
    ],
)
async def test_media_that_only_a_network_could_fetch_have_stand_ins(video: dict[str, str]) -> None:
    async with visited() as visitor:
        assets = {**video, "audio_file_path": "https://magichour.ai/my-library?audioId=abc"}
        job = await visitor.create(assets=assets, start_seconds=300, end_seconds=301)

        shown = await visitor.ended(job["id"])

        assert (shown["status"], shown["credits_charged"], shown["fps"]) == ("complete", 25, 25)


def test_stand_ins_are_the_same_each_time_and_differ_by_url(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    one, two = StandIns(tmp_path / "one"), StandIns(tmp_path / "two")
    url, other = "https://media.example.com/a.mp4", "https://media.example.com/b.mp4"

    assert one.video(url, 0.5).read_bytes() == two.video(url, 0.5).read_bytes()
    assert one.audio(url, 0.5).read_bytes() == two.audio(url, 0.5).read_bytes()
    assert one.video(url, 0.5) != one.video(other, 0.5)


def test_the_sandbox_imports_nothing_else_of_batchsync() -> None:
    folder = Path(batchsync.sandbox.__file__).parent
    imported = {
        name
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names] if isinstance(node, ast.Import)
            else []
        )
        if name.partition(".")[0] == "batchsync"
    }  # fmt: skip

    assert all(name.startswith("batchsync.sandbox") for name in imported)


def command(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "batchsync.sandbox", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    ready = tmp_path / "ready.json"
    process = command("--port", "0", "--ready-file", str(ready), "--fault", "stuck=once")
    while not ready.exists():
        assert process.poll() is None, finish(process)
        time.sleep(0.02)
    found = json.loads(ready.read_text(encoding="utf-8"))
    process.send_signal(number)
    code, out, err = finish(process)

    assert (code, err, found["pid"]) == (0, "", process.pid)
    assert f"export MAGIC_HOUR_BASE_URL={found['base_url']} MAGIC_HOUR_API_KEY=sandbox" in out
    assert "No credits are real, and no lips are moved" in out
    assert not ready.exists()


def test_a_port_in_use_is_said_so() -> None:
    with sandbox_thread() as sandbox:
        port = sandbox.base_url.rpartition(":")[2]
        code, _, err = finish(command("--port", port))

    assert (code, f"port {port} is in use" in err) == (2, True)


def test_an_unknown_fault_is_said_so() -> None:
    code, _, err = finish(command("--fault", "stuk=1"))

    assert (code, "Did you mean 'stuck'?" in err) == (2, True)


def test_help_and_faults_are_shown_without_the_server() -> None:
    program = (
        "import sys; from batchsync.sandbox.command import fault_table; fault_table();"
        "sys.exit(bool({'aiohttp', 'av'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    assert "lost-answer" in finish(command("--list-faults"))[1]
