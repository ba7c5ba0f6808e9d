"""Tells a bad job from a bad account, so that one never passes for the other."""

from collections.abc import Callable

from batchsync.errors import (
    ExitCode,
    Forbidden,
    PaymentRequired,
    RemoteError,
    Unauthorized,
)

# 403s, without a single job taken, after which the account is to blame and not the jobs.
_FORBIDDEN_LIMIT = 3
# Jobs in a row that ran out of patience with the service before the run gives up on it.
_OUTAGE_LIMIT = 3
# Answers lost in a row, without a job taken in between, after which something on the way swallows
# them all: going on would leave the whole batch unconfirmed. At one lost answer in five, ten in a
# row are one case in ten million.
_LOST_LIMIT = 10


class Breaker:
    """Closes the run for submissions when the account or the service is to blame.

    A 403 alone may be about one job (its mode is not on the plan) or about everything; which one
    shows as soon as another job is accepted.
    """

    def __init__(self, close: Callable[[ExitCode, str], None]) -> None:
        self._close = close
        self._accepted = False
        self._forbidden = 0
        self._exhausted = 0
        self._lost = 0

    @property
    def knows_account_is_good(self) -> bool:
        """Whether the service has taken a job in this run."""
        return self._accepted

    def accepted(self) -> None:
        """A job was taken."""
        self._accepted = True
        self._exhausted = 0
        self._lost = 0

    def barred(self, error: RemoteError) -> None:
        """A create call was answered 401, 402 or 403."""
        if isinstance(error, Unauthorized):
            self._close(ExitCode.DENIED, f"the key is not accepted ({error})")
        elif isinstance(error, PaymentRequired):
            self._close(ExitCode.OUT_OF_CREDITS, f"the account is out of credits ({error})")
        elif isinstance(error, Forbidden) and not self._accepted:
            self._forbidden += 1
            if self._forbidden >= _FORBIDDEN_LIMIT:
                self._close(ExitCode.DENIED, f"the service forbids every job ({error})")

    def lost(self, error: RemoteError) -> None:
        """The answer to a create call was lost."""
        self._lost += 1
        if self._lost >= _LOST_LIMIT:
            self._close(ExitCode.UNCONFIRMED, f"every answer gets lost ({error})")

    def exhausted(self, error: RemoteError) -> None:
        """A job was given up for this run because the service could not be reached or used."""
        self._exhausted += 1
        if self._exhausted >= _OUTAGE_LIMIT:
            self._close(ExitCode.INCOMPLETE, f"the service is not to be had ({error})")
