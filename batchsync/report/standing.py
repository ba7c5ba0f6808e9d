"""Where every job stands, for people: a row a job, and what it comes to."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from batchsync.ledger.protocol import JobRecord
from batchsync.model import JobState
from batchsync.report.glyphs import harmless
from batchsync.standing import Standing

_COLUMNS = ("job", "state", "attempt", "project", "credits", "note")
_GAP = 2
# Columns of a note that say something.
_LEAST_NOTE = 20
# Ids named for each reason.
_JOBS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Row:
    """One job."""

    job: str
    state: JobState
    attempt: int
    project: str
    credits: int
    note: str

    @property
    def cells(self) -> tuple[str, ...]:
        """Its columns, as they are shown."""
        attempt, credits = str(self.attempt or ""), f"{self.credits:,}"
        return (self.job, self.state.value, attempt, self.project, credits, harmless(self.note))


def row_of(job: str, standing: Standing) -> Row:
    """Where a job stands."""
    record = standing.records.get(job)
    cost = standing.costs.get(job)
    charged = cost.charged if cost else 0
    if record is None:
        return Row(job, JobState.PENDING, 0, "", charged, "")
    attempt = record.attempt
    # The tag finds a job in the vendor's library, which matters most while its id is unknown.
    project = (attempt.project_id or f"({attempt.tag})") if attempt else ""
    note = record.failure.message if record.failure else ""
    return Row(job, record.state, record.attempt_number, project, charged, note)


def table(rows: Sequence[Row], width: int | None) -> Iterator[tuple[str, JobState | None]]:
    """Lines with even columns, each with the state that it speaks of; the first is the head.

    Args:
        rows: one a job.
        width: columns of the terminal: what matters least is left out, and notes are cut; None
            leaves nothing out.
    """
    cells = [_COLUMNS, *(row.cells for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    shown = _shown(widths, width, any(row.state is JobState.UNCONFIRMED for row in rows))
    states = [None, *(row.state for row in rows)]
    for line, state in zip(cells, states, strict=True):
        padded = [line[n] + " " * (widths[n] - cell_len(line[n]) + _GAP) for n in shown]
        yield _cut("".join(padded).rstrip(), width), state


def _shown(widths: Sequence[int], width: int | None, tags_matter: bool) -> list[int]:
    shown = list(range(len(widths)))
    for name in ("project", "attempt", "credits"):
        needed = sum(widths[n] + _GAP for n in shown[:-1]) + min(widths[-1], _LEAST_NOTE)
        if width is not None and needed > width and not (name == "project" and tags_matter):
            shown.remove(_COLUMNS.index(name))
    return shown


def _cut(line: str, width: int | None) -> str:
    if width is None or cell_len(line) <= width:
        return line
    return set_cell_size(line, width - 1).rstrip() + "…"


def closing(batch: str, jobs: Sequence[str], standing: Standing, cap: int | None) -> Iterator[str]:
    """What it comes to: counts, credits, why jobs stopped."""
    records = [standing.records.get(job) for job in jobs]
    counts = Counter(record.state if record else JobState.PENDING for record in records)
    words = [f"{counts[state]:,} {state}" for state in JobState if counts[state]]
    yield f"{batch}: {' · '.join(words) or 'no jobs'}"
    yield f"  credits   {_credits(standing, cap)}"
    yield from _reasons(record for record in records if record)


def _credits(standing: Standing, cap: int | None) -> str:
    spent = sum(cost.charged for cost in standing.costs.values())
    back = sum(cost.refunded for cost in standing.costs.values())
    open_ = sum(cost.held for cost in standing.costs.values()) - spent
    parts = [f"{spent:,} charged"]
    parts += [f"{back:,} given back"] if back else []
    parts += [f"{open_:,} not settled yet"] if open_ else []
    parts += [f"cap {cap:,}"] if cap is not None else []
    return " · ".join(parts)


def _reasons(records: Iterable[JobRecord]) -> Iterator[str]:
    groups: dict[str, list[JobRecord]] = {}
    for record in records:
        if record.failure is not None:
            groups.setdefault(record.failure.code, []).append(record)
    for code, group in sorted(groups.items(), key=lambda item: -len(item[1])):
        named = ", ".join(record.id for record in group[:_JOBS_NAMED])
        more = f" and {len(group) - _JOBS_NAMED:,} more" if len(group) > _JOBS_NAMED else ""
        noun = "job" if len(group) == 1 else "jobs"
        message = harmless(group[0].failure.message if group[0].failure else "")
        yield f"  {code}: {len(group):,} {noun} ({named}{more}): {message}"


def to_do(counts: Mapping[JobState, int], unconfirmed: str | None) -> tuple[str, ...] | None:
    """The command that goes on, as words without the manifest; None where nothing is to be done.

    Args:
        counts: jobs by state.
        unconfirmed: one such job, if there is any.
    """
    if unconfirmed is not None:
        return "resolve", unconfirmed, "--adopt", "PROJECT_ID"
    if any(counts.get(state) for state in JobState if state.value in _TO_RUN):
        return ("run",)
    if counts.get(JobState.FAILED):
        return "retry", "--failed"
    if counts.get(JobState.CANCELED):
        return "retry", "--canceled"
    return None


_TO_RUN = ("pending", "uploaded", "submitting", "submitted", "rendered")
