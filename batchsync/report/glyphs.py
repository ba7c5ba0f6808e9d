"""The few signs beyond ASCII that a view uses, and what stands for them elsewhere."""

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Glyphs:
    """How a bar and the joints of a line look."""

    full: str
    empty: str
    dot: str
    dash: str
    more: str
    bad: str


UNICODE = Glyphs(full="━", empty="─", dot=" · ", dash="–", more="…", bad="✗")
ASCII = Glyphs(full="#", empty="-", dot=" | ", dash="-", more="~", bad="x")


def glyphs_for(encoding: str | None) -> Glyphs:
    """Those that an encoding can write."""
    try:
        "━─·–…✗".encode(encoding or "ascii")
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


def harmless(text: str) -> str:
    """One line of text that can neither move the cursor nor turn the reading direction about.

    Names come from a manifest, messages from a server; neither may draw on the terminal.
    """
    return "".join(
        char if char.isprintable() else " " if unicodedata.category(char) != "Cf" else ""
        for char in text
    )
