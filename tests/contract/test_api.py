"""One suite for everything that stands behind the `Api` protocol: the server's client and the fake.

The server is the sandbox. What both can show is asked of both, in the same words.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from batchsync.api.client import HttpApi
from batchsync.api.fake import FakeApi
from batchsync.api.protocol import Api, UploadItem
from batchsync.api.wire import Project
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    Forbidden,
    NotFound,
    NotSent,
    OutputInvalid,
    OutputUnwritable,
    PaymentRequired,
    Rejected,
    SourceUnfit,
    Throttled,
    Unavailable,
    UrlExpired,
)
from batchsync.sandbox import Sandbox, SandboxSettings
from batchsync.sandbox.samples import write_audio, write_video

ENDED = ("complete", "error", "canceled")
ANYTHING: dict[str, Any] = {
    "start_seconds": 0,
    "end_seconds": 1,
    "assets": {
        "video_source": "file",
        "video_file_path": "https://media.example.com/clip.mp4",
        "audio_file_path": "https://media.example.com/voice.mp3",
    },
}


class Clock:
    """A time that only the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Service:
    """An `Api` and the means to look behind it."""

    api: Api
    clock: Clock
    jobs: Callable[[], int]

    async def ended(self, project_id: str) -> Project:
        """Look until a job has ended."""
        while (project := await self.api.project(project_id)).status not in ENDED:
            await asyncio.sleep(0.005)
        return project

    async def balance(self) -> int:
        return (await self.api.account()).credits


class Make(Protocol):
    def __call__(self, *, credits: int = ..., tier: Any = ..., fault: str = ...) -> Any: ...


@asynccontextmanager
async def on_sandbox(
    *, credits: int = 1000, tier: Any = "creator", fault: str = ""
) -> AsyncIterator[Service]:
    clock = Clock()
    faults = (_SANDBOX_FAULTS[fault],) if fault else ()
    settings = SandboxSettings(credits=credits, tier=tier, fast=True, faults=faults, key="the-key")
    async with (
        Sandbox(settings, clock=clock) as sandbox,
        HttpApi(sandbox.base_url, "the-key") as api,
    ):
        yield Service(api, clock, lambda: sandbox.report()["creates"])
        assert sandbox.report()["key_at_storage"] == 0


_SANDBOX_FAULTS = {
    "lost": "create:reset-after=once",
    "reset": "create:reset-before=once",
    "throttled": "create:rate-limit-after=once",
    "busy": "create:error-503=once",
    "forbidden": "create:forbidden=once",
    "breaks": "job-error-no_source_face=once",
    "canceled": "cancel=once",
    "cut": "truncated-download=once",
    "stuck": "stuck=once",
}


@asynccontextmanager
async def on_fake(
    output: bytes, *, credits: int = 1000, tier: Any = "creator", fault: str = ""
) -> AsyncIterator[Service]:
    clock = Clock()
    api = FakeApi(output, credits=credits, tier=tier, clock=clock)
    _FAKE_FAULTS[fault](api)
    async with api:
        yield Service(api, clock, lambda: len(api.jobs))


def _once_made(end: Callable[[FakeApi, str], None]) -> Callable[[FakeApi], None]:
    """Acts on the first job before its first look."""

    def arrange(api: FakeApi) -> None:
        def before(name: str, args: tuple[Any, ...]) -> None:
            if name == "status" and api.jobs[args[0]].status == "queued":
                end(api, args[0])

        api.before = before

    return arrange


_FAKE_FAULTS: dict[str, Callable[[FakeApi], object]] = {
    "": lambda api: None,
    "lost": lambda api: api.fail("create", AnswerLost("gone"), after=True),
    "reset": lambda api: api.fail("create", AnswerLost("gone")),
    "throttled": lambda api: api.fail("create", Throttled("429", status=429, retry_after=1.0)),
    "busy": lambda api: api.fail("create", Unavailable("503", status=503)),
    "forbidden": lambda api: api.fail("create", Forbidden("403", status=403)),
    "breaks": _once_made(lambda api, job: api.break_render(job, "no_source_face")),
    "canceled": _once_made(lambda api, job: api.cancel(job)),
    "cut": lambda api: api.cuts.append(len(api.output) // 2),
    "stuck": lambda api: setattr(api, "looks", None),
}


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("media")
    write_video(folder / "clip.mp4", seconds=1, fps=5, width=64, height=36, voice="alto")
    write_audio(folder / "voice.mp3", seconds=1)
    return folder


@pytest.fixture(params=["http", "fake"])
def make(request: pytest.FixtureRequest, media: Path) -> Make:
    if request.param == "http":
        return on_sandbox
    return partial(on_fake, (media / "clip.mp4").read_bytes())


async def _upload(api: Api, media: Path) -> dict[str, Any]:
    """A create body for the sample pair, uploaded."""
    files = [media / "clip.mp4", media / "voice.mp3"]
    tickets = await api.upload_urls([UploadItem("video", "mp4"), UploadItem("audio", "mp3")])
    for file, ticket in zip(files, tickets, strict=True):
        await api.put(ticket.upload_url, file, file.stat().st_size, lambda _: None)
    assets = {
        "video_source": "file",
        "video_file_path": tickets[0].file_path,
        "audio_file_path": tickets[1].file_path,
    }
    return {**ANYTHING, "assets": assets}


async def test_the_account_shows_balance_and_plan(make: Make) -> None:
    async with make(credits=77, tier="pro") as service:
        account = await service.api.account()

    assert (account.credits, account.tier) == (77, "pro")
    assert account.id


async def test_places_come_in_the_order_asked(make: Make) -> None:
    items = [
        UploadItem("audio", "wav"),
        UploadItem("video", "webm"),
        UploadItem("audio", "webm"),
        UploadItem("video", "mov"),
    ]
    async with make() as service:
        tickets = await service.api.upload_urls(items)

    assert [ticket.file_path.rsplit(".")[-1] for ticket in tickets] == [
        "wav",
        "webm",
        "webm",
        "mov",
    ]
    assert ["audio" in ticket.file_path for ticket in tickets] == [True, False, True, False]
    assert len({ticket.upload_url for ticket in tickets}) == 4
    assert all(ticket.file_path.startswith("api-assets/") for ticket in tickets)


async def test_a_job_goes_all_the_way_round(make: Make, media: Path, tmp_path: Path) -> None:
    async with make() as service:
        created = await service.api.create(await _upload(service.api, media))
        after_create = await service.balance()
        project = await service.ended(created.id)
        part = tmp_path / "deep" / "out.part"
        moved: list[int] = []
        fetched = await service.api.get(project.output_url, part, moved.append)

        assert created.credits_charged == 30
        assert after_create == 970
        assert (project.status, project.credits_charged) == ("complete", 30)
        assert await service.balance() == 970
    content = part.read_bytes()
    assert (fetched.size, fetched.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert sum(moved) == len(content) > 0


async def test_an_upload_says_what_was_sent_and_how_much(make: Make, media: Path) -> None:
    content = (media / "clip.mp4").read_bytes()
    moved: list[int] = []
    async with make() as service:
        [ticket] = await service.api.upload_urls([UploadItem("video", "mp4")])
        digest = await service.api.put(
            ticket.upload_url, media / "clip.mp4", len(content), moved.append
        )

    assert digest == hashlib.sha256(content).hexdigest()
    assert sum(moved) == len(content)


@pytest.mark.parametrize("change", [-1, 1])
async def test_a_file_of_another_length_is_no_upload(make: Make, media: Path, change: int) -> None:
    size = (media / "voice.mp3").stat().st_size
    async with make() as service:
        [ticket] = await service.api.upload_urls([UploadItem("audio", "mp3")])
        with pytest.raises(SourceUnfit) as caught:
            await service.api.put(
                ticket.upload_url, media / "voice.mp3", size + change, lambda _: None
            )

    assert caught.value.code == "source_changed"


async def test_a_vanished_file_is_no_upload(make: Make, tmp_path: Path) -> None:
    async with make() as service:
        [ticket] = await service.api.upload_urls([UploadItem("audio", "mp3")])
        with pytest.raises(SourceUnfit, match="can't read"):
            await service.api.put(ticket.upload_url, tmp_path / "gone.mp3", 5, lambda _: None)


async def test_a_file_that_was_not_uploaded_makes_no_job(make: Make) -> None:
    async with make() as service:
        tickets = await service.api.upload_urls(
            [UploadItem("video", "mp4"), UploadItem("audio", "mp3")]
        )
        assets = {
            "video_source": "file",
            "video_file_path": tickets[0].file_path,
            "audio_file_path": tickets[1].file_path,
        }
        with pytest.raises(Rejected) as caught:
            await service.api.create({**ANYTHING, "assets": assets})

        assert caught.value.status == 422
        assert service.jobs() == 0


async def test_an_upload_older_than_a_week_makes_no_job(make: Make, media: Path) -> None:
    async with make() as service:
        body = await _upload(service.api, media)
        service.clock.now += 7 * 86_400 + 1
        with pytest.raises(Rejected) as caught:
            await service.api.create(body)

        assert caught.value.status == 422


async def test_one_upload_serves_many_jobs(make: Make, media: Path) -> None:
    async with make() as service:
        body = await _upload(service.api, media)
        ids = {(await service.api.create(body)).id for _ in range(3)}

        assert len(ids) == service.jobs() == 3
        assert await service.balance() == 910


async def test_an_unknown_project_is_not_found(make: Make) -> None:
    async with make() as service:
        with pytest.raises(NotFound) as caught:
            await service.api.project("no-such/id?")

    assert caught.value.status == 404


@pytest.mark.parametrize("item", [UploadItem("video", "mp3"), UploadItem("audio", "mp4")])
async def test_an_extension_of_the_other_role_is_rejected(make: Make, item: UploadItem) -> None:
    async with make() as service:
        with pytest.raises(Rejected) as caught:
            await service.api.upload_urls([item])

    assert caught.value.status == 422


@pytest.mark.parametrize(
    "change",
    [
        {"end_seconds": 0},
        {"start_seconds": 2},
        {"start_seconds": -1},
    ],
)
async def test_a_range_without_length_is_rejected(make: Make, change: dict[str, Any]) -> None:
    async with make() as service:
        with pytest.raises(Rejected) as caught:
            await service.api.create({**ANYTHING, **change})

        assert caught.value.status == 400
        assert service.jobs() == 0


async def test_a_url_without_an_extension_is_rejected(make: Make) -> None:
    assets = {**ANYTHING["assets"], "video_file_path": "https://media.example.com/clip"}
    async with make() as service:
        with pytest.raises(Rejected) as caught:
            await service.api.create({**ANYTHING, "assets": assets})

    assert caught.value.status == 422


async def test_youtube_and_library_sources_are_taken(make: Make) -> None:
    youtube = {
        "video_source": "youtube",
        "youtube_url": "https://www.youtube.com/watch?v=abc",
        "audio_file_path": "https://magichour.ai/my-library?audioId=abc",
    }
    async with make() as service:
        await service.api.create({**ANYTHING, "assets": youtube})

        assert service.jobs() == 1


async def test_a_balance_that_does_not_reach_makes_no_job(make: Make) -> None:
    async with make(credits=29) as service:
        with pytest.raises(PaymentRequired) as caught:
            await service.api.create(ANYTHING)

        assert caught.value.status == 402
        assert service.jobs() == 0
        assert await service.balance() == 29


async def test_pro_is_forbidden_on_the_free_plan(make: Make) -> None:
    async with make(tier="free") as service:
        with pytest.raises(Forbidden) as caught:
            await service.api.create({**ANYTHING, "style": {"generation_mode": "pro"}})

        assert caught.value.status == 403
        assert service.jobs() == 0


async def test_pro_costs_twice(make: Make) -> None:
    async with make(tier="pro") as service:
        created = await service.api.create({**ANYTHING, "style": {"generation_mode": "pro"}})

    assert created.credits_charged == 60


async def test_a_charge_settles_at_the_frames_rendered(make: Make) -> None:
    async with make() as service:
        created = await service.api.create({**ANYTHING, "max_fps_limit": 12})
        project = await service.ended(created.id)

        assert (created.credits_charged, project.credits_charged) == (30, 12)
        assert await service.balance() == 988


async def test_a_render_that_breaks_is_refunded(make: Make) -> None:
    async with make(fault="breaks") as service:
        created = await service.api.create(ANYTHING)
        project = await service.ended(created.id)

        assert project.status == "error"
        assert project.error is not None
        assert project.error.code == "no_source_face"
        assert project.credits_charged == 0
        assert project.output_url is None
        assert await service.balance() == 1000


async def test_a_canceled_render_is_refunded(make: Make) -> None:
    async with make(fault="canceled") as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)

        assert (project.status, project.credits_charged) == ("canceled", 0)
        assert await service.balance() == 1000


async def test_a_render_under_way_has_no_output(make: Make) -> None:
    async with make(fault="stuck") as service:
        created = await service.api.create(ANYTHING)
        project = await service.api.project(created.id)

        assert project.status in ("queued", "rendering")
        assert project.output_url is None


async def test_an_answer_lost_after_the_job_was_made_is_told_as_such(make: Make) -> None:
    async with make(fault="lost") as service:
        with pytest.raises(AnswerLost):
            await service.api.create(ANYTHING)

        assert service.jobs() == 1
        assert await service.balance() == 970


async def test_a_reset_before_the_job_was_made_looks_just_the_same(make: Make) -> None:
    async with make(fault="reset") as service:
        with pytest.raises(AnswerLost):
            await service.api.create(ANYTHING)

        assert service.jobs() == 0


@pytest.mark.parametrize(
    ("fault", "kind", "status", "retry_after"),
    [
        ("throttled", Throttled, 429, 1.0),
        ("busy", Unavailable, 503, None),
        ("forbidden", Forbidden, 403, None),
    ],
)
async def test_a_refused_create_makes_no_job_and_the_next_one_does(
    make: Make, fault: str, kind: type[BatchsyncError], status: int, retry_after: float | None
) -> None:
    async with make(fault=fault) as service:
        with pytest.raises(kind) as caught:
            await service.api.create(ANYTHING)
        assert service.jobs() == 0
        await service.api.create(ANYTHING)

        assert service.jobs() == 1
    assert (caught.value.status, caught.value.retry_after) == (status, retry_after)


async def test_a_cut_download_is_gone_on_with(make: Make, tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    async with make(fault="cut") as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)
        with pytest.raises((AnswerLost, OutputInvalid)):
            await service.api.get(project.output_url, part, lambda _: None)
        held = part.stat().st_size
        rest: list[int] = []
        fetched = await service.api.get(project.output_url, part, rest.append)

    assert 0 < held < fetched.size
    assert sum(rest) == fetched.size - held
    assert fetched.sha256 == hashlib.sha256(part.read_bytes()).hexdigest()


async def test_a_finished_part_is_not_fetched_again(make: Make, tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    async with make() as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)
        first = await service.api.get(project.output_url, part, lambda _: None)
        rest: list[int] = []
        second = await service.api.get(project.output_url, part, rest.append)

    assert first == second
    assert sum(rest) == 0


async def test_a_part_longer_than_the_output_is_begun_anew(make: Make, tmp_path: Path) -> None:
    part = tmp_path / "out.part"
    part.write_bytes(b"x" * 5_000_000)
    async with make() as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)
        with pytest.raises(BatchsyncError) as caught:
            await service.api.get(project.output_url, part, lambda _: None)
        assert caught.value.retryable
        fetched = await service.api.get(project.output_url, part, lambda _: None)

    assert fetched.sha256 == hashlib.sha256(part.read_bytes()).hexdigest()
    assert fetched.size < 5_000_000


async def test_a_download_url_expires_and_the_next_look_gives_a_fresh_one(
    make: Make, tmp_path: Path
) -> None:
    async with make() as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)
        service.clock.now += 86_401
        with pytest.raises(UrlExpired) as caught:
            await service.api.get(project.output_url, tmp_path / "out.part", lambda _: None)
        assert caught.value.retryable
        fresh = await service.api.project(project.id)

        assert (await service.api.get(fresh.output_url, tmp_path / "b", lambda _: None)).size > 0


async def test_an_upload_url_expires(make: Make, media: Path) -> None:
    async with make() as service:
        [ticket] = await service.api.upload_urls([UploadItem("audio", "mp3")])
        service.clock.now += 86_401
        with pytest.raises(UrlExpired):
            size = (media / "voice.mp3").stat().st_size
            await service.api.put(ticket.upload_url, media / "voice.mp3", size, lambda _: None)


async def test_an_output_that_cannot_be_written_is_told_as_such(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    async with make() as service:
        project = await service.ended((await service.api.create(ANYTHING)).id)
        with pytest.raises(OutputUnwritable):
            await service.api.get(project.output_url, tmp_path / "file" / "part", lambda _: None)


async def test_many_calls_at_once_are_told_apart(make: Make) -> None:
    async with make() as service:
        bodies = [{**ANYTHING, "name": f"job {number}"} for number in range(20)]
        made = await asyncio.gather(*(service.api.create(body) for body in bodies))
        ended = await asyncio.gather(*(service.ended(each.id) for each in made))

        assert [project.name for project in ended] == [body["name"] for body in bodies]
        assert await service.balance() == 400


async def test_calls_are_counted_where_they_leave(make: Make) -> None:
    async with make() as service:
        created = await service.api.create(ANYTHING)
        await service.api.project(created.id)
        await service.api.account()
        requests = service.api.traffic.requests  # type: ignore[attr-defined]

    assert (requests["create"], requests["status"], requests["account"]) == (1, 1, 1)


async def test_a_server_that_is_not_there_was_sent_nothing() -> None:
    """Only HTTP can show this; the fake is told to."""
    async with Sandbox(SandboxSettings(fast=True)) as sandbox:
        base_url = sandbox.base_url
    fake = FakeApi()
    fake.fail("create", NotSent("no connection"))
    async with HttpApi(base_url, "k") as http:
        for api in (http, fake):
            with pytest.raises(NotSent):
                await api.create(ANYTHING)
    assert not fake.jobs
