"""What the sandbox saw, counted as it happened."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Gauge:
    """How many of something there are at once, and were at most."""

    now: int = 0
    peak: int = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more for as long as the block lasts."""
        self.now += 1
        self.peak = max(self.peak, self.now)
        try:
            yield
        finally:
            self.now -= 1


@dataclass(slots=True)
class Observer:
    """Counts since this process began."""

    requests: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    uploads: int = 0
    uploaded_bytes: int = 0
    uploads_aborted: int = 0
    downloads: int = 0
    downloaded_bytes: int = 0
    key_at_storage: int = 0
    rendering: Gauge = field(default_factory=Gauge)
    handling: Gauge = field(default_factory=Gauge)
