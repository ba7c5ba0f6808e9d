"""The service's own events, in any order, lost, twice, late and of others: the money's rules hold.

The same machine as in `test_state_machine`, with a service that tells of what it does while runs
listen, and an account in which others make projects of the same names.
"""

import asyncio
import os
import random
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from test_state_machine import CREDITS, JOBS, Machine

from batchsync.api.wire import Project
from batchsync.errors import AnswerLost, ExitCode, Rejected, Unintelligible
from batchsync.report.summary import Summary
from tests.support.injection import Fate
from tests.support.media import VIDEOS as NAMES
from tests.support.media import Media
from tests.support.model import Service, World

_SOAK = "BATCHSYNC_SOAK" in os.environ
_ENDED = ("complete", "error")


class Telling(Service):
    """A service that sends events, each as it happens to.

    Attributes:
        mood: how an event fares: `at once`, `late`, `twice`, `lost`, or `any` of these.
    """

    dice: random.Random
    mood: str
    heard: Callable[[Project, bool], None] | None

    def __init__(self, clip: bytes, **given: Any) -> None:
        super().__init__(clip, **given)
        self.dice = random.Random(7)
        self.mood = "at once"
        self.heard = None

    @asynccontextmanager
    async def listen(self, heard: Callable[[Project, bool], None]) -> AsyncIterator[None]:
        """A door; one that is closed hears nothing."""
        self.heard = heard
        try:
            self._gossip()
            yield
        finally:
            self.heard = None

    async def create(self, body: dict[str, Any]) -> Any:
        """As the service; its start is told whatever becomes of the answer."""
        before = len(self.jobs)
        try:
            return await super().create(body)
        finally:
            if len(self.jobs) > before:
                self.tell(list(self.jobs)[-1])

    def finish(self, project_id: str) -> None:
        """End a render, and tell."""
        super().finish(project_id)
        self.tell(project_id)

    def break_render(self, project_id: str, code: str, message: str = "it broke") -> None:
        """End a render badly, and tell."""
        super().break_render(project_id, code, message)
        self.tell(project_id)

    def tell(self, project_id: str) -> None:
        """Send what is to be said of a project now."""
        project = self._show(self.jobs[project_id])
        mood = self.dice.choice(("at once", "late", "twice", "lost"))
        mood = mood if self.mood == "any" else self.mood
        if mood in ("at once", "twice"):
            self._deliver(project)
        if mood in ("late", "twice") and self.heard is not None:
            loop = asyncio.get_running_loop()
            loop.call_later(self.dice.uniform(0, 0.004), self._deliver, project)

    def _deliver(self, project: Project) -> None:
        if self.heard is not None:
            self.heard(project, project.status in _ENDED)

    def _gossip(self) -> None:
        """Of others' projects, and of old ones of our own, in no order."""
        for job in JOBS:
            others = {"id": f"other-{job}", "status": "complete", "start_seconds": 0}
            for name in (job, f"{job} · bs-000000", f"bs-000000 {job}", "", None):
                self._deliver(Project.model_validate({**others, "name": name}))
        known = list(self.jobs)
        for project_id in self.dice.sample(known, min(3, len(known))):
            self._deliver(self._show(self.jobs[project_id]))


class HearingWorld(World):
    """Every run listens."""

    service: Telling

    def run(self, fate: Fate | None = None, **given: Any) -> Any:
        """As there."""
        return super().run(fate, listen=self.service.listen, **given)


class HearingMachine(Machine):
    world: HearingWorld

    def __init__(self) -> None:
        super().__init__()
        service = Telling(self.media.clip.read_bytes(), fps=25, credits=CREDITS)
        self.world = HearingWorld(self.world.folder, self.media, service)

    @rule(mood=st.sampled_from(["any", "any", "at once", "late", "lost"]))
    def events_fare_otherwise(self, mood: str) -> None:
        self.world.service.mood = mood

    @rule()
    def run(self) -> None:
        """As there; what is stuck at the service is waited for again."""
        # What was under way may be of an earlier version, and leaves the next run work to do.
        busy = {"submitting", "submitted", "rendered", "unconfirmed"} & set(
            self.world.states().values()
        )
        summary = self._run()
        states = self.world.states()
        stuck = {states.get(job) for job in self.world.jobs} & {"submitted", "rendered"}
        ends = (ExitCode.OK, ExitCode.SOME_FAILED, ExitCode.UNCONFIRMED)
        if isinstance(summary, Summary) and summary.exit in ends:
            assert not stuck or self.world.service.is_slow(), states
            if not stuck and not busy:
                self.world.check_no_strays()
                self.world.check_idle()

    @rule()
    def answers_get_lost(self) -> None:
        """Whatever is bought in this run is proved by its events, if they come."""
        service, world = self.world.service, self.world
        if world.service.is_slow():
            return
        before = {job for job, state in world.states().items() if state == "unconfirmed"}
        errors = (AnswerLost("gone"), Unintelligible("odd"), AnswerLost("gone"))
        service.fail("create", *errors, after=True)
        mood, service.mood = service.mood, service.dice.choice(("at once", "late", "twice"))
        summary = self._run()
        service.mood = mood
        if not isinstance(summary, Summary):
            return
        states = world.states()
        lost = {job for job in world.jobs if states.get(job) == "unconfirmed"} - before
        assert not lost, states
        if not before:
            assert summary.exit is not ExitCode.UNCONFIRMED


def test_no_order_of_events_of_the_service_costs_money_or_renders(
    media: Media, tmp_path: Path
) -> None:
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path))
    kind = type("Bound", (HearingMachine,), {"media": media, "home": home})
    try:
        with mock.patch("batchsync.engine.engine._PROOF_SECONDS", 0.03):
            run_state_machine_as_test(
                kind,
                settings=settings(
                    max_examples=1_000 if _SOAK else 12,
                    stateful_step_count=40 if _SOAK else 15,
                    deadline=None,
                    derandomize=not _SOAK,
                    print_blob=True,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    finally:
        shutil.rmtree(home)


def _world(media: Media, tmp_path: Path, *jobs: str, **service: Any) -> HearingWorld:
    told = Telling(media.clip.read_bytes(), fps=25, **service)
    world = HearingWorld(tmp_path / "batch", media, told)
    for job in jobs:
        world.jobs[job] = world.job(*job.split("-"))
    world.write()
    return world


def test_a_proved_submission_does_not_make_a_run_wait_that_is_not_to_wait(
    media: Media, tmp_path: Path
) -> None:
    world = _world(media, tmp_path, *JOBS, looks=None)
    world.service.fail("create", AnswerLost("gone"), after=True)
    summary = world.run(wait=False, max_in_flight=1, poll_timeout=30)

    assert isinstance(summary, Summary), repr(summary)
    assert list(world.states().values()) == ["submitted"] * 3
    assert [call for call, _ in world.service.calls].count("status") == 0
    world.check()


def test_a_run_waits_for_a_render_whose_proof_is_just_being_written_down(
    media: Media, tmp_path: Path
) -> None:
    # The event of its start comes before the answer is known to be lost, as it would.
    world = _world(media, tmp_path, JOBS[0])
    world.service.fail("create", AnswerLost("gone"), after=True)
    summary = world.run()

    assert isinstance(summary, Summary), repr(summary)
    assert summary.exit is ExitCode.OK
    assert world.states() == {JOBS[0]: "done"}


def test_a_cap_counts_a_lost_answer_once_whatever_becomes_of_it(
    media: Media, tmp_path: Path
) -> None:
    # Each is charged 60 credits, and settles at 50: room for the third comes with two ends.
    world = _world(media, tmp_path, *JOBS)
    world.service.fail("create", *[AnswerLost("gone")] * 3, after=True)
    summary = world.run(max_credits=160)

    assert isinstance(summary, Summary), repr(summary)
    assert list(world.states().values()) == ["done"] * 3
    assert world.service.peaks == [60, 120, 160]
    assert world.held() == world.service.charged == 150


def test_two_jobs_of_one_long_name_are_not_taken_for_each_other(
    media: Media, tmp_path: Path
) -> None:
    world = _world(media, tmp_path, *JOBS)
    for job in world.jobs.values():
        job["name"] = f"{job['id']} " + "n" * 400 if job["id"] == JOBS[0] else "n" * 400
    world.write()
    world.service.mood = "late"
    world.service.fail("create", *[AnswerLost("gone")] * 3, after=True)
    with mock.patch("batchsync.engine.engine._PROOF_SECONDS", 0.03):
        world.run()

    assert list(world.states().values()) == ["unconfirmed"] * 3


def test_a_run_that_is_torn_down_buys_nothing_more(media: Media, tmp_path: Path) -> None:
    world = _world(media, tmp_path, *(f"{name}-{n}" for n in ("de", "en") for name in NAMES))
    service = world.service
    main: list[asyncio.Task[Any] | None] = []

    @asynccontextmanager
    async def listen(_: Any) -> AsyncIterator[None]:
        main.append(asyncio.current_task())
        yield

    def tear_down(name: str, _: Any) -> None:
        if name == "create" and len(service.jobs) == 2 and main[0] is not None:
            main[0].cancel()

    service.before = tear_down
    with mock.patch.object(service, "listen", listen), pytest.raises(asyncio.CancelledError):
        world.run(max_in_flight=1_000)

    assert len(service.jobs) <= 3
    service.before = lambda *_: None
    summary = world.run()
    assert isinstance(summary, Summary), repr(summary)
    assert len(service.jobs) == len(world.jobs)
    world.check()


@pytest.mark.parametrize("ended", ["done", "failed", "canceled"])
def test_an_edit_that_was_refused_and_taken_back_buys_nothing(
    media: Media, tmp_path: Path, ended: str
) -> None:
    world = _world(media, tmp_path, JOBS[0], looks=None if ended != "done" else 1)
    [job] = world.jobs.values()
    world.run()
    if ended == "failed":
        world.service.break_render("fake-1", "no_source_face")
    if ended == "canceled":
        world.service.cancel("fake-1")
    world.run()
    assert world.states() == {JOBS[0]: ended}

    world.jobs[JOBS[0]] = {**job, "max_fps_limit": 20}
    world.write()
    world.service.fail("create", Rejected("HTTP 422: no", status=422))
    summary = world.run()
    assert isinstance(summary, Summary), repr(summary)
    assert summary.exit is not ExitCode.OK
    assert world.states() == {JOBS[0]: ended}

    world.jobs[JOBS[0]] = job
    world.write()
    world.run()
    assert list(world.service.jobs) == ["fake-1"]
    world.check()
