"""Names that every file system takes: ids, batch names, output paths."""

import re
import unicodedata

from batchsync.manifest.findings import INVISIBLE, Unfit, shown

# Leaves room for an extension and a temporary suffix within the 255 bytes of one name.
ID_BYTES = 100
SEGMENT_BYTES = 200

# Most names need no closer look; reserved ones have fewer than five letters, or others.
_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{4,99}")
_PLAIN_OUTPUT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{4,99}\.mp4")
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]|' + INVISIBLE.pattern)
_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:\..*)?", re.I)
_DRIVE = re.compile(r"[A-Za-z]:")


def fit_name(text: str) -> str:
    """A name fit for a file on all systems, its characters composed (NFC).

    Raises:
        Unfit: some system would not take it.
    """
    if _PLAIN.fullmatch(text):
        return text
    # Two systems may spell é differently; one id must stay one file.
    name = unicodedata.normalize("NFC", text)
    _check(name, ID_BYTES)
    return name


def fit_output(text: str) -> str:
    """An output path below the output directory, with forward slashes.

    Raises:
        Unfit: it leads elsewhere, or some system would not take it.
    """
    if _PLAIN_OUTPUT.fullmatch(text):
        return text
    path = unicodedata.normalize("NFC", text).replace("\\", "/")
    if path.startswith("/") or _DRIVE.match(path):
        raise Unfit(
            f"found {shown(text)}, a path of its own",
            "expected a path below the output directory, such as es/intro.mp4",
        )
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            raise Unfit(
                f"found {shown(text)}, which leads out of the output directory",
                "expected a path without '..'",
            )
        if not segment:
            raise Unfit(
                f"found {shown(text)}, in which a name between slashes is empty",
                "expected a path such as es/intro.mp4",
            )
        if segment.startswith("."):
            raise Unfit(
                f"found {shown(text)}, a hidden name", "expected names that do not begin with a dot"
            )
        _check(segment, SEGMENT_BYTES)
    if not segments[-1].lower().endswith(".mp4"):
        raise Unfit(
            f"found {shown(text)}",
            "expected a name that ends in .mp4, as the service renders MP4 files",
        )
    return path


def _check(name: str, limit: int) -> None:
    if not name:
        raise Unfit("it is empty", "expected a name")
    if match := _FORBIDDEN.search(name):
        what = f"the character {match[0]}" if match[0].isprintable() else "a control character"
        raise Unfit(
            f"found {shown(name)}, which holds {what}",
            'expected a name without / \\ : * ? " < > | and control characters',
        )
    if name[0] in " ." or name[-1] in " .":
        raise Unfit(f"found {shown(name)}", "expected no space or dot at the beginning or the end")
    if _RESERVED.fullmatch(name):
        raise Unfit(
            f"found {shown(name)}, a name that Windows keeps for itself", "choose another name"
        )
    if (size := len(name.encode())) > limit:
        raise Unfit(
            f"found {shown(name)}, which takes {size} bytes", f"expected at most {limit} bytes"
        )


def folded(name: str) -> str:
    """What two names share that are one file where upper and lower case are the same."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", name.casefold())
