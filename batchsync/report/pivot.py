"""Counts and credits of the results table by tags, or by any of its columns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from batchsync.report.selection import column
from batchsync.report.table import Kind, Row, Table

if TYPE_CHECKING:
    from rich.table import Table as RichTable

_COUNTS = ("pending", "in_flight", "done", "failed", "canceled", "unconfirmed")
_CREDITS = ("credits_estimated", "credits_charged")
FIGURES = ("jobs", *_COUNTS, *_CREDITS)
NO_VALUE = "(none)"

# Joiners hold emoji and some scripts together; other format characters reorder or hide text.
_JOINERS = "\u200c\u200d"


def pivot(table: Table, by: Iterable[str]) -> Table:
    """One row for each combination of values that jobs have, in their order of appearance.

    Args:
        table: of jobs, one row each.
        by: columns; tags by their names, with or without `tags.`.

    Raises:
        UsageError: there is no such column.
    """
    names = list(dict.fromkeys(column(table, word, "--by") for word in by))
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in table.rows:
        groups.setdefault(tuple(row.get(name) for name in names), []).append(row)
    headings = [f"by.{name}" if name in FIGURES else name for name in names]
    kinds = {
        heading: table.kinds.get(name, Kind.TEXT)
        for heading, name in zip(headings, names, strict=True)
    }
    rows = [
        dict(zip(headings, values, strict=True)) | _figures(groups[values])
        for values in _nested(groups)
    ]
    return Table(kinds | dict.fromkeys(FIGURES, Kind.WHOLE), rows)


def _nested(keys: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Grouped by the first value, then by the second; each in order of first appearance."""
    found = list(keys)
    places = [
        {value: place for place, value in enumerate(dict.fromkeys(v))}
        for v in zip(*found, strict=True)
    ]
    return sorted(
        found, key=lambda key: [place[value] for place, value in zip(places, key, strict=True)]
    )


def _figures(rows: Sequence[Row]) -> Row:
    counts = dict.fromkeys(_COUNTS, 0)
    for row in rows:
        status = row["status"]
        counts[status if status in counts else "in_flight"] += 1
    credits = {name: sum(row[name] or 0 for row in rows) for name in _CREDITS}
    return {"jobs": len(rows), **counts, **credits}


def as_rich(made: Table) -> "RichTable":
    """For people: with a total, without the states that no job is in."""
    from rich.table import Table as RichTable  # noqa: PLC0415 - files are written without it
    from rich.text import Text  # noqa: PLC0415

    total = {name: sum(row[name] for row in made.rows) for name in FIGURES}
    shown = [name for name in made.kinds if name not in _COUNTS or total[name]]
    text = RichTable(box=None, pad_edge=False, header_style="bold", footer_style="bold")
    text.show_footer = len(made.rows) > 1
    for place, name in enumerate(shown):
        figure = name in FIGURES
        footer = f"{total[name]:,}" if figure else "" if place else "total"
        heading = Text(visible(name.replace("_", " ") if figure else name))
        text.add_column(heading, footer, justify="right" if figure else "left", overflow="fold")
    for row in made.rows:
        text.add_row(*map(Text, _cells(row, shown)))
    return text


def _cells(row: Row, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        value = row[name]
        if name in FIGURES:
            yield f"{value:,}"
        else:
            yield NO_VALUE if value is None or value == "" else visible(str(value))


def visible(text: str) -> str:
    """The text with what would break a line, steer a terminal or turn text round spelt out."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _JOINERS
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
