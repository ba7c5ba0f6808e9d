"""The same batch, done by each client: a process of its own, everything counted from its start."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.bench.batches import write_batch
from tests.bench.figures import Figure, Target
from tests.bench.measuring import Usage, batchsync, module
from tests.bench.measuring import run as run_command
from tests.bench.serving import Pairs, Server

# Renders of lip-sync take so long in the median (CONTRACT), in seconds.
REAL_MEDIAN = 229.0
_DOCUMENTED_POLLS = (3.0, 30.0)
SDK_POLL = 0.5


@dataclass(frozen=True, slots=True)
class Turn:
    """One client's turn: what its process took, and what the server saw of it."""

    usage: Usage
    counts: Any

    def requests(self, kind: str) -> int:
        """How many of a kind."""
        return int(self.counts["requests"].get(kind, 0))


Turns = Mapping[str, Sequence[Turn]]


@dataclass
class Contest:
    """A batch and a server for it.

    Attributes:
        server: everybody's.
        folder: for manifest, outputs, logs.
        pairs: video and audio of each job.
        rules: of the renders; see `orders.Rules`.
        output_bytes: of each download.
        end: `end_seconds` in our manifest; the service does not care.
    """

    server: Server
    folder: Path
    pairs: Pairs
    rules: dict[str, Any] = field(default_factory=dict)
    output_bytes: int = 0
    end: float | str = 1

    @property
    def scale(self) -> float:
        """By how much time is smaller here than at the service."""
        return float(self.rules["median"]) / REAL_MEDIAN

    @property
    def polls(self) -> tuple[float, float]:
        """The documented waits between status requests, first and longest, at this scale."""
        first, longest = (round(seconds * self.scale, 4) for seconds in _DOCUMENTED_POLLS)
        return first, longest

    def ours(self, run: Mapping[str, object] | None = None) -> Turn:
        """`batchsync run` on a manifest, with the settings of its `run:`."""
        first, longest = self.polls
        settings = {"poll_min": first, "poll_max": longest, **(run or {})}
        manifest = self._begin(settings)
        return self._go(batchsync("run", manifest, "--json"), self._home / "outputs")

    def bare(self, in_flight: int, *waiting: object) -> Turn:
        """The bare loop; `waiting` are its options about status requests."""
        self._begin()
        polls = waiting or ("--first", self.polls[0], "--longest", self.polls[1])
        return self._go(
            module("bare", *self._place(), "--in-flight", in_flight, *polls), self._outputs
        )

    def sdk(self, mode: str, interval: float, *, width: int = 24, tolerant: bool = False) -> Turn:
        """The official SDK, with so many seconds between its status requests.

        Args:
            mode: `threads` or `asyncio`.
            interval: seconds; its own is `SDK_POLL`.
            width: calls at a time.
            tolerant: it may leave jobs undone.
        """
        self._begin()
        return self._go(
            module("sdk", mode, *self._place(), "--width", width),
            self._outputs,
            {"MAGIC_HOUR_POLL_INTERVAL": f"{interval:.5f}"},
            tolerant,
        )

    @property
    def _home(self) -> Path:
        return self.folder / "batch"

    @property
    def _outputs(self) -> Path:
        return self._home / "out"

    def _place(self) -> tuple[object, ...]:
        return self.server.api, self._home / "pairs.csv", self._outputs

    def _begin(self, run: Mapping[str, object] | None = None) -> Path:
        shutil.rmtree(self._home, ignore_errors=True)
        manifest = write_batch(self._home, self.pairs, run, self.end)
        self.server.expect(self.pairs, **self.rules)
        return manifest

    def _go(
        self,
        command: Sequence[str],
        outputs: Path,
        environ: Mapping[str, str] | None = None,
        tolerant: bool = False,
    ) -> Turn:
        log = self.folder / "log"
        used = run_command(command, environ={**self.server.environ, **(environ or {})}, log=log)
        turn = Turn(used, self.server.counts())
        if not tolerant:
            self._check(turn, outputs)
        return turn

    def _check(self, turn: Turn, outputs: Path) -> None:
        jobs = len(self.pairs)
        counts = turn.counts
        delivered = [path.stat().st_size for path in outputs.rglob("*.mp4")]
        whole = sum(size == self.output_bytes for size in delivered)
        if not counts["bought"] == counts["downloaded"] == whole == jobs:
            raise RuntimeError(
                f"of {jobs} jobs, {counts['bought']} were bought, {counts['downloaded']} "
                f"downloaded, {whole} are whole on disk: {turn.usage.output[-500:]}"
            )


def figure(
    part: str,
    what: str,
    unit: str,
    turns: Turns,
    value: Callable[[Turn], float],
    target: Target | None = None,
    note: str = "",
    comparable: bool = True,
) -> Figure:
    """One value of every turn."""
    runs = {who: [value(turn) for turn in each] for who, each in turns.items()}
    return Figure(part, what, unit, runs, target, note, comparable)
