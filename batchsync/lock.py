"""One process a batch, by a kernel lock that dies with its holder."""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from batchsync.errors import BatchsyncError, LedgerUnusable, LockHeld, UsageError
from batchsync.ledger import read_only
from batchsync.ledger.sqlite import read_latest_run

# Between two tries at a lock that another run holds.
_RETRY_SECONDS = 0.2
_ADVICE = "wait for it, or use --lock-wait SECONDS"
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)


@asynccontextmanager
async def held(
    lock: Path,
    state: Path,
    wait_seconds: float,
    waiting: Callable[[str], None] = lambda _: None,
) -> AsyncIterator[None]:
    """Hold a batch's lock; `waiting` is told once who has it, if it has to be waited for.

    Raises:
        LockHeld: another process has it, for longer than `wait_seconds`.
        UsageError: this file system has no locks, or the folder can't be written.
    """
    # Without flock, filelock would fall back to a lock that a dead process leaves behind.
    guard = FileLock(lock, thread_local=False, fallback_to_soft=False)
    deadline = asyncio.get_running_loop().time() + wait_seconds
    told = False
    while not await asyncio.to_thread(_take, guard, lock):
        # Tried again and again from here: a thread that waits could not be told to stop.
        if asyncio.get_running_loop().time() >= deadline:
            raise LockHeld(f"{await asyncio.to_thread(_holder, state)}; {_ADVICE}")
        if not told:
            waiting(await asyncio.to_thread(_holder, state))
            told = True
        await asyncio.sleep(_RETRY_SECONDS)
    try:
        yield
    finally:
        guard.release()


def _take(guard: FileLock, lock: Path) -> bool:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        guard.acquire(blocking=False)
        return True
    except Timeout:
        return False
    except NotImplementedError as error:
        raise _no_locks(lock) from error
    except OSError as error:
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
        return "another run of this batch has just started"
    since = datetime.fromtimestamp(run.started_at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"another run works on this batch: pid {run.pid} on {run.host}, since {since}"
