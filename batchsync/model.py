"""The words of the domain: sources, jobs, attempts, assets, states and their legal arrows.

All records are frozen. Only the ledger changes state.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Literal

# Extensions that the API takes, by role in the pair (CONTRACT: "Upload"). `webm` is in both:
# the role decides.
VIDEO_EXTENSIONS = frozenset({"mp4", "m4v", "mov", "webm"})
AUDIO_EXTENSIONS = frozenset(
    {"mp3", "wav", "aac", "flac", "webm", "weba", "m4a", "opus", "ogg", "oga", "aiff", "amr"}
)

# The service renders at most this many frames in a lip-sync job (CONTRACT: "Money").
MAX_FRAMES = 20_000

# The create call charges as if every video had this rate, and settles later (CONTRACT: "Money").
ESTIMATE_FPS = 30

Role = Literal["video", "audio"]


class GenerationMode(StrEnum):
    """How carefully the service renders; the price a frame depends on it."""

    LITE = "lite"
    STANDARD = "standard"
    PRO = "pro"

    @property
    def credits_per_frame(self) -> int:
        """Credits for one rendered frame (CONTRACT: "Money")."""
        return 2 if self is GenerationMode.PRO else 1


class SourceKind(StrEnum):
    """Where one side of a pair comes from."""

    FILE = "file"
    URL = "url"
    LIBRARY = "library"
    ASSET = "asset"
    YOUTUBE = "youtube"


@dataclass(frozen=True, slots=True)
class Source:
    """One side of a pair.

    Attributes:
        kind: what the text turned out to be.
        text: as the manifest says it.
        value: an absolute path for `FILE`, else what the API is given.
    """

    kind: SourceKind
    text: str
    value: str

    @property
    def is_local(self) -> bool:
        """Whether the bytes lie on this machine and have to be uploaded."""
        return self.kind is SourceKind.FILE

    @property
    def path(self) -> Path:
        """The file of a `FILE` source."""
        return Path(self.value)

    @property
    def extension(self) -> str:
        """The file's extension, lower case, without the dot."""
        return self.path.suffix.lower().removeprefix(".")


@dataclass(frozen=True, slots=True)
class Job:
    """One audio/video pair with its parameters, as the manifest says it.

    Attributes:
        id: unique in the batch, and fit to be a file name.
        position: place in the manifest, from 0.
        name: shown in the vendor's library; None where the manifest gives none.
        start_seconds: where in the video the output begins.
        end_seconds: where it ends; None means `auto`, to be settled by probing.
        max_fps_limit: frames per second at most; None leaves the video's own.
        output: path of the result below the output directory, with forward slashes.
        tags: the user's own labels, one results column each.
        where: `file:line:column` in the manifest.
    """

    id: str
    position: int
    name: str | None
    video: Source
    audio: Source
    start_seconds: float
    end_seconds: float | None
    max_fps_limit: float | None
    generation_mode: GenerationMode
    output: str
    tags: Mapping[str, str] = field(default_factory=dict)
    where: str = ""

    @property
    def sources(self) -> tuple[tuple[Role, Source], tuple[Role, Source]]:
        """Both sides of the pair with their roles."""
        return ("video", self.video), ("audio", self.audio)


class JobState(StrEnum):
    """Where a job stands."""

    PENDING = "pending"
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    RENDERED = "rendered"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"
    UNCONFIRMED = "unconfirmed"


_S = JobState

# Every arrow that the ledger will record; anything else is a StaleTransition.
LEGAL_TRANSITIONS: Mapping[JobState, frozenset[JobState]] = {
    _S.PENDING: frozenset({_S.UPLOADED, _S.FAILED}),
    # back to pending: the uploaded files expired before the job was submitted
    _S.UPLOADED: frozenset({_S.SUBMITTING, _S.PENDING, _S.FAILED}),
    # back to where it came from: it is certain that no job was made
    _S.SUBMITTING: frozenset(
        {_S.SUBMITTED, _S.UNCONFIRMED, _S.UPLOADED, _S.DONE, _S.FAILED, _S.CANCELED}
    ),
    _S.SUBMITTED: frozenset({_S.RENDERED, _S.FAILED, _S.CANCELED}),
    _S.RENDERED: frozenset({_S.DONE, _S.FAILED}),
    # to pending: a person's word (retry); to submitting: changed since, a new attempt; to
    # rendered: downloaded again, free
    _S.DONE: frozenset({_S.PENDING, _S.SUBMITTING, _S.RENDERED}),
    _S.FAILED: frozenset({_S.PENDING, _S.SUBMITTING, _S.RENDERED, _S.FAILED}),
    _S.CANCELED: frozenset({_S.PENDING, _S.SUBMITTING}),
    # a person's word: adopted, or sent again
    _S.UNCONFIRMED: frozenset({_S.SUBMITTED, _S.PENDING}),
}

# The service is working on these, or has their result waiting.
IN_FLIGHT = frozenset({_S.SUBMITTING, _S.SUBMITTED, _S.RENDERED})
# A run leaves these alone.
ENDED = frozenset({_S.DONE, _S.FAILED, _S.CANCELED, _S.UNCONFIRMED})


class Stage(StrEnum):
    """What is being done to a job; also the `error_stage` of the results table."""

    PREFLIGHT = "preflight"
    UPLOAD = "upload"
    SUBMIT = "submit"
    POLL = "poll"
    DOWNLOAD = "download"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job stopped, in the words of the results table."""

    stage: Stage
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Media:
    """What a probe of one file found.

    Attributes:
        duration: seconds, or None where the container does not say.
        fps: frames per second of the best video stream, None without one.
        width: pixels, None without video.
        height: pixels, None without video.
        has_video: whether a moving video stream is there (cover art does not count).
        has_audio: whether an audio stream is there.
        still: whether nothing moves in the picture, so far as its beginning shows.
    """

    duration: float | None
    fps: float | None
    width: int | None
    height: int | None
    has_video: bool
    has_audio: bool
    still: bool = False


@dataclass(frozen=True, slots=True)
class Asset:
    """One file's content on the service's storage.

    Attributes:
        sha256: of the bytes sent, hex.
        role: which list of extensions it was uploaded under.
        extension: lower case, no dot.
        size: bytes.
        file_path: the API's name for it (`api-assets/…`).
        uploaded_at: unix seconds.
    """

    sha256: str
    role: Role
    extension: str
    size: int
    file_path: str
    uploaded_at: float
