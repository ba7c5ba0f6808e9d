"""A ledger that can't be trusted stops everything, and is left as it is."""

import sqlite3
from contextlib import closing

import pytest


def _foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")


def _no_database(path):
    path.write_bytes(b"Dear diary, today I bought a render.\n" * 200)


def _newer(path):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")


def _corrupted(path):
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 200] = b"\xaa" * 200
    path.write_bytes(content)


def _cut_off(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 + 100])


@pytest.mark.parametrize("spoil", [_foreign, _no_database, _newer, _corrupted, _cut_off])
def test_a_spoilt_ledger_is_refused_by_every_command_and_left_as_it_is(batch, cli, against, spoil):
    server = against()
    batch.write_pairs(2)
    assert cli("run", "batch.yaml").code == 0
    spoil(batch.ledger)
    asked, before = server.requests.total(), batch.ledger.read_bytes()
    folder = sorted(path.name for path in batch.ledger.parent.iterdir())
    for arguments in (["run", "batch.yaml"], ["retry", "batch.yaml", "ann-de"]):
        ended = cli(*arguments)
        assert (ended.code, ended.out) == (2, "")
        assert "batch.db" in ended.err
        assert "Traceback" not in ended.err
        assert batch.ledger.read_bytes() == before
    for command in ("status", "results", "plan", "fetch"):
        if spoil is _newer:
            assert cli(command, "batch.yaml").code == 2
    assert server.requests.total() == asked
    assert sorted(path.name for path in batch.ledger.parent.iterdir()) == folder


def test_a_file_that_a_kill_left_without_tables_is_begun_anew(batch, cli, against):
    server = against()
    batch.write_pairs(2)
    batch.ledger.parent.mkdir()
    # As it is between the ledger's first write and the transaction that makes its tables.
    with closing(sqlite3.connect(batch.ledger)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
    assert batch.ledger.stat().st_size > 0
    ended = cli("run", "batch.yaml")
    assert ended.code == 0, ended.err
    assert server.requests["create"] == 2
