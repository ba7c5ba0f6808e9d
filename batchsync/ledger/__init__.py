"""The durable record of a batch."""

from batchsync.ledger.protocol import (
    Attempt,
    Cost,
    Draft,
    FileFacts,
    JobRecord,
    Ledger,
    RunRecord,
    Transition,
)
from batchsync.ledger.sqlite import SqliteLedger, read_only

__all__ = [
    "Attempt",
    "Cost",
    "Draft",
    "FileFacts",
    "JobRecord",
    "Ledger",
    "RunRecord",
    "SqliteLedger",
    "Transition",
    "read_only",
]
