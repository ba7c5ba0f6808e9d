"""Orders of events that the state machine found, or that are too rare for it; each by itself."""

import pytest

from batchsync.errors import ExitCode, Throttled, Unavailable
from batchsync.report.summary import Summary
from tests.support.injection import Fate
from tests.support.model import Service, World


@pytest.fixture
def world(tmp_path, media):
    made = World(tmp_path / "batch", media, Service(media.clip.read_bytes(), fps=25))
    for language in ("de", "es"):
        job = made.job("ann", language)
        made.jobs[job["id"]] = job
    made.write()
    return made


def _done(outcome):
    assert isinstance(outcome, Summary), outcome
    assert outcome.exit is ExitCode.OK
    return outcome


def _edit(world, **fields):
    world.jobs["ann-de"] = {**world.jobs["ann-de"], **fields}
    world.write()


def test_a_change_taken_back_before_anything_was_made_buys_nothing(world):
    _done(world.run())
    _edit(world, style={"generation_mode": "pro"})
    world.service.fail("create", *[Unavailable("503", status=503)] * 3)
    assert world.run().exit is ExitCode.INCOMPLETE
    world.service._queued.clear()
    _edit(world, style={"generation_mode": "lite"})
    _done(world.run())
    world.check()
    assert len(world.service.jobs) == 2


@pytest.mark.parametrize("point", ["account after", "move submitting before"])
def test_a_change_taken_back_after_a_kill_before_the_call_buys_nothing(world, point):
    _done(world.run())
    _edit(world, style={"generation_mode": "pro"})
    assert world.run(Fate((point, 1))) is None
    _edit(world, style={"generation_mode": "lite"})
    _done(world.run())
    world.check()
    assert len(world.service.jobs) == 2


def test_a_change_held_up_by_a_429_is_not_bought_with_keep_changed(world):
    _done(world.run())
    _edit(world, style={"generation_mode": "pro"})
    world.service.fail("create", Throttled("429", status=429))
    assert world.run(Fate(("move done after", 1))) is None
    world.run(keep_changed=True)
    assert len(world.service.jobs) == 2


@pytest.mark.parametrize("point", ["move done after", "results before", "results after"])
def test_a_kill_at_the_very_end_leaves_a_table_that_the_next_run_mends(world, point):
    _done(world.run(only=("ann-de",)))
    number = 1
    assert world.run(Fate((point, number))) is None
    _done(world.run())
    world.check_results()


@pytest.mark.parametrize("point", ["move done after", "end_run before", "end_run after"])
def test_the_run_after_a_kill_at_the_very_end_leaves_the_ledger_one_plain_file(world, point):
    assert world.run(Fate((point, 2 if "done" in point else 1))) is None
    _done(world.run())
    world.check_no_strays()
    world.check_idle()


def test_a_part_follows_its_output_to_another_folder(world):
    fate = Fate(("download after", 1))
    assert world.run(fate, downloads=1) is None
    for job in list(world.jobs):
        world.jobs[job]["output"] = f"below/{job}.mp4"
    world.write()
    _done(world.run())
    world.check()
    world.check_no_strays()
