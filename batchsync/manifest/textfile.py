"""Files of text: bytes to characters, or a sentence about why not."""

import codecs
import re
from pathlib import Path

# Far above any batch written by hand or script (100,000 jobs are 20 MB), far below memory.
SIZE_LIMIT = 256 * 1024 * 1024

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# What YAML calls printable, and the byte order mark; libyaml's own message has no line.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):
    """A file has no text that can be used; `line` and `column` (from 0) where they are known."""

    def __init__(self, found: str, expected: str, position: tuple[int, int] | None = None) -> None:
        super().__init__(found)
        self.found = found
        self.expected = expected
        self.position = position


def read(path: Path) -> str:
    """The text of a file, without a byte order mark.

    Raises:
        Unreadable: missing, a folder, too large, binary, or of unknown encoding.
    """
    text = _decoded(_bytes(path))
    if match := _UNPRINTABLE.search(text):
        raise Unreadable(
            f"the character U+{ord(match[0]):04X} can't stand in a text file",
            "remove it, or name a file that was saved as text",
            _position(text, match.start()),
        )
    return text


def _bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise Unreadable("this is a folder", "name a file")
        with path.open("rb") as file:
            data = file.read(SIZE_LIMIT + 1)
    except FileNotFoundError:
        raise Unreadable("there is no such file", "check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreadable(
            f"the file can't be read ({reason})", "check its path and permissions"
        ) from None
    if len(data) > SIZE_LIMIT:
        limit = SIZE_LIMIT // (1024 * 1024)
        raise Unreadable(f"the file is larger than {limit} MiB", "split it into several batches")
    return data


def _decoded(data: bytes) -> str:
    encoding = "utf-8"
    for bom, named in _BOMS:
        if data.startswith(bom):
            data, encoding = data[len(bom) :], named
            break
    if encoding == "utf-8" and (zero := data.find(b"\0")) >= 0:
        raise Unreadable(
            "this is no text file (it holds a zero byte)",
            "name a file that was saved as UTF-8 text",
            _position(data[:zero].decode("utf-8", "replace"), zero),
        )
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        raise Unreadable(
            f"the text is not valid {encoding[:6].rstrip('-').upper()}",
            "save the file with the encoding UTF-8 (in a spreadsheet program: CSV UTF-8)",
            _position(before, len(before)),
        ) from None


def _position(text: str, offset: int) -> tuple[int, int]:
    lines = text[:offset].replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return len(lines) - 1, len(lines[-1])
