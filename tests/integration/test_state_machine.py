"""A person, a service and a machine that fails, in any order: the rules of the money hold.

Hypothesis takes random steps with one batch and one fake service, and after each asks the
service's own books and batchsync's files (`tests.support.model`) whether all is still right.

`BATCHSYNC_SOAK=1` takes many more steps, as `make soak` does.
"""

import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from batchsync import mending
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    ExitCode,
    Forbidden,
    NotFound,
    NotSent,
    OutputInvalid,
    OutputUnwritable,
    PaymentRequired,
    Redirected,
    Rejected,
    SourceUnfit,
    Throttled,
    Unauthorized,
    Unavailable,
    Unintelligible,
    UrlExpired,
    UsageError,
)
from batchsync.report.summary import Summary
from tests.support.injection import Fate, MortalApi
from tests.support.media import Media
from tests.support.model import BASE_URL, Service, World

JOBS = ("ann-de", "ann-es", "bob-de")
CREDITS = 5_000

EDITS: dict[str, list[Any]] = {
    "style": [{"generation_mode": "lite"}, {"generation_mode": "pro"}],
    "end_seconds": [1, 2],
    "max_fps_limit": [10, 20],
    "output": ["{id}.mp4", "below/{id}.mp4"],
    "audio": ["fr", "it"],
}

_REMOTE = (
    *(NotSent, AnswerLost, Throttled, Unavailable, Unauthorized, Forbidden, PaymentRequired),
    *(NotFound, Rejected, Unintelligible, Redirected),
)
# Errors that may come of each call: before it has an effect, and after. Those after a create call
# are the ones that leave open whether a job was made: others would break the API's contract.
FAULTS: dict[tuple[str, bool], tuple[Any, ...]] = {
    ("account", False): _REMOTE,
    ("upload_urls", False): _REMOTE,
    ("upload", False): (*_REMOTE, UrlExpired, SourceUnfit),
    ("upload", True): (AnswerLost, Unavailable),
    ("create", False): (*_REMOTE, RuntimeError),
    ("create", True): (AnswerLost, Unintelligible, Redirected, RuntimeError),
    ("status", False): _REMOTE,
    ("status", True): _REMOTE,
    ("download", False): (*_REMOTE, UrlExpired, OutputUnwritable, OutputInvalid),
    ("download", True): (AnswerLost, OutputInvalid, OutputUnwritable),
}
_STATUS = {
    Throttled: 429,
    Unavailable: 503,
    Unauthorized: 401,
    Forbidden: 403,
    PaymentRequired: 402,
    NotFound: 404,
    Rejected: 422,
    Redirected: 302,
    UrlExpired: 403,
}

POINTS = [
    f"{what} {when}"
    for what in (
        *("account", "upload_urls", "upload", "create", "create", "status", "download", "rename"),
        *("enroll", "begin_run", "keep_asset", "results", "end_run"),
        *("move submitting", "move submitted", "move submitted", "move rendered", "move done"),
        *("move pending", "move uploaded", "move failed", "move unconfirmed", "move canceled"),
    )
    for when in ("before", "after")
]

faults = st.lists(
    st.sampled_from(list(FAULTS)).flatmap(
        lambda key: st.tuples(st.just(key), st.sampled_from(FAULTS[key]), st.integers(1, 4))
    ),
    min_size=1,
    max_size=4,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "wait": st.just(False),
        "fetch": st.just(False),
        "only": st.sampled_from([("ann-*",), ("bob-de",)]),
        "keep_changed": st.just(True),
        "max_credits": st.sampled_from([0, 60, 130, 200, 400]),
        "halt": st.sampled_from(["now,fail=1", "soon,fail=1", "soon,fail=50%"]),
        "max_in_flight": st.sampled_from([1, 2]),
        "resubmit_unconfirmed": st.just(True),
        "max_duration": st.just(0.01),
        "keep_going": st.just(True),
    },
)
ids = st.sampled_from(JOBS)
# Which of several things, whose number the machine must not know when it draws: runs are
# concurrent, and what they leave can differ from one replay to the next.
picks = st.integers(0, 11)


class Machine(RuleBasedStateMachine):
    media: Media
    home: Path
    numbers = itertools.count()

    def __init__(self) -> None:
        super().__init__()
        folder = self.home / f"{next(self.numbers)}" / "batch"
        service = Service(self.media.clip.read_bytes(), fps=25, credits=CREDITS)
        self.world = World(folder, self.media, service)
        self.before_edit: list[dict[str, dict[str, Any]]] = []

    @initialize(count=st.integers(1, 3))
    def begin(self, count: int) -> None:
        for job_id in JOBS[:count]:
            self.world.jobs[job_id] = self.world.job(*job_id.split("-"))
        self.world.write()

    def teardown(self) -> None:
        shutil.rmtree(self.world.folder.parent)

    # --- the manifest ---------------------------------------------------------------------------

    @rule(job=ids, field=st.sampled_from(list(EDITS)), choice=st.integers(0, 1))
    def edit(self, job: str, field: str, choice: int) -> None:
        if job not in self.world.jobs:
            return
        self._remember()
        value = EDITS[field][choice]
        if field == "audio":
            value = str(self.media.audio("cat", value))
        if field == "output":
            value = value.format(id=job)
        self.world.jobs[job] = {**self.world.jobs[job], field: value}
        self.world.write()

    @rule()
    def revert_the_last_edit(self) -> None:
        if not self.before_edit:
            return
        self.world.jobs = self.before_edit.pop()
        self.world.write()

    @rule(job=ids)
    def add_or_remove(self, job: str) -> None:
        self._remember()
        jobs = dict(self.world.jobs)
        if jobs.pop(job, None) is None:
            jobs[job] = self.world.job(*job.split("-"))
        if jobs:
            self.world.jobs = jobs
            self.world.write()

    def _remember(self) -> None:
        self.before_edit.append(dict(self.world.jobs))

    # --- runs -----------------------------------------------------------------------------------

    @rule()
    def run(self) -> None:
        summary = self._run()
        if isinstance(summary, Summary) and summary.exit in (
            *(ExitCode.OK, ExitCode.SOME_FAILED, ExitCode.UNCONFIRMED),
        ):
            self.world.check_no_strays()
            self.world.check_idle()

    @rule(given=options)
    def run_with_options(self, given: dict[str, Any]) -> None:
        self._run(**given)

    @rule(given=options, planned=faults)
    def run_with_faults(self, given: dict[str, Any], planned: list[Any]) -> None:
        self._fail(planned)
        self._run(**given)

    @rule(given=options, point=st.sampled_from(POINTS), number=st.integers(1, 3))
    def crash(self, given: dict[str, Any], point: str, number: int) -> None:
        self._run(Fate((point, number)), **given)

    @rule(planned=faults, point=st.sampled_from(POINTS), number=st.integers(1, 3))
    def crash_amid_faults(self, planned: list[Any], point: str, number: int) -> None:
        self._fail(planned)
        self._run(Fate((point, number)))

    def _fail(self, planned: list[Any]) -> None:
        for (call, after), kind, count in planned:
            for _ in range(count):
                error = kind(call, status=_STATUS[kind]) if kind in _STATUS else kind(call)
                self.world.service.fail(call, error, after=after)

    def _run(self, fate: Fate | None = None, **given: Any) -> Any:
        world, service = self.world, self.world.service
        if given.get("resubmit_unconfirmed"):
            wanted = given.get("only", ("*",))
            world.said(
                *(
                    job
                    for job, state in world.states().items()
                    if state in ("unconfirmed", "submitting")
                    and job in world.jobs
                    and any(Path(job).match(glob) for glob in wanted)
                )
            )
        held, bought = world.held(), len(service.jobs)
        states = world.states()
        result = world.run(fate, **given)
        service._queued.clear()
        killed = fate is not None and fate.dead
        kept = [job for job, state in states.items() if state in ("done", "failed", "canceled")]
        world.check_purchases(kept if given.get("keep_changed") else ())
        new = [service.owner(project) for project in list(service.jobs)[bought:]]
        assert len(new) == len(set(new)), f"bought twice in one run: {new}"
        assert set(new) <= world.jobs.keys()
        if (cap := given.get("max_credits")) is not None:
            assert world.held() <= max(cap, held)
            assert all(peak <= cap for peak in service.peaks[bought:])
        if killed:
            return None
        if isinstance(result, BatchsyncError):
            assert isinstance(result, UsageError), repr(result)
            return result
        assert "submitting" not in [world.states().get(job) for job in world.jobs]
        if not result.nothing_to_do:
            world.check_results()
            assert result.credits.balance is None or result.credits.balance <= CREDITS
        return result

    # --- the service ----------------------------------------------------------------------------

    @rule(looks=st.sampled_from([0, 1, 3, None]))
    def the_service_changes_its_speed(self, looks: int | None) -> None:
        self.world.service.looks = looks

    @rule(pick=picks, how=st.sampled_from(["finish", "break", "cancel"]))
    def a_render_ends(self, pick: int, how: str) -> None:
        service = self.world.service
        if not (live := service.live()):
            return
        project = live[pick % len(live)]
        if how == "finish":
            service.finish(project)
        elif how == "break":
            service.break_render(project, "no_source_face")
        else:
            service.cancel(project)

    # --- a person's word ------------------------------------------------------------------------

    @rule(
        job=st.none() | ids,
        failed=st.booleans(),
        canceled=st.booleans(),
        mode=st.sampled_from([None, None, "lite", "pro"]),
    )
    def retry(self, job: str | None, failed: bool, canceled: bool, mode: str | None) -> None:
        if not self.world.ledger.exists():
            return
        choice = mending.Choice((job,) if job else (), failed, canceled)
        values = {"generation_mode": mode} if mode else {}

        async def work(desk: mending.Desk) -> Any:
            return await mending.retry(desk, choice, values, dry_run=False)

        result = self.world.mend(work)
        if isinstance(result, mending.Retried):
            self.world.said(*result.to_buy)
        else:
            assert isinstance(result, UsageError), repr(result)

    @rule(adopt=st.booleans(), fault=st.sampled_from([None, AnswerLost, NotFound]))
    def resolve(self, adopt: bool, fault: Any) -> None:
        world = self.world
        if "unconfirmed" not in world.states().values():
            return

        async def work(desk: mending.Desk) -> None:
            for job in mending.unconfirmed_ids(desk)[:1]:
                attempt = desk.records[job].attempt
                assert attempt is not None
                made = [p for p in world.service.jobs if world.service.tag(p) == attempt.tag]
                if made and adopt:
                    api: Any = MortalApi(world.service, Fate())
                    await mending.adopt(desk, api, BASE_URL, job, made[0])
                elif not adopt:
                    world.said(job)
                    await mending.resubmit(desk, [job])

        if fault is not None:
            world.service.fail("status", fault("status"))
        result = world.mend(work)
        world.service._queued.clear()
        assert result is None or fault is not None, repr(result)

    @rule(pick=picks)
    def adopt_the_wrong_project(self, pick: int) -> None:
        world = self.world

        async def work(desk: mending.Desk) -> str:
            [job, *_] = mending.unconfirmed_ids(desk)
            attempt = desk.records[job].attempt
            assert attempt is not None
            others = [p for p in world.service.jobs if world.service.owner(p) != job]
            project = [*others, "fake-999"][pick % (len(others) + 1)]
            return await mending.adopt(desk, world.service, BASE_URL, job, project)

        if set(mended := world.states()) & world.jobs.keys() and any(
            mended[job] == "unconfirmed" for job in world.jobs if job in mended
        ):
            assert isinstance(world.mend(work), UsageError)

    @rule(named=st.lists(ids, max_size=2, unique=True), crash=st.booleans())
    def fetch(self, named: list[str], crash: bool) -> None:
        world = self.world
        if not world.ledger.exists():
            return
        bought = len(world.service.jobs)
        fate = Fate(("download after", 1)) if crash else Fate()
        result = world.run(fate, refetch=tuple(named))
        assert len(world.service.jobs) == bought
        if isinstance(result, Summary) and not named:
            done = world.query(
                "SELECT j.id, a.output FROM jobs j JOIN attempts a ON a.job = j.id "
                "AND a.number = j.attempt WHERE j.state = 'done'"
            )
            world.spoiled -= {Path(output) for job, output in done if job in world.jobs}

    # --- the disk -------------------------------------------------------------------------------

    @rule(pick=picks, how=st.sampled_from(["delete", "damage", "empty"]))
    def an_output_is_spoiled(self, pick: int, how: str) -> None:
        outputs = sorted((self.world.folder / "outputs").rglob("*.mp4"))
        if not outputs:
            return
        output = outputs[pick % len(outputs)]
        if how == "delete":
            output.unlink()
        else:
            content = bytearray(output.read_bytes())
            output.write_bytes(b"" if how == "empty" else bytes(reversed(content)))
        self.world.spoiled.add(output)

    @invariant()
    def all_is_right(self) -> None:
        self.world.check()


_SOAK = "BATCHSYNC_SOAK" in os.environ


def test_no_order_of_events_costs_money_or_renders(media, tmp_path):
    memory = Path("/dev/shm")
    home = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else tmp_path))
    kind = type("Bound", (Machine,), {"media": media, "home": home})
    try:
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=2_000 if _SOAK else 20,
                stateful_step_count=40 if _SOAK else 15,
                deadline=None,
                # The same steps each time in the suite; new ones each time in `make soak`.
                derandomize=not _SOAK,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        shutil.rmtree(home)
