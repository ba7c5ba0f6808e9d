"""The kept results as Markdown, for docs/performance.md: `python -m tests.bench.document`."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.bench.figures import number
from tests.bench.results import RESULTS, to_show

_Figure = Mapping[str, Any]


def section(part: str, record: Mapping[str, Any]) -> str:
    """Heading, origin, table and notes of one part."""
    figures = record["figures"]
    about = record["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    origin = (
        f"`{record['command']}`, {record['date']}, commit {about['commit']}: "
        f"{about['cores']} cores of {about['cpu']}, {about['memory_gb']} GB, {about['system']}, "
        f"Python {about['python']}, {versions}."
    )
    notes = list(dict.fromkeys(figure["note"] for figure in figures if figure["note"]))
    listed = [f"{mark}. {note[0].upper()}{note[1:]}." for mark, note in enumerate(notes, 1)]
    quick = ["These are figures of `--quick`: not to be quoted."] if record["quick"] else []
    blocks = [f"## {part}", origin, *quick, "\n".join(_table(figures, notes)), "\n".join(listed)]
    return "\n\n".join(block for block in blocks if block)


def _table(figures: Sequence[_Figure], notes: Sequence[str]) -> Iterator[str]:
    who = list(dict.fromkeys(name for figure in figures for name in figure["medians"]))
    yield _row(["figure", *who, "measured", "target", ""])
    yield _row(["---", *("---:" for _ in who), "---:", "---", "---"])
    for figure in figures:
        note = f" ({notes.index(figure['note']) + 1})" if figure["note"] else ""
        target = figure["target"]
        yield _row(
            [
                figure["what"] + note,
                *(_cell(figure, name) for name in who),
                number(figure["judged"]) if target else "",
                target["text"] if target else "",
                figure["verdict"],
            ]
        )


def _cell(figure: _Figure, who: str) -> str:
    if who not in figure["medians"]:
        return ""
    return f"{number(figure['medians'][who])} {figure['unit']}".rstrip()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.document", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS)
    parts = to_show(parser.parse_args().results)
    print("\n\n".join(section(part, record) for part, record in parts.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
