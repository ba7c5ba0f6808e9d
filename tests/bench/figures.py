"""What a benchmark finds, and the tables that show it."""

import statistics
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

OURS = "batchsync"
BARE = "bare loop"
THREADS = "SDK threads"
ASYNC = "SDK asyncio"
CURL = "curl"
# What a figure may be measured against that is no client: a schedule, the interpreter alone.
IDEAL = "ideal"
PYTHON = "python alone"

_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of our figure.

    Attributes:
        limit: times the figure of `against`; the figure itself where that is None.
        against: whose figure.
        least: the limit is the least allowed, not the most.
    """

    limit: float
    against: str | None = None
    least: bool = False

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        return f"{sign} {self.limit:g}" + (f" of {self.against}" if self.against else "")

    def met(self, value: float) -> bool:
        """Whether this is good enough."""
        return value >= self.limit if self.least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that was measured, for everyone who did it.

    Attributes:
        part: the bench.
        what: is measured.
        unit: of all values.
        runs: every measured value, by who did it; a median stands for them.
        target: of issue 5, or None where it asks nothing.
        note: what a reader must know.
        comparable: ours by another's says something; not so of what is a ratio already.
    """

    part: str
    what: str
    unit: str
    runs: Mapping[str, Sequence[float]]
    target: Target | None = None
    note: str = ""
    comparable: bool = True

    @property
    def medians(self) -> dict[str, float]:
        """Of the runs."""
        return {who: statistics.median(values) for who, values in self.runs.items()}

    @property
    def ratios(self) -> dict[str, float]:
        """Ours by that of each other."""
        mine = self.medians.get(OURS)
        if mine is None or not self.comparable:
            return {}
        others = ((who, value) for who, value in self.medians.items() if who != OURS)
        return {who: mine / value for who, value in others if value}

    @property
    def judged(self) -> float | None:
        """The value that the target is about."""
        if self.target is None:
            return None
        against = self.target.against
        return self.ratios[against] if against else self.medians[OURS]

    @property
    def verdict(self) -> str:
        """Whether the target is met; nothing where there is none."""
        if self.target is None or self.judged is None:
            return ""
        return "met" if self.target.met(self.judged) else "MISSED"

    def to_json(self) -> dict[str, Any]:
        """For `results.json`."""
        return {
            "what": self.what,
            "unit": self.unit,
            "medians": self.medians,
            "ratios": self.ratios,
            "runs": {who: list(values) for who, values in self.runs.items()},
            "target": asdict(self.target) | {"text": str(self.target)} if self.target else None,
            "judged": self.judged,
            "verdict": self.verdict,
            "note": self.note,
        }


def tables(figures: Iterable[Figure]) -> str:
    """A table for each part, its notes below it."""
    parts = groupby(figures, key=lambda figure: figure.part)
    return "\n\n".join(_table(part, list(group)) for part, group in parts)


def _table(part: str, figures: Sequence[Figure]) -> str:
    who = list(dict.fromkeys(name for figure in figures for name in figure.runs))
    notes = list(dict.fromkeys(figure.note for figure in figures if figure.note))
    rows = [(part, *who, "measured", "target", "")]
    rows += [_row(figure, who, notes) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "─" * max(len(line) for line in lines))
    return "\n".join([*lines, *(_footnote(number, note) for number, note in enumerate(notes, 1))])


def _row(figure: Figure, who: Sequence[str], notes: Sequence[str]) -> tuple[str, ...]:
    mark = f" [{notes.index(figure.note) + 1}]" if figure.note else ""
    return (
        figure.what + mark,
        *(_cell(figure, name) for name in who),
        "" if figure.judged is None else number(figure.judged),
        "" if figure.target is None else str(figure.target),
        figure.verdict,
    )


def _cell(figure: Figure, who: str) -> str:
    if who not in figure.runs:
        return ""
    ratio = figure.ratios.get(who)
    beside = "" if ratio is None else f" ({number(ratio)}x)"
    return f"{number(figure.medians[who])} {figure.unit}".rstrip() + beside


def number(value: float) -> str:
    """Three digits that count, and no decimals where there are none."""
    if value >= 100 or (value >= 10 and value == round(value)):
        return f"{value:,.0f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, last = 0, len(row) - 1
    cells = [
        cell.ljust(width) if column in (first, last) else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()


def _footnote(mark: int, note: str) -> str:
    return textwrap.fill(note, _WIDTH, initial_indent=f"[{mark}] ", subsequent_indent="    ")
