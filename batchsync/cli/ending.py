"""The one place that turns an error into words and an exit code."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from batchsync.errors import BatchsyncError, ExitCode, ManifestError

# More would scroll the first ones away; they are in order, so mending these shows the rest.
_MOST_PROBLEMS = 50

# Set by those who want to see where an internal error came from.
_TRACEBACK = "BATCHSYNC_TRACEBACK"


@contextmanager
def ending() -> Iterator[None]:
    """Run a command; whatever it raises becomes a message and an exit code."""
    try:
        yield
    except ManifestError as error:
        _say(_problems(error))
        sys.exit(error.exit_code)
    except BatchsyncError as error:
        _say(f"batchsync: {error}")
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`). Nothing more can be said to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        if os.environ.get(_TRACEBACK):
            raise
        _say(
            f"batchsync: internal error: {type(error).__name__}: {error}\n"
            f"This is a mistake in batchsync. What was bought is in the ledger: the same command "
            f"goes on where this one stopped. {_TRACEBACK}=1 shows where it happened."
        )
        sys.exit(ExitCode.INTERNAL)


def _problems(error: ManifestError) -> str:
    count = len(error.problems)
    shown = [str(problem) for problem in error.problems[:_MOST_PROBLEMS]]
    if count > _MOST_PROBLEMS:
        shown.append(f"… and {count - _MOST_PROBLEMS} more")
    noun = "problem" if count == 1 else "problems"
    return "\n".join([*shown, f"batchsync: {count} {noun}; nothing was sent"])


def _say(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
