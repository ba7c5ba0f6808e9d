"""How a run ended that raised."""

import time

from batchsync.errors import BatchsyncError, ExitCode
from batchsync.events import RunEnded


def ended_by(error: BaseException) -> RunEnded:
    """The event of such an end, with what the process ends with."""
    if isinstance(error, BatchsyncError):
        return RunEnded(time.time(), error.exit_code, error.code)
    # KeyboardInterrupt, or a coroutine of somebody's that was called back.
    called_back = not isinstance(error, Exception)
    code = ExitCode.INTERRUPTED if called_back else ExitCode.INTERNAL
    return RunEnded(time.time(), code, type(error).__qualname__)
