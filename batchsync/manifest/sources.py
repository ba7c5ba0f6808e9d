"""What a video or audio text points at: a file, a URL, the library, an asset, YouTube."""

import os
import re
from urllib.parse import SplitResult, parse_qs, urlsplit

from batchsync.manifest.findings import Unfit, listed, shown
from batchsync.model import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS, Role, Source, SourceKind

_EXTENSIONS: dict[Role, frozenset[str]] = {"video": VIDEO_EXTENSIONS, "audio": AUDIO_EXTENSIONS}
_OTHER: dict[Role, Role] = {"video": "audio", "audio": "video"}
_ARTICLE: dict[Role, str] = {"video": "a video", "audio": "an audio"}
_ID_PARAMETER: dict[Role, str] = {"video": "videoId", "audio": "audioId"}

# Two letters at least: `C:` is a drive.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")
_HTTP = re.compile(r"https?:", re.I)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")
_BARE_HOST = re.compile(r"(?:www\.|(?:m\.|music\.)?youtube\.com/|youtu\.be/|magichour\.ai/)", re.I)
_CREDENTIALS = re.compile(r"//[^/?#]*@")
_YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"})
_YOUTUBE_SHORT_HOSTS = frozenset({"youtu.be", "www.youtu.be"})
_YOUTUBE_PATH = re.compile(r"/(?:shorts|live|embed)/[^/]+/?")
_LIBRARY_HOSTS = frozenset({"magichour.ai", "www.magichour.ai"})

_URL_KINDS = "a path, an https:// URL, a magichour.ai library URL or api-assets/…"


def source(text: str, role: Role, folder: str) -> Source:
    """What a text points at; relative paths start from `folder`.

    Raises:
        Unfit: it points at nothing that the service takes in this role.
    """
    if text != text.strip() or not text:
        found = f"found {shown(text)}, with spaces around it" if text.strip() else "it is empty"
        raise Unfit(found, f"expected {_URL_KINDS}")
    if text.startswith("api-assets/"):
        return _asset(text, role)
    if ":" in text and not _DRIVE.match(text) and (match := _SCHEME.match(text)):
        if match[1].lower() in ("http", "https"):
            return _url(text, role)
        if match[2] or match[1].lower() in ("file", "data"):
            raise Unfit(
                f"found {_redacted(text)}, and {match[1]}: can't be fetched by the service",
                f"expected {_URL_KINDS}",
            )
    return _file(text, role, folder)


def youtube(text: str) -> Source:
    """A text that was said to be a YouTube URL.

    Raises:
        Unfit: it is none.
    """
    link = text.strip()
    if _HTTP.match(link) and (found := _youtube(text, _split(link), "video")):
        return found
    raise Unfit(
        f"found {_redacted(text)}, which is no YouTube URL",
        "expected a URL such as https://www.youtube.com/watch?v=…",
    )


def stem(text: str) -> str:
    """The file name without its extension, or what a link calls its video."""
    if not _DRIVE.match(text) and _SCHEME.match(text):
        parts = urlsplit(text)
        for value in parse_qs(parts.query).items():
            if value[0] in ("v", "videoId", "audioId"):
                return value[1][0]
        text = parts.path.rstrip("/")
    name = text.replace("\\", "/").rpartition("/")[2]
    return os.path.splitext(name)[0]  # noqa: PTH122 - a name, not a path of this system


def _file(text: str, role: Role, folder: str) -> Source:
    if _BARE_HOST.match(text):
        raise Unfit(f"found {shown(text)}", f"for a URL, write https://{text}")
    _check_extension(text, text, role)
    path = text.removeprefix("./")
    if path.startswith("~"):
        path = os.path.expanduser(path)  # noqa: PTH111 - Path.expanduser raises for unknown users
    if os.name == "nt" or path.startswith("/"):
        value = os.path.join(folder, path)  # noqa: PTH118
    else:
        # A Path object for each of 100,000 jobs would take as long as all the rest.
        value = f"{folder}/{path}"
    return Source(SourceKind.FILE, text, value)


def _asset(text: str, role: Role) -> Source:
    _check_extension(text, text, role)
    return Source(SourceKind.ASSET, text, text)


def _url(text: str, role: Role) -> Source:
    parts = _split(text)
    if found := _youtube(text, parts, role):
        return found
    if parts.hostname in _LIBRARY_HOSTS and parts.path.rstrip("/") == "/my-library":
        return _library(text, parts, role)
    _check_extension(text, parts.path, role)
    return Source(SourceKind.URL, text, text)


def _split(text: str) -> SplitResult:
    if _CREDENTIALS.search(text):
        raise Unfit(
            f"found {_redacted(text)}, a URL with a user name or password in it",
            "expected a URL that needs none; it would be sent on to the service",
        )
    if " " in text:
        raise Unfit(f"found {shown(text)}, a URL with a space in it", "write %20 for a space")
    try:
        parts = urlsplit(text)
        named = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        named = False
    if not named:
        raise Unfit(
            f"found {shown(text)}, which is no whole URL",
            "expected a URL such as https://example.com/clip.mp4",
        )
    return parts


def _youtube(text: str, parts: SplitResult, role: Role) -> Source | None:
    short = parts.hostname in _YOUTUBE_SHORT_HOSTS
    if not short and parts.hostname not in _YOUTUBE_HOSTS:
        return None
    if role == "audio":
        raise Unfit(
            f"found {shown(text)}, a YouTube URL",
            "audio can't come from YouTube; expected an audio file or its URL",
        )
    watch = parts.path.rstrip("/") == "/watch" and bool(parse_qs(parts.query).get("v"))
    if not (watch or _YOUTUBE_PATH.fullmatch(parts.path) or (short and parts.path.strip("/"))):
        raise Unfit(
            f"found {shown(text)}, which names no single video",
            "expected a URL such as https://www.youtube.com/watch?v=…",
        )
    return Source(SourceKind.YOUTUBE, text, text)


def _library(text: str, parts: SplitResult, role: Role) -> Source:
    ids = parse_qs(parts.query)
    wanted, other = _ID_PARAMETER[role], _ID_PARAMETER[_OTHER[role]]
    if ids.get(wanted):
        return Source(SourceKind.LIBRARY, text, text)
    has = f"has {other}" if other in ids else f"has no {wanted}"
    raise Unfit(
        f"found {shown(text)}, a library URL that {has}",
        f"expected https://magichour.ai/my-library?{wanted}=…",
    )


def _check_extension(text: str, path: str, role: Role) -> None:
    before, dot, extension = path.rpartition(".")
    extension = extension.lower()
    if extension in _EXTENSIONS[role] and dot and before and before[-1] not in "/\\":
        return
    taken = listed(sorted(_EXTENSIONS[role]))
    if not dot or not extension.isalnum() or not before or before[-1] in "/\\":
        raise Unfit(
            f"found {_redacted(text)}, which has no file extension",
            f"expected a name that ends in {taken}",
        )
    other = _OTHER[role]
    if extension in _EXTENSIONS[other]:
        raise Unfit(
            f"found {_redacted(text)}, {_ARTICLE[other]} file where the {role} belongs",
            f"expected {_ARTICLE[role]} file: {taken}",
        )
    raise Unfit(
        f"found {_redacted(text)}, and the service takes no .{extension} as {role}",
        f"convert it to one of {taken}",
    )


def _redacted(text: str) -> str:
    return shown(_CREDENTIALS.sub("//…@", text))
