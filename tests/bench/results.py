"""The file that results are kept in: one record a part, so that a part can be measured again."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(".bench/results.json")

Parts = Mapping[str, Any]


def keep(parts: Parts) -> None:
    """Write all of them."""
    RESULTS.parent.mkdir(exist_ok=True)
    text = json.dumps({"parts": parts}, indent=1, ensure_ascii=False)
    RESULTS.write_text(text + "\n", encoding="utf-8")


def kept(path: Path = RESULTS) -> dict[str, Any]:
    """All that are there.

    Raises:
        LookupError: there are none that can be read.
    """
    try:
        parts = json.loads(path.read_text("utf-8"))["parts"]
    except (OSError, ValueError, KeyError, TypeError):
        raise LookupError(f"no results in {path}: run python -m tests.bench") from None
    return dict(parts)


def to_show(path: Path) -> dict[str, Any]:
    """The same for a command that shows them, which ends here if there are none."""
    try:
        return kept(path)
    except LookupError as error:
        sys.exit(str(error))
