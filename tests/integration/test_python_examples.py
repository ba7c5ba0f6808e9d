"""The official SDK's own examples for lip sync, and our page of examples: each one is run."""

import ast
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import magic_hour
import pytest
from magic_hour.resources.v1.lip_sync.client import AsyncLipSyncClient, LipSyncClient

import batchsync
from batchsync.sandbox import Sandbox, SandboxSettings
from batchsync.sandbox.samples import write_audio, write_video
from batchsync.sandbox.testing import sandbox_thread

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
THEIR_PAGE = Path(magic_hour.__file__).parent / "resources" / "v1" / "lip_sync" / "README.md"
FENCE = re.compile(r"```(?:python|py)\n(.*?)```", re.S)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough for the SDK's examples, which render 15 s."""
    folder = tmp_path_factory.mktemp("media")
    write_video(folder / "1234.mp4", seconds=15, fps=12, width=64, height=36)
    write_audio(folder / "1234.mp3", seconds=15)
    return folder


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with sandbox_thread(SandboxSettings(key="secret", fast=True)) as running:
        monkeypatch.setenv("MAGIC_HOUR_BASE_URL", running.base_url)
        monkeypatch.setenv("MAGIC_HOUR_API_KEY", "secret")
        monkeypatch.setenv("API_TOKEN", "secret")
        monkeypatch.setenv("BATCHSYNC_POLL_MIN", "0.02")
        monkeypatch.setenv("BATCHSYNC_POLL_MAX", "0.1")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        monkeypatch.chdir(tmp_path)
        yield running


async def execute(code: str, names: dict[str, Any]) -> dict[str, Any]:
    """Run an example, also one that awaits at its top level."""
    compiled = compile(code, "example", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(compiled, names)
    if inspect.iscoroutine(outcome):
        await outcome
    return names


def adapted(code: str, media: Path) -> str:
    """The two changes that are promised to be enough, and files that exist."""
    changed = code.replace("from magic_hour import", "from batchsync import")
    changed = changed.replace("client.v1.lip_sync.generate(", "client.generate(")
    assert "lip_sync" not in changed
    assert "magic_hour" not in changed
    return re.sub(r'"/?path/to/\w+\.(\w+)"', lambda m: repr(str(media / f"1234.{m[1]}")), changed)


THEIRS = {
    **{
        f"README {number}": code
        for number, code in enumerate(FENCE.findall(THEIR_PAGE.read_text("utf-8")), 1)
        if "lip_sync.generate(" in code
    },
    "docstring": FENCE.findall(inspect.getdoc(LipSyncClient.generate) or "")[0],
    "async docstring": FENCE.findall(inspect.getdoc(AsyncLipSyncClient.generate) or "")[0],
}


def test_the_sdk_has_the_examples_that_are_tested() -> None:
    assert len(THEIRS) == 4
    assert sum("await" in code for code in THEIRS.values()) == 2


@pytest.mark.parametrize("name", THEIRS)
async def test_an_example_of_the_sdk_runs_after_changing_import_and_name(
    name: str, sandbox: Sandbox, media: Path, tmp_path: Path
) -> None:
    code = adapted(THEIRS[name], media)
    if "import" in code:
        names: dict[str, Any] = {}
    else:
        # The docstrings begin with a client that is there.
        kind = batchsync.AsyncClient if "await" in code else batchsync.Client
        names = {"client": kind(token="secret")}

    await execute(code, names)
    await execute(code, names)

    made = names.get("res") or names["response"]
    assert (made.status, made.error, made.credits_charged) == ("complete", None, 180)
    [path] = made.downloaded_paths
    assert path.startswith("./1234-")
    assert (tmp_path / path).stat().st_size > 0
    assert made.downloads[0].url == made.download.url
    report = sandbox.report()
    assert (report["creates"], report["jobs"][0]["id"]) == (1, made.id)
    assert (report["downloads"], report["key_at_storage"]) == (1, 0)


def test_the_examples_of_our_page_run_one_after_the_other(
    sandbox: Sandbox, media: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for folder in ("media", "dubs"):
        (tmp_path / folder).mkdir()
    os.link(media / "1234.mp4", tmp_path / "media" / "welcome.mp4")
    write_audio(tmp_path / "dubs" / "welcome.es.mp3", seconds=4, voice="alto")
    write_audio(tmp_path / "dubs" / "welcome.fr.mp3", seconds=4, voice="tenor")
    (tmp_path / "batch.yaml").write_text(
        "version: 1\njobs:\n"
        "  - {id: welcome-es, video: media/welcome.mp4, audio: dubs/welcome.es.mp3}\n"
    )
    blocks = FENCE.findall(PAGE.read_text("utf-8"))
    names: dict[str, Any] = {}

    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)

    said = capsys.readouterr().out
    assert "1 of 1 jobs, about 120 credits" in said
    assert "ok 120" in said
    assert sandbox.report()["creates"] == 5
    assert len(list((tmp_path / "renders").iterdir())) == 2
