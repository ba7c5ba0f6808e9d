"""The command line."""

from batchsync.cli.app import main

__all__ = ["main"]
