"""How a run gets on, said in one line from time to time where nothing can be drawn (cron, CI)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from batchsync.events import Event, Note

# Seconds: often enough to see that a run lives, seldom enough for a log of a night.
_INTERVAL = 60.0


@asynccontextmanager
async def reporting(
    line: Callable[[], str], announce: Callable[[Event], None], interval: float = _INTERVAL
) -> AsyncIterator[None]:
    """While the block lasts, announce a line every `interval` seconds."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(interval)
            announce(Note("info", line()))

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
