"""Buying a render: one create call, and what its outcome means.

This is the only place that calls `Api.create`. It makes the call once and never repeats it; what
comes back says whether a job was made, was not, or may have been.
"""

from dataclasses import dataclass
from typing import Any

from batchsync.api.protocol import Api
from batchsync.errors import (
    AnswerLost,
    Forbidden,
    NotSent,
    PaymentRequired,
    RemoteError,
    Throttled,
    Unauthorized,
    Unavailable,
)


@dataclass(frozen=True, slots=True)
class Made:
    """The service took the job. `credits` is its estimate, None where it gave none."""

    project_id: str
    credits: int | None


@dataclass(frozen=True, slots=True)
class NotMade:
    """It is certain that no job was made, and the same call may be made again."""

    error: RemoteError


@dataclass(frozen=True, slots=True)
class Barred:
    """No job was made, and it is the account, not the job, that stands in the way."""

    error: RemoteError


@dataclass(frozen=True, slots=True)
class Refused:
    """No job was made, and the same call would be refused again."""

    error: RemoteError


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer was lost: a job may have been made. Only a person may send it again."""

    error: RemoteError


Outcome = Made | NotMade | Barred | Refused | Unknown

# The only errors after which the call may be made again: no connection, 429, a 5xx without an id.
_NOT_MADE = (NotSent, Throttled, Unavailable)
_BARRED = (Unauthorized, Forbidden, PaymentRequired)


async def submit(api: Api, body: dict[str, Any]) -> Outcome:
    """Make the create call once."""
    try:
        created = await api.create(body)
    except RemoteError as error:
        return judge(error)
    except Exception as error:
        # A mistake of ours, with the call perhaps made: the safe side is to ask a person.
        return Unknown(AnswerLost(f"the answer could not be read: {type(error).__name__}"))
    return Made(created.id, created.credits_charged)


def judge(error: RemoteError) -> Outcome:
    """What a failed create call means for the user's money."""
    if isinstance(error, _NOT_MADE):
        return NotMade(error)
    if isinstance(error, _BARRED):
        return Barred(error)
    if error.status is not None and 400 <= error.status < 500:
        return Refused(error)
    return Unknown(error)
