"""Acceptance tests give the real command in a process of its own, as users do."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from batchsync.sandbox.samples import write_demo
from tests.strict import Strict
from tests.support.batches import Batch
from tests.support.cli import Cli, Served, sandbox_process


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """The command in the batch's folder; what it started ends with the test."""
    command = Cli(tmp_path)
    yield command
    command.close()


@pytest.fixture
def against(cli: Cli, serve: Callable[..., Strict]) -> Callable[..., Strict]:
    """Starts a strict server of the given rules, which `cli` then speaks to."""

    def start(**rules: object) -> Strict:
        server = serve(**rules)
        cli.base_url = server.base_url
        return server

    return start


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The project's own sandbox, as a process."""
    folder = tmp_path_factory.mktemp("sandbox")
    with sandbox_process(folder, "--fast", "--render-seconds", "0") as served:
        yield served


@pytest.fixture(scope="session")
def demo_media(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The media of `make demo`, shared by all workers of a session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "demo-media"
    folder.mkdir(exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / ".made").exists():
            write_demo(folder)
            (folder / ".made").touch()
    return folder


@pytest.fixture
def long_renders(batch: Batch, against: Callable[..., Strict]) -> Strict:
    """Four jobs that render for longer than any test waits; see `finish_renders`."""
    batch.write_pairs(4)
    return against(render_seconds=600)
