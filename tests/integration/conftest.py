"""Integration tests run the engine in this process, against a strict server beside it."""

from collections.abc import Callable

import pytest

from tests.strict import Strict
from tests.support.batches import Batch
from tests.support.engine import Workbench


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that are there for a real service's sake are short here."""
    monkeypatch.setattr("batchsync.engine.slots._FIRST_PAUSE", 0.05)
    monkeypatch.setattr("batchsync.engine.planner._RESUME_SPREAD", 0.05)


@pytest.fixture
def bench(batch: Batch, serve: Callable[..., Strict]) -> Callable[..., Workbench]:
    """Makes a workbench with a server of the given rules."""
    return lambda **rules: Workbench(batch, serve(**rules))
