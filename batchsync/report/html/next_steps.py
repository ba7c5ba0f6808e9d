"""What to do next, as commands that can be given as they stand; pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchsync.report.html.wording import counted


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do: why, and the commands for it."""

    why: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Commands:
    """Puts commands together for one batch.

    Attributes:
        manifest: as the user named it.
        flags: that say where things are, as `where_flags` gives them.
    """

    manifest: str
    flags: tuple[str, ...] = ()

    def __call__(self, command: str, *words: str) -> str:
        """A whole command line."""
        return shlex.join(["batchsync", command, self.manifest, *words, *self.flags])


def next_steps(
    counts: Mapping[str, int],
    unconfirmed: Sequence[tuple[str, str]],
    missing: int,
    rejected: int,
    running: bool,
    command: Commands,
) -> list[NextStep]:
    """What there is to do, the most urgent first; never empty.

    Args:
        counts: jobs by status.
        unconfirmed: the jobs that need a person's word, each with its tag in the library.
        missing: outputs that are not where they were put.
        rejected: outputs that were rejected in review.
        running: whether a run is at work now.
        command: puts the command lines together.
    """
    if running:
        return [
            NextStep(
                "A run is at work now, and this page shows where it stood when it was made.",
                (command("status", "--watch"),),
            )
        ]
    steps = list(_steps(counts, unconfirmed, missing, rejected, command))
    if steps or not sum(counts.values()):
        return steps or [NextStep("The manifest lists no jobs yet.")]
    return [NextStep("Nothing is left to do. Look at the outputs.", (command("review"),))]


def _steps(
    counts: Mapping[str, int],
    unconfirmed: Sequence[tuple[str, str]],
    missing: int,
    rejected: int,
    command: Commands,
) -> Iterator[NextStep]:
    if unconfirmed:
        job, tag = unconfirmed[0]
        one_by_one = ", and so on with the others" if len(unconfirmed) > 1 else ""
        yield NextStep(
            f"Whether {counted(len(unconfirmed), 'job')} reached the service is not known. Look "
            f"for {tag} in its library; adopt what is there, else send it again{one_by_one}.",
            (
                command("resolve", job, "--adopt", "PROJECT_ID"),
                command("resolve", job, "--resubmit"),
            ),
        )
    stopped = [status for status in ("failed", "canceled") if counts[status]]
    if stopped:
        count = sum(counts[status] for status in stopped)
        words = "the one job" if count == 1 else f"the {count:,} jobs"
        yield NextStep(
            f"Bring back {words} that stopped, once the cause is mended. What was rendered is only "
            "fetched, the rest is bought again.",
            tuple(command("retry", f"--{status}") for status in stopped),
        )
    if rejected:
        words = (
            "the one output that was" if rejected == 1 else f"the {rejected:,} outputs that were"
        )
        yield NextStep(
            f"Make {words} rejected in review anew, with more care: each is bought again.",
            (command("retry", "--rejected", "--set", "style.generation_mode=pro"),),
        )
    if unfinished := counts["pending"] + counts["in flight"]:
        begun = unfinished < sum(counts.values()) or counts["in flight"]
        verb = "has" if unfinished == 1 else "have"
        why = f"{counted(unfinished, 'job')} {verb} still to be finished" if begun else "Begin"
        yield NextStep(f"{why}. Nothing that was bought is bought again.", (command("run"),))
    elif stopped or rejected:
        yield NextStep("Then run the batch again: only those are worked on.", (command("run"),))
    if missing:
        verb = "is" if missing == 1 else "are"
        yield NextStep(
            f"{counted(missing, 'output')} {verb} not where the run put them. Download them again, "
            "free.",
            (command("fetch"),),
        )
