"""How programs use the Python API, for mypy: each wrong use needs its `type: ignore`.

Not run; `make types` checks it, and complains where an ignored mistake is none any more.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import assert_type

import batchsync
from batchsync import Batch, BatchPlan, Generated, JobResult, JobSpec, RunResult
from batchsync.events import Event, JobMoved


def observe(event: Event) -> None:
    """An observer."""
    if isinstance(event, JobMoved):
        assert_type(event.job, str)


def run() -> None:
    """Blocking use."""
    batch = Batch.load("batch.yaml", api_key="k", state=Path("a.db"), max_in_flight="auto")
    assert_type(batch, Batch)
    assert_type(batch.plan(only=["a-*"]), BatchPlan)
    result = batch.run(on_event=observe, wait=False, poll_timeout="2h", max_credits=None)
    assert_type(result, RunResult)
    assert_type(result.jobs, tuple[JobResult, ...])
    assert_type(result.job("a").output, Path | None)
    assert_type(batch.results(), tuple[JobResult, ...])
    assert_type(batch.retry("a", failed=True), tuple[str, ...])
    batch.run(uploads="many")  # type: ignore[arg-type]
    batch.run(max_inflight=3)  # type: ignore[call-arg]
    batch.run(state="elsewhere.db")  # type: ignore[call-arg]
    batch.run(on_event=observe("x"))  # type: ignore[func-returns-value, arg-type]
    Batch.from_jobs([JobSpec(id="a", video="a.mp4")], name="x")  # type: ignore[call-arg]
    Batch.from_jobs([{"id": "a", "video": Path("a.mp4")}], name="x", folder=Path())


async def arun() -> None:
    """Use in coroutines."""
    batch = Batch.from_jobs([], name="x")
    assert_type(await batch.arun(), RunResult)
    assert_type(await batch.aplan(), BatchPlan)
    assert_type(batch.stream(), AsyncGenerator[Event | RunResult, None])
    async for event in batch.stream():
        if isinstance(event, RunResult):
            assert_type(event.exit, batchsync.ExitCode)


async def one() -> None:
    """One pair."""
    made = batchsync.generate(
        assets={"audio_file_path": "a.mp3", "video_source": "file", "video_file_path": Path("v")},
        start_seconds=0.0,
        end_seconds=2.0,
        style={"generation_mode": "pro"},
    )
    assert_type(made, Generated)
    assert_type(made.downloaded_paths, list[str] | None)
    client = batchsync.AsyncClient(token=None)
    assert_type(
        await client.generate(
            assets={"audio_file_path": "a.mp3", "video_source": "youtube", "youtube_url": "u"},
            start_seconds=0.0,
            end_seconds=2.0,
        ),
        Generated,
    )
    await client.generate(start_seconds=0.0, end_seconds=2.0)  # type: ignore[call-arg]
