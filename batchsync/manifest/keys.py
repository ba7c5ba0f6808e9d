"""Keys of a manifest: which are known, how else they may be spelt, which one was meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from functools import lru_cache

from batchsync.manifest.findings import Findings, shown

# How a user may spell each field -> our name for it. The API's own names are the longer ones.
SPELLINGS = {
    "id": "id",
    "name": "name",
    "video": "video",
    "video_file_path": "video",
    "assets.video_file_path": "video",
    "youtube_url": "youtube_url",
    "assets.youtube_url": "youtube_url",
    "video_source": "video_source",
    "assets.video_source": "video_source",
    "audio": "audio",
    "audio_file_path": "audio",
    "assets.audio_file_path": "audio",
    "start_seconds": "start_seconds",
    "end_seconds": "end_seconds",
    "max_fps_limit": "max_fps_limit",
    "style.generation_mode": "style.generation_mode",
    "output": "output",
    "width": "width",
    "height": "height",
}
GROUPS = ("style", "assets", "tags")
# Keys that stand directly in a job.
FIELD_KEYS = frozenset(name.split(".")[0] for name in SPELLINGS) | {"tags"}
IGNORED = frozenset({"width", "height"})

# Accepted, but not what messages recommend.
_SECOND_CHOICE = IGNORED | {"assets", *(name for name in SPELLINGS if SPELLINGS[name] != name)}
# No key is longer; comparing much longer ones takes long and finds nothing.
_LONGEST_GUESS = 60
# What people write -> what they mean, where the two don't look alike.
_MEANT = {
    "generation_mode": "style: {generation_mode: …}",
    "mode": "generation_mode",
    "url": "video",
    "start": "start_seconds",
    "end": "end_seconds",
    "fps": "max_fps_limit",
    "max_fps": "max_fps_limit",
    "title": "name",
}


def is_own(key: str) -> bool:
    """Whether a key is the user's own, to be ignored."""
    return key.startswith("x-")


def refuse_key(
    findings: Findings, mark: int, key: str, known: Sequence[str], job: str | None = None
) -> str | None:
    """Record an unknown key; returns the one that was probably meant."""
    close = _guess(key[:_LONGEST_GUESS], tuple(known))
    if close is None:
        choice = ", ".join(name for name in known if name not in _SECOND_CHOICE)
        hint = f"expected {'one of ' * (', ' in choice)}{choice}"
    else:
        hint = f"did you mean {close}?"
    findings.add(mark, f"the key {shown(key)} is not known", hint, job=job)
    return close


@lru_cache(maxsize=1024)
def _guess(key: str, known: tuple[str, ...]) -> str | None:
    # Cached: a typing mistake in a template stands in every one of its 10,000 jobs.
    meant = _MEANT.get(key.lower())
    if meant and meant.split(":")[0] in known:
        return meant
    matches = get_close_matches(key.lower(), known, n=1, cutoff=0.6)
    return matches[0] if matches else None
