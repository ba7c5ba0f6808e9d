"""One process a batch, by a kernel lock that dies with its holder."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from batchsync.errors import BatchsyncError, LedgerUnusable, LockHeld, UsageError
from batchsync.ledger import read_only
from batchsync.ledger.sqlite import read_latest_run

_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@asynccontextmanager
async def held(lock: Path, state: Path, wait_seconds: float) -> AsyncIterator[None]:
    """Hold a batch's lock.

    Raises:
        LockHeld: another process has it, for longer than `wait_seconds`.
        UsageError: this file system has no locks, or the folder can't be written.
    """
    guard = FileLock(lock, thread_local=False)
    try:
        await asyncio.to_thread(_take, guard, lock, wait_seconds)
    except Timeout:
        raise LockHeld(await asyncio.to_thread(_holder, state)) from None
    try:
        yield
    finally:
        guard.release()


def _take(guard: FileLock, lock: Path, wait_seconds: float) -> None:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        guard.acquire(timeout=wait_seconds, poll_interval=0.1)
    except NotImplementedError as error:
        raise _no_locks(lock) from error
    except OSError as error:
        if isinstance(error, Timeout):
            raise
        if error.errno in _NO_LOCKS:
            raise _no_locks(lock) from error
        raise UsageError(f"can't write to {lock.parent}: {error.strerror}") from error


def _no_locks(lock: Path) -> BatchsyncError:
    return UsageError(
        f"the file system of {lock.parent} has no locks, so two runs could buy the same job; "
        "keep the state on a local disk: --state PATH"
    )


def _holder(state: Path) -> str:
    run = None
    with contextlib.suppress(LedgerUnusable):
        connection = read_only(state)
        with contextlib.closing(connection):
            run = read_latest_run(connection)
    if run is None or run.ended_at is not None:
        return "another run of this batch has just started; wait for it, or use --lock-wait"
    since = datetime.fromtimestamp(run.started_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return (
        f"another run works on this batch: pid {run.pid} on {run.host}, since {since}; "
        "wait for it, or use --lock-wait SECONDS"
    )
