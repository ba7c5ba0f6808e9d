"""Uploads of other batches in the same state directory: used where it helps, never touched."""

import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from batchsync.ledger import siblings as module
from batchsync.ledger.file import migrations
from batchsync.ledger.protocol import FileFacts
from batchsync.ledger.siblings import Siblings
from batchsync.ledger.sqlite import SqliteLedger
from batchsync.model import Asset

URL, ACCOUNT = "https://api.example.com", "acct"
DAY = 86_400.0
VIDEO = FileFacts("/in/v.mp4", 1000, 7, "vv")


def asset(sha256: str = "vv", size: int = 1000, age: float = DAY) -> Asset:
    return Asset(sha256, "video", "mp4", size, f"api-assets/{sha256}.mp4", time.time() - age)


async def fill(
    ledger: SqliteLedger, *assets: Asset, files: tuple[FileFacts, ...] = (VIDEO,)
) -> None:
    for each in assets:
        await ledger.keep_asset(URL, ACCOUNT, each)
    await ledger.keep_files(files)


async def neighbour(path: Path, *assets: Asset, files: tuple[FileFacts, ...] = (VIDEO,)) -> Path:
    ledger = SqliteLedger.open(path, "run")
    await fill(ledger, *assets, files=files)
    await ledger.close()
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "own.db"


@pytest.fixture
def siblings(state: Path) -> Siblings:
    return Siblings(state, URL, ACCOUNT, 6 * DAY)


WANTED = [FileFacts("/in/v.mp4", 1000, 7), FileFacts("/in/other.mp4", 999, 7)]


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {each.name: (each.read_bytes(), each.stat().st_mtime_ns) for each in folder.iterdir()}


async def test_what_a_neighbour_has_uploaded_is_known_with_its_content(
    siblings: Siblings, tmp_path: Path
) -> None:
    await neighbour(tmp_path / "a.db", asset(), asset("small", 5))
    before = snapshot(tmp_path)
    found = siblings.look(WANTED)

    assert [each.file_path for each in found.assets.values()] == ["api-assets/vv.mp4"]
    assert found.assets["vv", "video", "mp4"].size == 1000
    assert found.hashes == {"/in/v.mp4": "vv"}
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "file", [FileFacts("/in/v.mp4", 1000, 8), FileFacts("/in/w.mp4", 1000, 7)], ids=["time", "path"]
)
async def test_a_file_that_is_another_than_the_neighbour_saw_has_to_be_read(
    siblings: Siblings, tmp_path: Path, file: FileFacts
) -> None:
    await neighbour(tmp_path / "a.db", asset())
    found = siblings.look([file])

    assert found.assets and not found.hashes


@pytest.mark.parametrize("age", [6.1 * DAY, -DAY])
async def test_uploads_that_are_old_or_from_the_future_do_not_count(
    siblings: Siblings, tmp_path: Path, age: float
) -> None:
    await neighbour(tmp_path / "a.db", asset(age=age))

    assert siblings.look(WANTED).assets == {}


@pytest.mark.parametrize(("url", "account"), [("https://x.example", ACCOUNT), (URL, "another")])
async def test_uploads_of_other_accounts_and_servers_do_not_count(
    state: Path, tmp_path: Path, url: str, account: str
) -> None:
    await neighbour(tmp_path / "a.db", asset())

    assert Siblings(state, url, account, 6 * DAY).look(WANTED).assets == {}


async def test_the_own_ledger_is_no_neighbour(siblings: Siblings, state: Path) -> None:
    await neighbour(state, asset())

    assert siblings.look(WANTED).assets == {}


async def test_a_neighbour_at_work_is_read_without_disturbing_it(
    siblings: Siblings, tmp_path: Path
) -> None:
    ledger = SqliteLedger.open(tmp_path / "a.db", "run")
    await fill(ledger, asset())
    assert siblings.look(WANTED).assets
    await fill(ledger, asset(age=2 * DAY))
    await ledger.close()

    assert names_in(tmp_path) == ["a.db"]


def _text(path: Path) -> None:
    path.write_text("not a ledger")


def _empty(path: Path) -> None:
    path.touch()


def _foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE assets (sha256)")


def _folder(path: Path) -> None:
    path.mkdir()


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))


def _damaged(path: Path) -> None:
    shutil.copy(path.parent / "good.db", path)
    with path.open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * (path.stat().st_size - 100))


def _cut(path: Path) -> None:
    path.write_bytes((path.parent / "good.db").read_bytes()[:5000])


def _newer(path: Path) -> None:
    shutil.copy(path.parent / "good.db", path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrations()) + 1}")


def _without_log(path: Path) -> None:
    shutil.copy(path.parent / "good.db", path)
    with path.open("r+b") as file:
        file.seek(18)
        file.write(b"\x02\x02")


def _other_tables(path: Path) -> None:
    shutil.copy(path.parent / "good.db", path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE assets")


@pytest.mark.parametrize(
    "make",
    [
        _text,
        _empty,
        _foreign,
        _folder,
        _pipe,
        _dangling,
        _damaged,
        _cut,
        _newer,
        _without_log,
        _other_tables,
    ],
    ids=lambda make: make.__name__.strip("_"),
)
async def test_a_neighbour_that_is_no_good_is_passed_over_and_left_alone(
    siblings: Siblings, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    good = await neighbour(tmp_path / "good.db", asset())
    os.utime(good, (time.time() - 60,) * 2)
    bad = tmp_path / "bad.db"
    make(bad)
    kept = bad.read_bytes() if bad.is_file() else None
    names = names_in(tmp_path)
    found = siblings.look(WANTED)

    assert [each.file_path for each in found.assets.values()] == ["api-assets/vv.mp4"]
    assert names_in(tmp_path) == names
    assert (bad.read_bytes() if bad.is_file() else None) == kept


async def test_a_neighbour_that_is_locked_is_not_waited_for(
    siblings: Siblings, tmp_path: Path
) -> None:
    path = await neighbour(tmp_path / "a.db", asset())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        begin = time.monotonic()
        assert siblings.look(WANTED).assets == {}
        assert time.monotonic() - begin < 1
        other.execute("ROLLBACK")

    assert siblings.look(WANTED).assets


async def test_neighbours_that_rest_for_a_week_are_not_even_opened(
    siblings: Siblings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await neighbour(tmp_path / "0.db", asset())
    os.utime(first, (time.time() - 7 * DAY,) * 2)
    for number in range(1, 300):
        shutil.copy2(first, tmp_path / f"{number}.db")
    opened: list[str] = []
    monkeypatch.setattr(module, "_open", opened.append)
    siblings.look(WANTED)

    assert opened == []


async def test_a_crowd_of_neighbours_is_asked_for_a_bounded_time_newest_first(
    siblings: Siblings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await neighbour(tmp_path / "0.db", asset())
    for number in range(1, 20):
        shutil.copy(first, tmp_path / f"{number}.db")
        os.utime(tmp_path / f"{number}.db", (time.time() - number,) * 2)
    clock = iter(range(1000))
    opened: list[str] = []
    real = module._open
    monkeypatch.setattr(module, "_open", lambda path: opened.append(Path(path).name) or real(path))
    monkeypatch.setattr(module, "_MOST_SECONDS", 5)
    with monkeypatch.context() as patched:
        patched.setattr(module.time, "monotonic", lambda: next(clock))
        siblings.look(WANTED)

    assert opened == ["0.db", "1.db", "2.db", "3.db", "4.db"]


async def test_looking_anew_opens_only_what_has_changed(
    siblings: Siblings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await neighbour(tmp_path / "a.db", asset())
    await neighbour(tmp_path / "b.db")
    siblings.look(WANTED)
    opened: list[str] = []
    real = module._open
    monkeypatch.setattr(module, "_open", lambda path: opened.append(Path(path).name) or real(path))
    assert siblings.look(WANTED, anew=True).assets == {}
    assert opened == []
    ledger = SqliteLedger.open(tmp_path / "b.db", "run")
    await fill(ledger, asset("new"))
    found = siblings.look(WANTED, anew=True)
    await ledger.close()

    assert opened == ["b.db"]
    assert [each.sha256 for each in found.assets.values()] == ["new"]


async def test_a_folder_that_cannot_be_listed_has_no_neighbours(tmp_path: Path) -> None:
    assert Siblings(tmp_path / "no" / "x.db", URL, ACCOUNT, DAY).look(WANTED).assets == {}


async def test_a_neighbour_is_read_from_any_thread(siblings: Siblings, tmp_path: Path) -> None:
    await neighbour(tmp_path / "a.db", asset())
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(len(siblings.look(WANTED).assets)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert counts == [1, 1, 1]


async def test_of_several_uploads_of_a_content_the_youngest_counts(
    siblings: Siblings, tmp_path: Path
) -> None:
    await neighbour(tmp_path / "a.db", asset(age=1 * DAY))
    await neighbour(tmp_path / "b.db", replace(asset(age=5 * DAY), file_path="api-assets/old"))
    found = siblings.look(WANTED)

    assert [each.file_path for each in found.assets.values()] == ["api-assets/vv.mp4"]
