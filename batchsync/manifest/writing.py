"""Values as YAML that reads back as the same values: under our rules, and other readers' too."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from batchsync.manifest.scalars import resolve

Plain = str | int | float | bool | None

# Begins with a letter, so that it is no number, timecode or date in any version of YAML.
_SAFE = re.compile(r"[A-Za-z_./][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*")
# Words that YAML 1.1, which many tools still speak, takes for true or false.
_OLD_WORDS = frozenset({"y", "n", "yes", "no", "on", "off"})
# Line breaks of Unicode, halves of characters and the like: to be spelt out in quotes.
_ODD = re.compile("[\x7f-\xa0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ud800-\uf8ff\ufeff"
                  "\ufff0-\uffff]")  # fmt: skip


def escaped(text: str) -> str:
    """A text in which no dollar begins an expression."""
    return text.replace("$", "$$")


@lru_cache(maxsize=4096)
def quoted(text: str) -> str:
    """A text in double quotes, as JSON and YAML both read it."""
    inside = json.dumps(text, ensure_ascii=False)
    return _ODD.sub(lambda match: f"\\u{ord(match[0]):04x}", inside)


def scalar(value: Plain) -> str:
    """One value on one line; texts are quoted where they could be taken for something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    return value if _is_safe(value) else quoted(value)


def _is_safe(text: str) -> bool:
    return (
        _SAFE.fullmatch(text) is not None
        and resolve(text) == text
        and text.lower() not in _OLD_WORDS
    )


def flow(values: Mapping[str, Plain]) -> str:
    """A map on one line."""
    return f"{{{', '.join(f'{scalar(key)}: {scalar(value)}' for key, value in values.items())}}}"


def flow_list(values: Iterable[Plain]) -> str:
    """A list on one line."""
    return f"[{', '.join(scalar(value) for value in values)}]"


def json_text(value: object) -> str:
    """JSON that is YAML as well."""
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return _ODD.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
