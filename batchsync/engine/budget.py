"""Credits: what is spent, what is promised, and whether the next job still fits under the cap."""

import asyncio


class Budget:
    """Counts all runs of the batch; figures are credits.

    An estimate is reserved before a create call, corrected by the service's answer, and settled
    when the render ends.
    """

    def __init__(self, cap: int | None, spent: int, settles: bool = True) -> None:
        """`settles` is False where the run will not wait for any render to end."""
        self.cap = cap
        self._settles = settles
        self._spent = spent
        self._promised: dict[str, int] = {}
        self._changed = asyncio.Event()

    @property
    def spent(self) -> int:
        """Settled, or held by attempts of which nobody knows."""
        return self._spent

    @property
    def promised(self) -> int:
        """Reserved for renders that have not ended."""
        return sum(self._promised.values())

    async def reserve(self, job: str, credits: int) -> bool:
        """Promise credits to a job, waiting for others to settle where that may make room.

        Returns:
            False where the job does not fit and nothing that would make room is under way.
        """
        while self.cap is not None and self._spent + self.promised + credits > self.cap:
            if not (self._promised and self._settles):
                return False
            self._changed.clear()
            await self._changed.wait()
        self._promised[job] = credits
        return True

    def carry(self, job: str, credits: int) -> None:
        """Take over a promise that an earlier run made, and counted as spent."""
        self._spent -= credits
        self._promised[job] = credits

    def correct(self, job: str, credits: int) -> None:
        """The service's own estimate takes the place of ours."""
        self._promised[job] = credits
        self._changed.set()

    def settle(self, job: str, charged: int) -> None:
        """The service has said what a job costs; 0 where it cost nothing."""
        self._promised.pop(job, None)
        self._spent += charged
        self._changed.set()
