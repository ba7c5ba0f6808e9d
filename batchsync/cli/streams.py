"""Output that no encoding can break: what it does not have is written in plainer letters."""

import codecs
import sys
import unicodedata
from collections.abc import Mapping
from io import TextIOWrapper

_HANDLER = "batchsync-plainer"
_PLAINER: Mapping[str, str] = {
    "·": "|",
    "…": "...",
    "–": "-",
    "—": "-",
    "━": "#",
    "─": "-",
    "✗": "x",
    "→": "->",
    "×": "x",
}


def be_plainer_where_needed() -> None:
    """Let stdout and stderr take any text (`LANG=C`, a pipe on Windows) instead of raising."""
    codecs.register_error(_HANDLER, _plainer)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and not stream.encoding.lower().startswith("utf"):
            stream.reconfigure(errors=_HANDLER)


def _plainer(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    return "".join(
        _PLAINER.get(letter) or _without_accents(letter) for letter in letters
    ), error.end


def _without_accents(letter: str) -> str:
    return unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode() or "?"
