"""What a person should do now, with the command where there is one; pure."""

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchsync.ledger.reviews import Verdict
from batchsync.model import GenerationMode

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Commands:
    """Commands for this batch, ready to be pasted into a shell.

    Attributes:
        manifest: as the user named it.
        where: the flags that say where things are.
    """

    manifest: str
    where: tuple[str, ...] = ()

    def give(self, command: str, *words: str) -> str:
        """One command, quoted."""
        return shlex.join(["batchsync", command, self.manifest, *words, *self.where])


def next_steps(
    table: Sequence[Row], run_before: bool, running: bool, commands: Commands
) -> list[Row]:
    """What to do next, the most urgent first: `said`, and the `command`.

    Args:
        table: all rows.
        run_before: whether the batch has been run at all.
        running: whether a run is at work; then only what it can't do is said.
        commands: for this batch.
    """
    groups = Counter(row["group"] for row in table)
    steps = []
    if count := groups["unconfirmed"]:
        first = next(row["id"] for row in table if row["group"] == "unconfirmed")
        said = f"{_jobs(count)} may have been bought: look for them in the vendor's library"
        steps.append((said, commands.give("resolve", first, "--adopt", "PROJECT_ID")))
    if not running:
        if unfinished := groups["waiting"] + groups["in flight"]:
            said = f"{'Go on with' if run_before else 'Start'} {_jobs(unfinished)}"
            steps.append((said, commands.give("run")))
        if count := groups["failed"]:
            said = f"Try {_jobs(count)} again that failed ({_reasons(table)})"
            steps.append((said, commands.give("retry", "--failed")))
        steps += _redo([row for row in table if row["verdict"] == Verdict.REJECTED], commands)
    return [{"said": said, "command": command} for said, command in steps]


def _redo(rejected: Sequence[Row], commands: Commands) -> list[tuple[str, str]]:
    if not rejected:
        return []
    flags, how = ["--rejected"], ""
    if any(row["mode"] != GenerationMode.PRO for row in rejected):
        flags, how = [*flags, "--set", f"style.generation_mode={GenerationMode.PRO}"], " in pro"
    said = f"Make {_jobs(len(rejected))} that you rejected anew{how}"
    return [(said, commands.give("retry", *flags))]


def _reasons(table: Sequence[Row]) -> str:
    """The most frequent reason, and whether there are others."""
    failed = (row for row in table if row["group"] == "failed" and row["error"])
    codes = Counter(row["error"]["code"] for row in failed)
    [(most, _), *others] = codes.most_common(2) or [("no reason given", 0)]
    return f"{most} and others" if others else str(most)


def _jobs(count: int) -> str:
    return f"{count:,} job{'' if count == 1 else 's'}"
