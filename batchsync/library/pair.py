"""One pair that a program asks for: what it is, and by what key it is known again.

The key comes from the content of the files and the parameters, from nothing else: a script that is
started again, perhaps in another folder and with other temporary files, asks for the same render.
The name is no part of it: the render does not depend on it, and scripts put the time into names.
"""

import contextlib
import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

from batchsync.errors import ManifestError, Problem, SourceUnfit
from batchsync.ledger.protocol import FileFacts
from batchsync.manifest import Manifest, given
from batchsync.manifest.sources import stem
from batchsync.model import Job
from batchsync.request import fingerprint, lasting_address
from batchsync.survey import examine

# Hex digits of the key in names: 64 bits, so that no two renders of one account ever share one.
_KEY_DIGITS = 16
# What an argument is called where a manifest has its own word.
_ARGUMENTS = {"video": "assets.video_file_path", "audio": "assets.audio_file_path"}
# Characters of a video's name in an output's.
_STEM_LENGTH = 40


class Assets(TypedDict):
    """What a render is made of; each a path on this machine, a URL, or `api-assets/…`."""

    audio_file_path: str | os.PathLike[str]
    video_source: Literal["file", "youtube"]
    video_file_path: NotRequired[str | os.PathLike[str]]
    youtube_url: NotRequired[str]


class Style(TypedDict, total=False):
    """How a render is made."""

    generation_mode: Literal["lite", "standard", "pro"]


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `generate` that say what to render; None is left out."""

    assets: Mapping[str, Any]
    start_seconds: float | str
    end_seconds: float | str
    max_fps_limit: float | None
    name: str | None
    style: Mapping[str, Any] | None
    width: int | None
    height: int | None

    def fields(self) -> dict[str, Any]:
        """As a job of a manifest."""
        if not isinstance(self.assets, Mapping):
            raise TypeError(f"assets is a dict, not {type(self.assets).__name__}")
        assets = dict(self.assets)
        # The API heeds one of the two, and `video_source` says which.
        if assets.get("video_source") == "youtube":
            assets.pop("video_file_path", None)
        elif assets.get("video_source") == "file":
            assets.pop("youtube_url", None)
        return {
            "assets": assets,
            "start_seconds": self.start_seconds,
            "end_seconds": self.end_seconds,
            "max_fps_limit": self.max_fps_limit,
            "name": self.name,
            "style": self.style,
        }

    def warn_ignored(self, level: int) -> None:
        """Warn of what the service no longer heeds; `level` as `warnings.warn` counts it."""
        if self.width is not None or self.height is not None:
            words = "width and height are deprecated by the service, and have no effect"
            warnings.warn(words, DeprecationWarning, stacklevel=level + 1)


@dataclass(frozen=True, slots=True)
class Pair:
    """A batch of one.

    Attributes:
        manifest: with the one job.
        facts: of its local files, their content hashed.
    """

    manifest: Manifest
    facts: Mapping[str, FileFacts]

    @property
    def job(self) -> Job:
        """The one job."""
        return self.manifest.jobs[0]


def identified(asked: Asked, folder: Path, base_url: str, mark: str | None) -> Pair:
    """Judge what is asked for, and find its key; blocking, as it reads the files.

    Args:
        asked: the arguments.
        folder: where relative paths start.
        base_url: of the API; each has its own renders.
        mark: the caller's word that this is another render of the same; None without.

    Raises:
        ManifestError: with every problem found.
    """
    fields = asked.fields()
    job = _batch_of(fields, "generate", "generate", folder).jobs[0]
    facts = {
        source.value: _looked_at(job, source.value) for _, source in job.sources if source.is_local
    }
    hashes = {path: fact.sha256 for path, fact in facts.items() if fact.sha256 is not None}
    made_from: dict[str, Any] = {**fingerprint(job, hashes), "base_url": base_url, "mark": mark}
    for role, source in job.sources:
        if not source.is_local:
            made_from[role] = lasting_address(source.value)
    canonical = json.dumps(made_from, sort_keys=True).encode()
    key = hashlib.sha256(canonical).hexdigest()[:_KEY_DIGITS]
    # Not the video's name: the ledger knows the job by its id, which must stand for ever.
    name = f"lip-sync-{key}"
    fields["output"] = f"{_readable(stem(job.video.text))}-{key}.mp4"
    return Pair(_batch_of(fields, name, name, folder), facts)


def _batch_of(fields: Mapping[str, Any], name: str, job_id: str, folder: Path) -> Manifest:
    with in_words_of_arguments():
        return given([{"id": job_id, **fields}], name=name, folder=folder)


@contextlib.contextmanager
def in_words_of_arguments() -> Iterator[None]:
    """Problems that name a job of a list name arguments of `generate` instead."""
    try:
        yield
    except ManifestError as error:
        raise ManifestError([_said_of_argument(problem) for problem in error.problems]) from None


def _said_of_argument(problem: Problem) -> Problem:
    field = _ARGUMENTS.get(problem.field or "", problem.field)
    return replace(problem, where="generate()", job=None, field=field)


def _looked_at(job: Job, path: str) -> FileFacts:
    try:
        return examine(path, None, want_hash=True)
    except SourceUnfit as error:
        role, source = next((r, s) for r, s in job.sources if s.value == path)
        words = str(error).removeprefix(f"{source.path.name} ")
        expected = f"expected a readable {role} file at {path}"
        problem = Problem("", None, role, f"{source.text} {words}", expected)
        raise ManifestError([_said_of_argument(problem)]) from error


def _readable(text: str) -> str:
    """A video's name as part of a file's, whatever is in it."""
    fit = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text)
    return fit.strip("-")[:_STEM_LENGTH].rstrip("-") or "lip-sync"
