"""The service in memory: an `Api` without a network, to test against what is built on batchsync.

It keeps its own books, so that a test can ask what was bought and what it cost:

    api = FakeApi(output=mp4_bytes, looks=2)
    api.fail("create", AnswerLost("gone"), after=True)   # the job is made, its answer is lost
    ...
    assert len(api.jobs) == 1 and api.balance == api.credits - api.charged

Nothing in it is random, and its clock is whatever it is given.
"""

import asyncio
import hashlib
import math
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from batchsync.api.protocol import Fetched, Progress, Traffic, UploadItem
from batchsync.api.wire import Account, Created, Project, UploadTicket
from batchsync.errors import (
    AnswerLost,
    Forbidden,
    NotFound,
    OutputUnwritable,
    PaymentRequired,
    Rejected,
    SourceUnfit,
    Unintelligible,
    UrlExpired,
)
from batchsync.model import (
    AUDIO_EXTENSIONS,
    ESTIMATE_FPS,
    VIDEO_EXTENSIONS,
    GenerationMode,
    Role,
)

# Called before or after a call takes effect; what it returns is raised.
Fault = Callable[[str, tuple[Any, ...]], BaseException | None]

_STORAGE = "https://storage.fake.invalid"
_ASSETS = "api-assets/"
# Seconds that uploads are kept (CONTRACT: "Upload") and that a download URL holds ("Status").
_ASSET_SECONDS = 7 * 86_400.0
_URL_SECONDS = 86_400.0


@dataclass(slots=True)
class FakeJob:
    """One job as the fake service keeps it; `charged` is what it costs by now, in credits.

    Attributes:
        looks: status calls that see it unfinished; None leaves it so until `FakeApi.finish`.
    """

    id: str
    body: Mapping[str, Any]
    estimate: int
    charged: int
    looks: int | None
    status: str = "queued"
    error: dict[str, str] | None = None

    @property
    def refunded(self) -> int:
        """What was given back of the estimate."""
        return max(0, self.estimate - self.charged)


@dataclass(frozen=True, slots=True)
class FakeUpload:
    """One file in the fake storage: its size in bytes, and when it came (unix seconds)."""

    role: Role
    sha256: str
    size: int
    at: float


@dataclass(slots=True)
class FakeApi:
    """An `Api` in memory.

    Attributes:
        output: bytes of every finished render.
        credits: the balance at first.
        tier: the account's plan.
        looks: status calls that see a new job unfinished; None waits for `finish`.
        fps: frames per second of every video; a charge settles by it.
        clock: unix seconds, by which URLs and uploads expire.
        before, after: asked around each call's effect; an exception they return is raised.
        cuts: the next downloads break off after so many bytes each.
        traffic: counters to add to.
        calls: every call so far, with its arguments.
    """

    output: bytes = b""
    credits: int = 100_000
    tier: str = "creator"
    looks: int | None = 1
    fps: float = ESTIMATE_FPS
    clock: Callable[[], float] = lambda: 0.0
    before: Fault = lambda _name, _args: None
    after: Fault = lambda _name, _args: None
    cuts: deque[int] = field(default_factory=deque)
    traffic: Traffic = field(default_factory=Traffic)
    jobs: dict[str, FakeJob] = field(default_factory=dict)
    uploads: dict[str, FakeUpload] = field(default_factory=dict)
    calls: list[tuple[str, tuple[Any, ...]]] = field(default_factory=list)
    _places: dict[str, Role] = field(default_factory=dict)
    _queued: dict[tuple[str, bool], deque[BaseException]] = field(
        default_factory=lambda: defaultdict(deque)
    )

    async def __aenter__(self) -> "FakeApi":
        """Nothing to open; here so that it stands where `HttpApi` does."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close."""

    @property
    def charged(self) -> int:
        """Credits that all jobs together cost by now."""
        return sum(job.charged for job in self.jobs.values())

    @property
    def refunded(self) -> int:
        """Credits given back so far."""
        return sum(job.refunded for job in self.jobs.values())

    @property
    def balance(self) -> int:
        """Credits that are left."""
        return self.credits - self.charged

    def fail(self, call: str, *errors: BaseException, after: bool = False) -> None:
        """Make the next calls of a name fail, one error each; `after` they have taken effect."""
        self._queued[call, after].extend(errors)

    def finish(self, project_id: str) -> None:
        """End a render well and settle its charge."""
        job = self.jobs[project_id]
        fps = min(self.fps, float(job.body.get("max_fps_limit", self.fps)))
        job.status, job.charged = "complete", _price(job.body, fps)

    def break_render(self, project_id: str, code: str, message: str = "it broke") -> None:
        """End a render badly and refund it."""
        job = self.jobs[project_id]
        job.status, job.charged, job.error = "error", 0, {"code": code, "message": message}

    def cancel(self, project_id: str) -> None:
        """Cancel a render, as a person does in the vendor's library, and refund it."""
        job = self.jobs[project_id]
        job.status, job.charged = "canceled", 0

    async def account(self) -> Account:
        """`GET /v1/account`."""
        with self._call("account"):
            await asyncio.sleep(0)
            return Account(credits=self.balance, id="fake-account", tier=self.tier)

    async def upload_urls(self, items: Sequence[UploadItem]) -> list[UploadTicket]:
        """`POST /v1/files/upload-urls`."""
        with self._call("upload_urls", tuple(items)):
            await asyncio.sleep(0)
            for item in items:
                _check_extension(item.extension, item.role)
            return [self._place(item) for item in items]

    async def create(self, body: dict[str, Any]) -> Created:
        """`POST /v1/lip-sync`: makes a job and charges its estimate."""
        with self._call("create", body):
            await asyncio.sleep(0)
            self._check(body)
            cost = _price(body, ESTIMATE_FPS)
            if cost > self.balance:
                message = f"HTTP 402: {cost} credits needed, {self.balance} available"
                raise PaymentRequired(message, status=402)
            job = FakeJob(f"fake-{len(self.jobs) + 1}", body, cost, cost, self.looks)
            self.jobs[job.id] = job
            return Created.model_validate({"id": job.id, "credits_charged": cost})

    async def project(self, project_id: str) -> Project:
        """`GET /v1/video-projects/{id}`: each look brings a render nearer to its end."""
        with self._call("status", project_id):
            await asyncio.sleep(0)
            job = self.jobs.get(project_id)
            if job is None:
                raise NotFound("HTTP 404: Not Found", status=404)
            self._age(job)
            return self._show(job)

    async def put(self, url: str, path: Path, size: int, progress: Progress) -> str:
        """Take a file to the storage."""
        with self._call("upload", url, path, size):
            place = self._opened(url)
            content = await asyncio.to_thread(_read, path)
            if len(content) != size:
                raise SourceUnfit(f"{path} changed while it was uploaded", "source_changed")
            digest = hashlib.sha256(content).hexdigest()
            self.uploads[place] = FakeUpload(self._places[place], digest, size, self.clock())
            self.traffic.uploaded += size
            progress(size)
            return digest

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """Bring the output, going on after the bytes that `part` holds."""
        with self._call("download", url, part):
            job = self.jobs.get(self._opened(url))
            if job is None or job.status != "complete":
                raise NotFound("HTTP 404 from storage", status=404)
            cut = self.cuts.popleft() if self.cuts else None
            count, digest = await asyncio.to_thread(_append, part, self.output, cut)
            self.traffic.downloaded += count
            progress(count)
            if cut is not None:
                raise AnswerLost("the connection broke")
            return Fetched(len(self.output), digest)

    @contextmanager
    def _call(self, name: str, *args: Any) -> Iterator[None]:
        self.calls.append((name, args))
        self.traffic.requests[name] += 1
        self._strike(name, args, after=False)
        yield
        self._strike(name, args, after=True)

    def _strike(self, name: str, args: tuple[Any, ...], *, after: bool) -> None:
        error = (self.after if after else self.before)(name, args)
        queued = self._queued[name, after]
        if error is None and queued:
            error = queued.popleft()
        if error is not None:
            raise error

    def _place(self, item: UploadItem) -> UploadTicket:
        place = f"{_ASSETS}{len(self._places) + 1}/{item.role}.{item.extension}"
        self._places[place] = item.role
        return UploadTicket(upload_url=self._signed(place), file_path=place)

    def _signed(self, path: str) -> str:
        return f"{_STORAGE}/{path}?expires={self.clock() + _URL_SECONDS}"

    def _opened(self, url: str) -> str:
        """What a signed URL leads to."""
        parts = urlsplit(url)
        if float(parts.query.removeprefix("expires=") or 0) <= self.clock():
            raise UrlExpired("HTTP 403: the pre-signed URL is not accepted", status=403)
        return parts.path.removeprefix("/")

    def _check(self, body: Mapping[str, Any]) -> None:
        """Refuse what the service would refuse."""
        if not 0 <= body["start_seconds"] < body["end_seconds"]:
            raise Rejected("HTTP 400: end_seconds: must be after start_seconds", status=400)
        if self.tier == "free" and _mode(body) is GenerationMode.PRO:
            raise Forbidden("HTTP 403: pro needs a paid plan", status=403)
        self._check_file(body["assets"]["audio_file_path"], "audio")
        if body["assets"]["video_source"] == "file":
            self._check_file(body["assets"]["video_file_path"], "video")

    def _check_file(self, name: str, role: Role) -> None:
        if name.startswith(_ASSETS):
            upload = self.uploads.get(name)
            if upload is None or upload.role != role:
                raise Rejected(f"HTTP 422: {name} was not uploaded as {role}", status=422)
            if upload.at + _ASSET_SECONDS <= self.clock():
                raise Rejected(f"HTTP 422: {name} has expired, upload it again", status=422)
        elif "magichour.ai/my-library" not in name:
            _check_extension(Path(urlsplit(name).path).suffix.lower().removeprefix("."), role)

    def _age(self, job: FakeJob) -> None:
        if job.status not in ("queued", "rendering") or job.looks is None:
            return
        if job.looks == 0:
            self.finish(job.id)
        else:
            job.looks, job.status = job.looks - 1, "rendering"

    def _show(self, job: FakeJob) -> Project:
        done = job.status == "complete"
        return Project.model_validate(
            {
                "id": job.id,
                "status": job.status,
                "name": job.body.get("name"),
                "credits_charged": job.charged,
                "fps": self.fps,
                "start_seconds": job.body["start_seconds"],
                "end_seconds": job.body["end_seconds"],
                "error": job.error,
                "downloads": [{"url": self._signed(job.id)}] if done else [],
            }
        )


def _mode(body: Mapping[str, Any]) -> GenerationMode:
    return GenerationMode(body.get("style", {}).get("generation_mode", GenerationMode.LITE))


def _price(body: Mapping[str, Any], fps: float) -> int:
    seconds = float(body["end_seconds"]) - float(body["start_seconds"])
    # Rounded first: 4.2 - 0.1 is a hair more than 4.1, which must not cost a frame.
    return math.ceil(round(seconds * fps, 6)) * _mode(body).credits_per_frame


def _check_extension(extension: str, role: Role) -> None:
    if extension not in (VIDEO_EXTENSIONS if role == "video" else AUDIO_EXTENSIONS):
        raise Rejected(f"HTTP 422: {extension!r} is an invalid {role} extension", status=422)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceUnfit(f"can't read {path}: {error.strerror}", "unreadable") from error


def _append(part: Path, output: bytes, cut: int | None) -> tuple[int, str]:
    """Write what `part` lacks, or the first `cut` bytes of that; how many came, and the digest."""
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        with part.open("a+b") as file:
            held = file.tell()
            if held > len(output):
                file.truncate(0)
                raise Unintelligible("the part on disk is not of this file; starting again")
            rest = output[held:] if cut is None else output[held : held + cut]
            file.write(rest)
            file.seek(0)
            return len(rest), hashlib.sha256(file.read()).hexdigest()
    except OSError as error:
        raise OutputUnwritable(f"can't write {part}: {error.strerror}") from error
