"""Every error that batchsync raises, in one tree.

    BatchsyncError
    ├── UsageError                    the command line, the environment
    │   ├── KeyMissing                no API key was given
    │   ├── ManifestError             the manifest: carries every problem found
    │   └── LedgerUnusable            newer, foreign or corrupted ledger file
    ├── LockHeld                      another run works on this batch
    ├── Incomplete                    a render is not there yet: go on later
    ├── Unconfirmed                   nobody knows whether a render was bought: a person must say
    ├── LedgerError                   the ledger could not record something
    │   └── StaleTransition           the job was not in the state expected
    ├── LocalFileError                a file on this machine
    │   ├── SourceUnfit               missing, unreadable, not media, changed underway
    │   └── OutputUnwritable          disk full, read-only, no permission
    └── RemoteError                   something the network side did
        ├── NotSent                   no connection: the request never left
        ├── AnswerLost                sent, but no whole answer came back
        ├── Throttled                 429
        ├── Unavailable               5xx
        ├── Unauthorized              401
        ├── Forbidden                 403
        ├── PaymentRequired           402
        ├── NotFound                  404
        ├── Rejected                  any other 4xx
        ├── Unintelligible            an answer that is not what the API documents
        ├── Redirected                3xx: never followed, the key would travel
        ├── UrlExpired                the storage host refuses a pre-signed URL
        └── OutputInvalid             downloaded bytes that are no playable media

`retryable` says whether trying the same again may help; `exit_code` is what the
process ends with where this error ends the run; `code` is the short stable word
in the results table and in logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What the process says when it ends; the numbers are part of the fixed surface."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    SOME_FAILED = 3
    DENIED = 4
    OUT_OF_CREDITS = 5
    INCOMPLETE = 6
    UNCONFIRMED = 7
    NOTHING_TO_DO = 9
    LOCKED = 11
    INTERRUPTED = 130
    TERMINATED = 143


class BatchsyncError(Exception):
    """The root of the tree."""

    exit_code: ClassVar[ExitCode] = ExitCode.INTERNAL
    retryable: ClassVar[bool] = False
    code: str = "internal_error"


class UsageError(BatchsyncError):
    """The command line, the environment or a file it names is wrong; nothing was sent."""

    exit_code = ExitCode.USAGE
    code = "usage"


class KeyMissing(UsageError):
    """There is work to do, and no API key to do it with."""

    exit_code = ExitCode.DENIED
    code = "key_missing"


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a manifest, in words that a non-programmer can act on.

    Attributes:
        where: `file:line:column`, or `file` where there is no position.
        job: the job's id, or None where the mistake belongs to no job.
        field: dotted name of the field, as the user wrote it, or None.
        found: what stands there.
        expected: what should stand there, and how to mend it.
    """

    where: str
    job: str | None
    field: str | None
    found: str
    expected: str

    def __str__(self) -> str:
        subject = ", ".join(
            part for part in (f"job {self.job}" if self.job else "", self.field or "") if part
        )
        lead = f"{self.where}: {subject}: " if subject else f"{self.where}: "
        return f"{lead}{self.found}; {self.expected}" if self.expected else f"{lead}{self.found}"


class ManifestError(UsageError):
    """The manifest can't be used; every problem found is in `problems`."""

    code = "manifest"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class LedgerUnusable(UsageError):
    """The ledger file is from a newer version, is no ledger, or is damaged; it was not touched."""

    code = "ledger_unusable"


class LockHeld(BatchsyncError):
    """Another process is running this batch."""

    exit_code = ExitCode.LOCKED
    code = "locked"


class Incomplete(BatchsyncError):
    """What was asked for is not there yet; asking again goes on, and buys nothing twice."""

    exit_code = ExitCode.INCOMPLETE
    retryable = True
    code = "incomplete"


class Unconfirmed(BatchsyncError):
    """The answer to a create call was lost: it is not made again without a person's word."""

    exit_code = ExitCode.UNCONFIRMED
    code = "unconfirmed"


class LedgerError(BatchsyncError):
    """The ledger could not record something: the run has to stop, nothing may go unrecorded."""

    code = "ledger_write"


class StaleTransition(LedgerError):
    """A job was not in the state that the transition starts from."""

    code = "stale_transition"


class LocalFileError(BatchsyncError):
    """A file on this machine stands in a job's way."""

    exit_code = ExitCode.SOME_FAILED
    code = "local_file"


class SourceUnfit(LocalFileError):
    """An input file is missing, unreadable, no media, or changed while it was read."""

    code = "source_unfit"

    def __init__(self, message: str, code: str = "source_unfit") -> None:
        super().__init__(message)
        self.code = code


class OutputUnwritable(LocalFileError):
    """An output can't be written: disk full, read-only, no permission."""

    code = "output_unwritable"


class RemoteError(BatchsyncError):
    """Something that the API or its storage did, or failed to do.

    Attributes:
        status: the HTTP status, or None where no answer came.
        retry_after: seconds that the service asked to wait, or None.
    """

    exit_code = ExitCode.INCOMPLETE
    code = "remote"

    def __init__(
        self, message: str, *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class NotSent(RemoteError):
    """No connection was made, so the request never left this machine."""

    retryable = True
    code = "not_sent"


class AnswerLost(RemoteError):
    """The request left, and no whole answer came back: what the service did is unknown."""

    retryable = True
    code = "answer_lost"


class Throttled(RemoteError):
    """429: the service asks to slow down."""

    retryable = True
    code = "throttled"


class Unavailable(RemoteError):
    """5xx: the service is in trouble; without an id in the answer, no job was made."""

    retryable = True
    code = "unavailable"


class Unauthorized(RemoteError):
    """401: the key is not accepted."""

    exit_code = ExitCode.DENIED
    code = "unauthorized"


class Forbidden(RemoteError):
    """403: the key is good, but not for this."""

    exit_code = ExitCode.DENIED
    code = "forbidden"


class PaymentRequired(RemoteError):
    """402: not enough credits."""

    exit_code = ExitCode.OUT_OF_CREDITS
    code = "payment_required"


class NotFound(RemoteError):
    """404: the service does not know this id."""

    code = "not_found"


class Rejected(RemoteError):
    """400, 422 or another 4xx: the service will not do this, however often it is asked."""

    code = "rejected"


class Unintelligible(RemoteError):
    """An answer that is not what the API documents."""

    retryable = True
    code = "unintelligible_answer"


class Redirected(RemoteError):
    """A redirect, which is never followed: the key or the bytes would go elsewhere."""

    code = "redirected"


class UrlExpired(RemoteError):
    """The storage host refuses a pre-signed URL; asking for a new one costs nothing."""

    retryable = True
    code = "url_expired"


class OutputInvalid(RemoteError):
    """The downloaded bytes are no playable media, or not the length announced."""

    code = "output_invalid"
