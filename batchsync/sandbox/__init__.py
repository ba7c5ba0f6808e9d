"""A local server that speaks the lip-sync API and really renders, with faults on demand.

It imports nothing else of batchsync: a mistake that client and server shared would hide itself.
"""

from typing import TYPE_CHECKING, Any

from batchsync.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from batchsync.sandbox.server import Sandbox

__all__ = ["Sandbox", "SandboxSettings"]


def __getattr__(name: str) -> Any:
    """Import the server, and with it aiohttp and PyAV, only when somebody starts one."""
    if name == "Sandbox":
        from batchsync.sandbox.server import Sandbox  # noqa: PLC0415

        return Sandbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
