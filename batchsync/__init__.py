"""batchsync: lip-sync and dubbing batches on the Magic Hour API.

The names below are the whole Python API; docs/python.md shows them at work. What happens on the
way is told by `batchsync.events`, what goes wrong is raised from the tree in `batchsync.errors`.

    Batch           pairs and their ledger: plan, run, arun, stream, results, retry, resolve
    JobSpec         one pair with its parameters, for `Batch.from_jobs`
    BatchPlan       what a run would do and cost; `PlannedJob` of each job
    RunResult       what a run came to; `JobResult` of each job
    generate        one pair, with the keywords of the official SDK; `agenerate` for coroutines
    Generated       what came of it
    Client          the same for scripts of the official SDK; `AsyncClient` for coroutines
    BatchsyncError  the root of all errors
    ExitCode        what a run ends with
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchsync import errors, events
    from batchsync.errors import BatchsyncError, ExitCode
    from batchsync.library.batch import Batch
    from batchsync.library.client import AsyncClient, Client
    from batchsync.library.generating import agenerate, generate
    from batchsync.library.jobspec import JobSpec
    from batchsync.library.rendered import Generated
    from batchsync.library.results import BatchPlan, JobResult, PlannedJob, RunResult

__all__ = [
    "AsyncClient",
    "Batch",
    "BatchPlan",
    "BatchsyncError",
    "Client",
    "ExitCode",
    "Generated",
    "JobResult",
    "JobSpec",
    "PlannedJob",
    "RunResult",
    "__version__",
    "agenerate",
    "errors",
    "events",
    "generate",
]

__version__ = "0.1.0"

# Loaded when asked for: `batchsync --help` must not wait for what it does not need.
_HOMES = {
    "AsyncClient": "batchsync.library.client",
    "Batch": "batchsync.library.batch",
    "BatchPlan": "batchsync.library.results",
    "BatchsyncError": "batchsync.errors",
    "Client": "batchsync.library.client",
    "ExitCode": "batchsync.errors",
    "Generated": "batchsync.library.rendered",
    "JobResult": "batchsync.library.results",
    "JobSpec": "batchsync.library.jobspec",
    "PlannedJob": "batchsync.library.results",
    "RunResult": "batchsync.library.results",
    "agenerate": "batchsync.library.generating",
    "generate": "batchsync.library.generating",
}
_MODULES = ("errors", "events")


def __getattr__(name: str) -> Any:
    from importlib import import_module  # noqa: PLC0415

    if name in _MODULES:
        return import_module(f"batchsync.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'batchsync' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return list(__all__)
