"""A kill before and after every write to the ledger, every request, every rename: no harm done.

Each scenario is a few steps that a person takes. A kill ends one of them at a point; the person
then takes that step again, and the rest. What a dead process could not have done is not seen by
what follows (`tests.support.injection`).
"""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from batchsync import mending
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    OutputInvalid,
    Rejected,
    Throttled,
    Unavailable,
    UsageError,
)
from batchsync.model import LEGAL_TRANSITIONS, JobState
from tests.strict import strict_thread
from tests.support.batches import Batch
from tests.support.injection import DEAD, Fate, MortalApi
from tests.support.media import Media
from tests.support.model import BASE_URL, Service, World

ONE_BY_ONE = {"max_in_flight": 1, "uploads": 1, "downloads": 1}
Step = Callable[[World, Fate], Any]


def run(**options: Any) -> Step:
    """`batchsync run`."""

    def step(world: World, fate: Fate) -> Any:
        if options.get("resubmit_unconfirmed"):
            waiting = ("unconfirmed", "submitting")
            world.said(*(job for job, state in world.states().items() if state in waiting))
        return world.run(fate, **ONE_BY_ONE, **options)

    return step


def retry(*jobs: str, **choice: Any) -> Step:
    """`batchsync retry`."""

    def step(world: World, fate: Fate) -> Any:
        chosen = mending.Choice(jobs, **choice)

        async def work(desk: mending.Desk) -> Any:
            return await mending.retry(desk, chosen, {}, dry_run=False)

        for job in world.jobs:
            if world.states()[job] in ("failed", "canceled") or job in jobs:
                world.said(job)
        return world.mend(work, fate)

    return step


def resolve(world: World, fate: Fate) -> Any:
    """`batchsync resolve`, rightly: adopt where a project was made, resubmit where none was."""

    async def work(desk: mending.Desk) -> None:
        for job in mending.unconfirmed_ids(desk):
            record = desk.records[job]
            assert record.attempt is not None
            made = [
                project
                for project in world.service.jobs
                if world.service.tag(project) == record.attempt.tag
            ]
            if made:
                api: Any = MortalApi(world.service, fate)
                await mending.adopt(desk, api, BASE_URL, job, made[0])
            else:
                world.said(job)
                await mending.resubmit(desk, [job])

    return world.mend(work, fate)


@dataclass(frozen=True)
class Scenario:
    """What happened before, what is done now, and how often each point of that is passed."""

    steps: Sequence[Step]
    points: dict[str, int]
    jobs: int = 2
    before: Sequence[Step] = ()
    edit: Callable[[World], None] = lambda world: None
    faults: dict[tuple[str, int], Sequence[BaseException]] = field(default_factory=dict)
    after_faults: dict[tuple[str, int], Sequence[BaseException]] = field(default_factory=dict)
    fates: dict[int, str] = field(default_factory=dict)


def _edit(world: World) -> None:
    first, second, *_ = world.jobs.values()
    first["style"] = {"generation_mode": "pro"}
    second["output"] = "elsewhere/out.mp4"


def _lose_output(world: World) -> None:
    world.spoiled.add(path := world.results.with_name("ann-de.mp4"))
    path.unlink(missing_ok=True)


def _take_file_away(world: World) -> None:
    next(iter(world.jobs.values()))["audio"] = str(world.folder / "later.wav")


def _bring_file(world: World, _: Fate) -> None:
    (world.folder / "later.wav").write_bytes(world.media.audio("cat", "it").read_bytes())


_RUN = {"enroll": 1, "begin_run": 1, "keep_files": 1, "results": 1, "end_run": 1}
_UPLOAD = {"keep_files": 4, "upload_urls": 2, "upload": 3, "keep_asset": 3}


def _each(count: int, *points: str) -> dict[str, int]:
    return dict.fromkeys(points, count)


def _buying(count: int) -> dict[str, int]:
    return _each(count, "move uploaded", "move submitting", "create", "move submitted")


def _buying_anew(count: int) -> dict[str, int]:
    """An ended job goes straight from its end to the create call."""
    return _each(count, "move submitting", "create", "move submitted")


def _taking(count: int) -> dict[str, int]:
    taken = _each(count, "move rendered", "download", "rename", "move done")
    return {"status": 2 * count, **taken}


SCENARIOS = {
    "plain": Scenario([run()], {**_RUN, "account": 2, **_UPLOAD, **_buying(2), **_taking(2)}),
    "collect": Scenario([run()], {**_RUN, **_taking(2)}, before=[run(wait=False)]),
    "fetch": Scenario(
        [run(refetch=())],
        {**_RUN, **_taking(1), "status": 1},
        before=[run()],
        edit=_lose_output,
    ),
    "drift": Scenario(
        [run()],
        {**_RUN, "account": 2, **_buying_anew(1), **_taking(2), "status": 3},
        before=[run()],
        edit=_edit,
    ),
    "rough": Scenario(
        [run()],
        {
            **(_RUN | {"account": 2, "keep_files": 11, "upload_urls": 6, "upload": 10}),
            **({"keep_asset": 10, "move uploaded": 8, "move submitting": 8, "create": 8}),
            **({"move submitted": 4, "move failed": 2, "move unconfirmed": 1}),
            **({"move canceled": 1, **_taking(2), "status": 7}),
        },
        jobs=6,
        faults={
            ("create", 0): [Throttled("429", status=429), Unavailable("503", status=503)],
            ("create", 1): [Rejected("422", status=422)],
            ("status", 4): [AnswerLost("lost")],
        },
        after_faults={("create", 5): [AnswerLost("lost")]},
        fates={2: "error", 3: "canceled"},
    ),
    "retry": Scenario(
        [retry("cat-de", failed=True, canceled=True), run()],
        {**_RUN, "account": 2, "move pending": 3, **_buying(3), **_taking(3)},
        jobs=3,
        before=[run()],
        fates={0: "error", 1: "canceled"},
    ),
    "resolve": Scenario(
        [resolve, run()],
        {**_RUN, "account": 2, "move pending": 1, **_buying(1), "move submitted": 2, **_taking(2)},
        before=[run()],
        faults={("create", 0): [AnswerLost("lost")]},
        after_faults={("create", 1): [AnswerLost("lost")]},
    ),
    "resubmit": Scenario(
        [run(resubmit_unconfirmed=True)],
        {**_RUN, "account": 2, "move pending": 1, **_buying(1), **_taking(1)},
        jobs=1,
        before=[run()],
        faults={("create", 0): [AnswerLost("lost")]},
    ),
    "unfit": Scenario(
        [run(keep_going=True), _bring_file, run(keep_going=True)],
        {
            **(_each(2, *_RUN) | {"account": 4} | _UPLOAD | {"keep_files": 5}),
            **({"move failed": 1} | _buying(2) | {"move uploaded": 1} | _taking(2)),
        },
        edit=_take_file_away,
    ),
    "unplayable": Scenario(
        [run(), retry(failed=True), run()],
        {
            **(_each(2, *_RUN) | {"account": 2} | _UPLOAD | {"upload_urls": 1, "upload": 2}),
            **({"keep_asset": 2, "move failed": 1} | _buying(1) | _taking(1)),
            **{"status": 5, "move rendered": 2, "download": 4},
        },
        jobs=1,
        faults={("download", 0): [OutputInvalid("no video")] * 3},
    ),
}


def _world(scenario: Scenario, folder: Path, media: Media) -> World:
    world = World(folder / "batch", media, Service(media.clip.read_bytes(), fps=25))
    for name, language in (
        *(("ann", "de"), ("ann", "es"), ("cat", "de")),
        *(("bob", "de"), ("bob", "es"), ("dan", "de")),
    ):
        if len(world.jobs) < scenario.jobs:
            job = world.job(name, language)
            world.jobs[job["id"]] = job
    ids = list(world.jobs)
    waiting = [
        {(call, ids[job]): list(errors) for (call, job), errors in faults.items()}
        for faults in (scenario.faults, scenario.after_faults)
    ]
    fates = {ids[job]: fate for job, fate in scenario.fates.items()}
    service = world.service

    def subject(call: str, args: tuple[Any, ...]) -> str:
        if call == "create":
            return str(args[0]["name"]).partition(" ")[0]
        if call == "status":
            return service.owner(args[0])
        if call == "download":
            return service.owner(args[0].partition("?")[0].rpartition("/")[2])
        return ""

    def strike(queue: dict[tuple[str, str], list[BaseException]]) -> Any:
        def fault(call: str, args: tuple[Any, ...]) -> BaseException | None:
            job = subject(call, args)
            if call == "status" and job in fates and args[0] in service.live():
                if fates.pop(job) == "error":
                    service.break_render(args[0], "no_source_face")
                else:
                    service.cancel(args[0])
            errors = queue.get((call, job), [])
            return errors.pop(0) if errors else None

        return fault

    service.before, service.after = (strike(queue) for queue in waiting)
    world.write()
    living = Fate()
    if scenario.before:
        for step in scenario.before:
            step(world, living)
        world.check()
    scenario.edit(world)
    world.write()
    return world


def _play(scenario: Scenario, world: World, fate: Fate) -> None:
    """Take the steps; the one that a kill ends is taken again."""
    for step in scenario.steps:
        result = step(world, fate)
        if fate.dead and fate.at is not None:
            world.check()
            fate = Fate()
            result = step(world, fate)
        assert not isinstance(result, BatchsyncError) or isinstance(result, UsageError), result
        world.check()


# Every point once in `plain`, and elsewhere every arrow and create call at its first and last time:
# what else is passed there is passed in the same way. `make soak` strikes everything.
_ALWAYS = ("move", "create", "results")
_SOAK = "BATCHSYNC_SOAK" in os.environ

CASES = [
    pytest.param(name, f"{what} {when}", number, id=f"{name}-{what}-{when}-{number}")
    for name, scenario in SCENARIOS.items()
    for what, count in scenario.points.items()
    for when in ("before", "after")
    for number in range(1, count + 1)
    if _SOAK or name == "plain" or (what.startswith(_ALWAYS) and number in (1, count))
]


@pytest.mark.parametrize(("name", "point", "number"), CASES)
def test_a_kill_at_any_point_costs_nothing(name, point, number, tmp_path, media):
    scenario = SCENARIOS[name]
    world = _world(scenario, tmp_path, media)
    fate = Fate((point, number))
    _play(scenario, world, fate)
    assert fate.dead, f"{point} was not passed {number} times: {fate.passed}"
    unconfirmed = [job for job, state in world.states().items() if state == "unconfirmed"]
    lost = sum(
        len(errors) for _, errors in [*scenario.faults.items(), *scenario.after_faults.items()]
    )
    # One create call is in the air at a time here.
    assert len(unconfirmed) <= lost + 1
    _end_well(world)


def _end_well(world: World) -> None:
    """Resolve what waits for a person, rightly; then each job has been paid for just once."""
    for _ in range(2):  # the answer to the second call may get lost, too
        resolve(world, Fate())
        world.run()
    world.spoiled.clear()
    world.check()
    assert set(world.states().values()) <= {"done", "failed", "canceled"}
    world.check_results()
    world.check_no_strays()
    [(charged,)] = world.query("SELECT sum(credits_charged) FROM attempts")
    known = [project for (project,) in world.query("SELECT project_id FROM attempts")]
    assert charged == sum(world.service.jobs[project].charged for project in known if project)
    world.check_idle()


@pytest.mark.parametrize("name", SCENARIOS)
def test_no_point_is_left_out(name, tmp_path, media):
    scenario = SCENARIOS[name]
    world = _world(scenario, tmp_path, media)
    fate = Fate()
    for step in scenario.steps:
        step(world, fate)
    passed = {
        point.removesuffix(" before"): n for point, n in fate.passed.items() if "before" in point
    }
    assert passed == scenario.points


def test_every_arrow_of_the_ledger_is_struck_by_some_scenario():
    targets = {
        what.removeprefix("move ")
        for scenario in SCENARIOS.values()
        for what in scenario.points
        if what.startswith("move ")
    }
    assert targets == {str(state) for state in JobState} == set(LEGAL_TRANSITIONS)


@pytest.mark.parametrize(
    ("point", "number"),
    [
        ("move submitting after", 2),
        ("create after", 1),
        ("move submitted before", 3),
        ("move submitted after", 2),
        ("upload before", 3),
        ("download after", 2),
        ("rename after", 1),
        ("move done before", 3),
    ],
    ids=str,
)
def test_a_process_that_is_really_gone_costs_nothing(point, number, tmp_path, media):
    batch = Batch(tmp_path, media)
    batch.write_pairs(4)
    with strict_thread(media.clip.read_bytes()) as server:
        command = [sys.executable, "-m", "tests.support.injection"]
        arguments = [str(batch.manifest), server.base_url, point, str(number)]
        root = Path(__file__).parents[2]
        died = subprocess.run(
            [*command, *arguments], cwd=root, capture_output=True, check=False, timeout=60
        )
        assert died.returncode == DEAD, died.stderr
        again = subprocess.run(
            [*command, *arguments[:2], "never", "0"],
            cwd=root,
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert again.returncode == 0, again.stderr
        assert server.duplicates() == {}
        assert batch.wrong_outputs(server) == []
        assert batch.strays() == []
        waiting = [job for job, state in batch.states().items() if state == "unconfirmed"]
        known = {project for (project,) in batch.query("SELECT project_id FROM attempts")}
        for project in server.projects.values():
            assert project.id in known or project.job in waiting
        done = [job for job, row in batch.rows().items() if row["status"] == "done"]
        assert len(done) + len(waiting) == 4
        assert len(waiting) <= 2  # as many calls are in the air at a time
