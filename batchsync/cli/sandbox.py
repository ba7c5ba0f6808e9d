"""`batchsync sandbox`. The command lives with the sandbox, which also runs without the rest."""

from batchsync.sandbox.command import sandbox

__all__ = ["sandbox"]
