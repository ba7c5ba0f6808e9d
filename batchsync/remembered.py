"""What a ledger remembers of earlier runs that bears on the next: uploads, and render times."""

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from batchsync.engine.library import REUSE_SECONDS
from batchsync.ledger.file import open_for_reading
from batchsync.ledger.sqlite import SQL
from batchsync.model import Asset

# How many of the latest render times are learnt from.
_RENDERS = 200


@dataclass(frozen=True, slots=True)
class Memory:
    """Contents that the service still has, and seconds that renders took, the latest first."""

    assets: tuple[Asset, ...] = ()
    render_seconds: tuple[float, ...] = ()


def remembered(state: Path, base_url: str, account: str | None) -> Memory:
    """Read it; blocking. Without an account, nobody knows whose uploads may be used.

    Raises:
        LedgerUnusable: the ledger is newer, foreign or damaged.
    """
    if not state.exists():
        return Memory()
    now = time.time()
    with contextlib.closing(open_for_reading(state)) as ledger:
        times = tuple(row[0] for row in ledger.execute(SQL["render_seconds"], (_RENDERS,)))
        if account is None:
            return Memory((), times)
        key = (base_url, account, now - REUSE_SECONDS, now)
        return Memory(
            tuple(Asset(**row) for row in ledger.execute(SQL["fresh_assets"], key)), times
        )
