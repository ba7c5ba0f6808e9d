"""The API key: where it may come from, and whether it can be one at all."""

import os
from pathlib import Path

from yarl import URL

from batchsync.errors import KeyMissing, UsageError
from batchsync.settings import is_loopback

KEY_VARIABLE = "MAGIC_HOUR_API_KEY"
KEY_FILE_VARIABLE = "BATCHSYNC_API_KEY_FILE"

# A server on this machine is the sandbox, which takes any key unless told otherwise.
_SANDBOX_KEY = "sandbox"


def find_key(base_url: str, key: str | None, key_file: Path | None, missing: str) -> str:
    """The key for an API: the one given, else the file's, else the environment's.

    Args:
        base_url: of the API.
        key: given by a program.
        key_file: has the key in it.
        missing: what to say if there is none.

    Raises:
        KeyMissing: none was given, and the API is not on this machine.
        UsageError: the file can't be read, or what was given is no key.
    """
    found = key or (_read(key_file) if key_file else os.environ.get(KEY_VARIABLE, ""))
    found = found.strip()
    if found and not (found.isascii() and found.isprintable() and " " not in found):
        raise UsageError("the API key has blanks or control characters in it")
    if not found and is_loopback(URL(base_url)):
        return _SANDBOX_KEY
    if not found:
        raise KeyMissing(missing)
    return found


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"can't read the key file {path}: {reason}") from None
