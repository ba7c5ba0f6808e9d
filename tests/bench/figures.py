"""What a benchmark finds, and the table that shows it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Attributes:
        name: `bench: what`.
        unit: of `ours` and `reference`.
        ours: what batchsync took.
        reference: the same of something that does the bare minimum, or None.
        target: at most this; of the ratio where there is a reference, else of `ours`.
        goal: the later, harder target (issue 5), or None.
        note: what a reader must know.
    """

    name: str
    unit: str
    ours: float
    reference: float | None = None
    target: float | None = None
    goal: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours by the reference."""
        return self.ours / self.reference if self.reference else None

    @property
    def judged(self) -> float:
        """The figure that the targets are about."""
        return self.ours if self.ratio is None else self.ratio

    @property
    def verdict(self) -> str:
        """Whether target and goal are met, in a word."""
        if self.target is None:
            return ""
        if self.judged > self.target:
            return "MISSED"
        return "met" if self.goal is None or self.judged <= self.goal else "met, goal not"

    def to_json(self) -> dict[str, Any]:
        """For `results.json`."""
        return {**asdict(self), "ratio": self.ratio, "verdict": self.verdict}


_HEADS = ("figure", "ours", "reference", "ratio", "target", "goal", "", "note")


def table(figures: Iterable[Figure]) -> str:
    """The figures in aligned columns."""
    rows = [_HEADS, *(_row(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADS))]
    return "\n".join(_line(row, widths) for row in rows)


def _row(figure: Figure) -> tuple[str, ...]:
    by_ratio = figure.ratio is not None
    return (
        figure.name,
        f"{_number(figure.ours)} {figure.unit}",
        "" if figure.reference is None else f"{_number(figure.reference)} {figure.unit}",
        "" if figure.ratio is None else f"{figure.ratio:.2f}",
        _limit(figure.target, by_ratio),
        _limit(figure.goal, by_ratio),
        figure.verdict,
        figure.note,
    )


def _limit(limit: float | None, by_ratio: bool) -> str:
    if limit is None:
        return ""
    return f"<= {limit:g}x" if by_ratio else f"<= {limit:g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 0 < column < 4 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
