"""What the shell is offered on TAB."""

import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from test_request import a_job

from batchsync.cli.completing import jobs, manifests
from batchsync.ledger import RunRecord, SqliteLedger, Transition
from batchsync.model import Failure, JobState, Stage


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("spring.yaml", "summer.yml", "notes.txt", ".hidden.yaml"):
        (tmp_path / name).touch()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "autumn.yaml").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("", ["spring.yaml", "sub/", "summer.yml"]),
        ("sp", ["spring.yaml"]),
        ("s", ["spring.yaml", "sub/", "summer.yml"]),
        ("sub", ["sub/autumn.yaml"]),
        ("sub/", ["sub/autumn.yaml"]),
        (".h", [".hidden.yaml"]),
        ("nothing", []),
        ("no/such/folder/", []),
    ],
)
def test_manifests_and_the_folders_on_the_way_are_offered(typed: str, offered: list[str]) -> None:
    assert manifests(typed) == offered


def test_an_absolute_path_stays_one(folder: Path) -> None:
    assert manifests(f"{folder}/sp") == [f"{folder}/spring.yaml"]


@pytest.fixture
def ledger(folder: Path) -> Path:
    """One whose name is not the manifest's stem, with a job that failed."""
    path = folder / ".batchsync" / "campaign.db"

    async def write() -> None:
        book = SqliteLedger.open(path, "r1")
        await book.enroll([replace(a_job(name), position=n) for n, name in enumerate("abc")])
        manifest = str(folder / "spring.yaml")
        await book.begin_run(RunRecord("r1", 1, None, "h", 1, manifest, "http://x", "1", None))
        failure = Failure(Stage.PREFLIGHT, "unfit", "x")
        await book.move(Transition("b", JobState.PENDING, JobState.FAILED, 0, failure=failure))
        await book.close()

    asyncio.run(write())
    return path


def context(manifest: object, **more: Any) -> Any:
    return SimpleNamespace(params={"manifest": manifest, **more})


def test_ids_come_from_the_ledger_with_their_states(ledger: Path) -> None:
    spring = context(Path("spring.yaml"))

    assert jobs()(spring, "") == [("a", "pending"), ("b", "failed"), ("c", "pending")]
    assert jobs("failed", "canceled")(spring, "") == [("b", "failed")]
    assert jobs()(spring, "c") == [("c", "pending")]
    assert jobs()(context(Path("spring.yaml"), jobs=("a", "b")), "") == [("c", "pending")]
    given = context(Path("elsewhere.yaml"), state=".batchsync/campaign.db")
    assert jobs("failed")(given, "") == [("b", "failed")]


@pytest.mark.parametrize("manifest", [Path("summer.yml"), Path("missing.yaml"), None, 7])
def test_where_nothing_is_known_nothing_is_offered(ledger: Path, manifest: object) -> None:
    assert jobs()(context(manifest), "") == []


def test_a_damaged_ledger_makes_no_noise(ledger: Path) -> None:
    ledger.write_bytes(b"SQLite format 3\x00" + b"x" * 5_000)

    assert jobs()(context(Path("spring.yaml")), "") == []
