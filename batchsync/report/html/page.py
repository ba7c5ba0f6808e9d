"""Puts the page together: one file that needs no other, and that no name in it can make do things.

The policy in the page's head lets nothing be loaded, and runs only the three scripts whose hashes
it names. Texts reach the page escaped by Jinja, or as JSON that its script only ever shows as text.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from batchsync.errors import UsageError
from batchsync.report.html import wording

if TYPE_CHECKING:
    from jinja2 import Environment

INSTALL = "the report needs two more libraries: pip install 'batchsync[report]'"

_ASSETS = "batchsync.report.html"
_SCRIPTS = ("data.js", "table.js", "axis.js", "charts.js", "start.js")

# The best level takes half as long again, and makes it smaller by 0.2%.
_GZIP_LEVEL = 6

# What JSON may hold and a script element may not.
_ESCAPES = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


def render(facts: Mapping[str, Any], data: Mapping[str, Any]) -> bytes:
    """The page.

    Args:
        facts: what the template shows.
        data: what the page's script shows.

    Raises:
        UsageError: a library of the extra `report` is missing.
    """
    script = "\n".join(["'use strict';", "(() => {", *map(_asset, _SCRIPTS), "})();"])
    library, style = _charting_library(), _asset("report.css")
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            **facts,
            policy=_policy(scripts=(_hash(script), library.hash), styles=(_hash(style), _hash(""))),
            style=style,
            script=script,
            charts=library.packed,
            data=json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES),
        )
    )
    # A file name that is no text comes as lone surrogates, which UTF-8 can't hold.
    return page.encode("utf-8", "replace")


def _asset(name: str) -> str:
    return (resources.files(_ASSETS) / "assets" / name).read_text("utf-8")


@dataclass(frozen=True, slots=True)
class _Library:
    """A script: packed, as base64 of gzip, and the hash of what it is unpacked to."""

    packed: str
    hash: str


@lru_cache(maxsize=1)
def _charting_library() -> _Library:
    try:
        # Its files are asked for by place, as importing the package takes a second.
        folder = resources.files("plotly")
    except ModuleNotFoundError:
        raise UsageError(INSTALL) from None
    script = (folder / "package_data" / "plotly.min.js").read_bytes()
    packed = base64.b64encode(gzip.compress(script, _GZIP_LEVEL, mtime=0)).decode()
    return _Library(packed, _hash(script.decode()))


def _policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """Nothing from anywhere; what is in the page, by its hash.

    Plotly makes an empty style element, and sets style attributes of its own drawings.
    """
    rules = {
        "default-src": "'none'",
        "script-src": " ".join(scripts),
        "style-src-elem": " ".join(styles),
        "style-src-attr": "'unsafe-inline'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=1)
def _environment() -> "Environment":
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415
    except ModuleNotFoundError:
        raise UsageError(INSTALL) from None
    environment = Environment(
        loader=PackageLoader("batchsync.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "duration": wording.duration,
        "moment": wording.moment,
        "counted": wording.counted,
        "number": "{:,}".format,
    }
    return environment
