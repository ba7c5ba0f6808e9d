"""The writing thread: order, cancellation, errors, closing."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from batchsync.errors import LedgerError, StaleTransition
from batchsync.ledger.writer import Writer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.db"


@pytest.fixture
async def writer(path: Path) -> AsyncIterator[Writer]:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    made = Writer(connection)
    yield made
    await made.close()


def insert(number: int):  # type: ignore[no-untyped-def]
    return lambda db: db.execute("INSERT INTO t VALUES (?)", (number,)).lastrowid


async def test_calls_run_in_order_and_give_back_their_results(writer: Writer) -> None:
    results = await asyncio.gather(*(writer.do(insert(number)) for number in range(1000)))

    assert results == list(range(1000))


async def test_a_call_that_has_returned_can_be_read_by_others(writer: Writer, path: Path) -> None:
    await writer.do(insert(7))

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT a FROM t").fetchall() == [(7,)]


async def test_a_canceled_caller_does_not_undo_its_call(writer: Writer) -> None:
    gate = threading.Event()
    blocked = asyncio.ensure_future(writer.do(lambda _: gate.wait(5)))
    call = asyncio.ensure_future(writer.do(insert(1)))
    await asyncio.sleep(0)
    call.cancel()
    gate.set()
    await blocked

    assert await writer.do(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 1


async def test_an_integrity_error_is_that_calls_alone(writer: Writer) -> None:
    results = await asyncio.gather(
        *(writer.do(insert(number)) for number in (1, 2, 1, 3)), return_exceptions=True
    )

    assert results[:2] + results[3:] == [1, 2, 3]
    assert isinstance(results[2], LedgerError)


async def test_a_refusal_undoes_what_the_call_had_written(writer: Writer) -> None:
    def half(db: sqlite3.Connection) -> None:
        insert(5)(db)
        raise StaleTransition("no")

    with pytest.raises(StaleTransition):
        await writer.do(half)

    assert await writer.do(lambda db: db.execute("SELECT count(*) FROM t").fetchone()[0]) == 0


@pytest.mark.parametrize("error", [ValueError("odd"), OverflowError("big"), KeyError("x")])
async def test_a_mistake_in_one_call_neither_hangs_nor_kills_the_thread(
    writer: Writer, error: Exception
) -> None:
    def mistaken(_: sqlite3.Connection) -> None:
        raise error

    async with asyncio.timeout(1):
        with pytest.raises(Exception, match=r"odd|big|x"):
            await writer.do(mistaken)
        assert await writer.do(insert(1)) == 1


async def test_closing_finishes_what_is_queued(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY)")
    writer = Writer(connection)
    calls = [asyncio.ensure_future(writer.do(insert(number))) for number in range(50)]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*calls)

    with closing(sqlite3.connect(path)) as other:
        assert other.execute("SELECT count(*) FROM t").fetchone() == (50,)
