"""A rate that transfers share: `--limit-upload`, `--limit-download`."""

import asyncio

# Seconds of the rate that may pass at once after a pause: enough that timers, which are late by
# milliseconds, cost no throughput.
_BURST = 0.25
# Seconds of the rate that one piece of a transfer takes.
_PIECE = 0.05
# Bytes. Smaller pieces cost more than they smooth; larger ones hold much memory for nothing.
_SMALLEST_PIECE, _LARGEST_PIECE = 1 << 10, 1 << 18


class Bandwidth:
    """A token bucket for one direction of a run; transfers are served in the order they come.

    Kept as the moment at which all that was taken will have been paid for, so that it needs
    neither a lock nor a timer of its own.

    Args:
        rate: bytes per second.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._paid = float("-inf")
        # In bytes, for a transfer to take at a time.
        self.piece = min(max(int(rate * _PIECE), _SMALLEST_PIECE), _LARGEST_PIECE)

    async def take(self, count: int) -> None:
        """Wait until `count` bytes may pass."""
        now = asyncio.get_running_loop().time()
        self._paid = max(self._paid, now - _BURST) + count / self._rate
        if self._paid > now:
            await asyncio.sleep(self._paid - now)
