"""What a sandbox can be told before it starts."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Tier = Literal["free", "creator", "pro", "business"]
OverLimit = Literal["queue", "429"]

DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """The settings of one sandbox.

    Attributes:
        host: The API's host name; storage answers on another one, as the real service's does.
        port: 0 takes any free port.
        storage_host: The storage's host name; None picks the other name of this machine.
        render_seconds: The least time from `rendering` to `complete`: a number or (least, most).
        tier: The account's plan; it decides upload sizes and whether `pro` renders are allowed.
        credits: The balance before the first job.
        max_concurrent: How many jobs render at once; None is no limit.
        over_limit: Whether a job beyond that waits, or its create call is answered 429.
        faults: Specifications such as `create:error-503=0.3`; see `batchsync.sandbox.faults`.
        seed: Makes the draws of faults and render times repeatable.
        key: The one API key that is accepted; None accepts any.
        data_dir: Where state is kept over restarts; None keeps it in a temporary directory.
        upload_url_ttl: Seconds that a pre-signed upload URL holds.
        download_url_ttl: Seconds that a pre-signed download URL holds.
        asset_ttl: Seconds that an uploaded file may be used by jobs.
        rate: API requests a second beyond which 429 with Retry-After is answered.
        fast: Every output is one tiny ready-made clip and frames are counted by arithmetic, with
            the source taken to have 30 fps. For load tests of a client.
        workers: Threads that render.
        hold_seconds: How long the fault `lost-answer` keeps a connection open at most.
        trickle_seconds: How long the fault `slow-body` takes over one answer.
        webhook_url: Where events go; None sends none.
        webhook_secret: What they are signed with.
        late_seconds: How late the fault `event-late` makes an event.
    """

    host: str = "localhost"
    port: int = 0
    storage_host: str | None = None
    render_seconds: float | tuple[float, float] = 0.0
    tier: Tier = "creator"
    credits: int = 100_000
    max_concurrent: int | None = None
    over_limit: OverLimit = "queue"
    faults: tuple[str, ...] = ()
    seed: int = 0
    key: str | None = None
    data_dir: Path | None = None
    upload_url_ttl: float = 3600.0
    download_url_ttl: float = DAY
    asset_ttl: float = 7 * DAY
    rate: float | None = None
    fast: bool = False
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    hold_seconds: float = 300.0
    trickle_seconds: float = 2.0
    webhook_url: str | None = None
    webhook_secret: str = field(default="sandbox-secret", repr=False)
    late_seconds: float = 2.0

    @property
    def render_range(self) -> tuple[float, float]:
        """The least and the most seconds that a render takes."""
        span = self.render_seconds
        return span if isinstance(span, tuple) else (span, span)

    @property
    def storage_name(self) -> str:
        """The storage's host name, always another than the API's."""
        return self.storage_host or ("localhost" if self.host == "127.0.0.1" else "127.0.0.1")


def parse_render_seconds(text: str) -> float | tuple[float, float]:
    """Read `2.5` or `1-4`.

    Raises:
        ValueError: It is neither a number nor a rising range of them.
    """
    least, dash, most = text.partition("-")
    try:
        span = (float(least), float(most if dash else least))
    except ValueError:
        span = (1.0, 0.0)
    if not 0 <= span[0] <= span[1] < float("inf"):
        raise ValueError(f"render seconds: expected a number or MIN-MAX, found {text!r}")
    return span if dash else span[0]
