"""The Python API at work: from scripts, loops and threads, used and misused."""

import asyncio
import contextlib
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

import batchsync
from batchsync import Batch, JobSpec, RunResult, errors, events
from batchsync.library import occupied
from batchsync.standing import read_standing
from tests.strict import KEY, Strict
from tests.support.batches import Batch as Folder
from tests.support.cli import until

Open = Callable[..., Batch]


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting of this machine's, and no errand left when a test has ended."""
    for name in ("MAGIC_HOUR_API_KEY", "MAGIC_HOUR_BASE_URL", "BATCHSYNC_STATE"):
        monkeypatch.delenv(name, raising=False)
    yield
    until(lambda: not any(thread.name == "batchsync" for thread in threading.enumerate()))


@pytest.fixture
def make(batch: Folder) -> Open:
    """Opens a batch of the first pairs, against a server."""

    def opened(server: Strict, count: int = 3, **given: Any) -> Batch:
        settings = {
            "name": "spring",
            "folder": batch.folder,
            "api_key": KEY,
            "base_url": server.base_url,
            "poll_min": 0.02,
            "poll_max": 0.1,
            **given,
        }
        return Batch.from_jobs(settings.pop("jobs", batch.pairs(count)), **settings)

    return opened


def states(opened: Batch) -> list[str]:
    return [job.status for job in opened.results()]


def until_at_work(opened: Batch, status: str = "submitted") -> None:
    until(lambda: status in states(opened))


def test_a_list_of_jobs_is_rendered_and_a_second_run_does_nothing(
    serve: Callable[..., Strict], make: Open
) -> None:
    server = serve()
    opened = make(server, 3)

    first, second = opened.run(), opened.run()

    assert (first.ok, first.exit_name, first.counts.done) == (True, "ok", 3)
    assert [job.status for job in first.jobs] == ["done"] * 3
    assert first.job("ann-de").output == opened.output_dir / "ann-de.mp4"
    assert first.job("ann-de").credits_charged == 50
    assert first.credits.charged == server.spent == 150
    assert first.results_path.read_text().count("\n") == 4
    assert (second.nothing_to_do, second.counts.skipped, second.requests["create"]) == (True, 3, 0)
    assert len(server.projects) == 3
    assert (first.next, second.next) == (None, None)
    with pytest.raises(KeyError):
        first.job("nobody")


def test_a_manifest_is_run_and_the_way_on_is_named(
    serve: Callable[..., Strict], batch: Folder, make: Open
) -> None:
    server = serve()
    path = batch.write_pairs(2)
    opened = Batch.load(path, api_key=KEY, base_url=server.base_url, poll_min=0.02)

    result = opened.run(wait=False)

    assert (result.exit_name, states(opened)) == ("incomplete", ["submitted"] * 2)
    assert result.next == f"batchsync run {path} --base-url {server.base_url}"
    assert opened.run().ok
    assert len(server.projects) == 2


def test_jobs_may_be_objects_and_the_defaults_are_for_all(
    serve: Callable[..., Strict], batch: Folder, make: Open
) -> None:
    server = serve()
    spec = JobSpec(
        id="one", video=batch.media.video(), audio=batch.media.audio(), tags={"lang": "de"}
    )
    opened = make(server, jobs=[spec], defaults={"end_seconds": 1, "max_fps_limit": 10})

    result = opened.run()

    assert result.jobs[0].tags == {"lang": "de"}
    assert (server.bodies[0]["end_seconds"], server.bodies[0]["max_fps_limit"]) == (1, 10)


def test_a_plan_says_what_would_be_bought_and_changes_nothing(
    serve: Callable[..., Strict], batch: Folder, make: Open
) -> None:
    server = serve()
    opened = make(server, 3)
    opened.run(only="ann-de")
    before = batch.snapshot()

    plan = opened.plan()

    assert [str(job.action) for job in plan.jobs] == ["skip", "submit", "submit"]
    assert (plan.count("submit"), len(plan.to_buy), plan.credits_estimated) == (2, 2, 120)
    assert (plan.credits_expected, plan.credits_spent, plan.max_credits) == (100, 50, None)
    assert batch.snapshot() == before
    with pytest.raises(errors.UsageError, match="no job fits"):
        opened.plan(only=["zoe-*"])


async def test_a_blocking_call_works_where_a_loop_is_running(
    serve: Callable[..., Strict], make: Open
) -> None:
    opened = make(serve(), 1)

    assert opened.run().ok
    assert (await opened.aplan()).count("skip") == 1


def test_a_run_in_a_thread_tells_its_events_there(serve: Callable[..., Strict], make: Open) -> None:
    opened = make(serve(), 1)
    told: set[str] = set()
    thread = threading.Thread(
        target=lambda: opened.run(on_event=lambda _: told.add(threading.current_thread().name)),
        name="caller",
    )

    thread.start()
    thread.join()

    assert (told, states(opened)) == ({"caller"}, ["done"])


async def test_several_batches_run_in_one_loop_and_tell_their_events_there(
    serve: Callable[..., Strict], make: Open
) -> None:
    server = serve(render_seconds=0.3)
    told: set[str] = set()
    batches = [make(server, 2, name=name) for name in ("one", "two", "three")]

    results = await asyncio.gather(
        *(
            each.arun(on_event=lambda _: told.add(threading.current_thread().name))
            for each in batches
        )
    )

    assert all(result.ok for result in results)
    assert told == {threading.current_thread().name}
    assert server.most_active > 2


async def test_a_stream_tells_what_happens_and_ends_with_the_result(
    serve: Callable[..., Strict], make: Open
) -> None:
    told = [event async for event in make(serve(), 1).stream()]

    moves = [str(event.target) for event in told if isinstance(event, events.JobMoved)]
    assert moves == ["uploaded", "submitting", "submitted", "rendered", "done"]
    assert isinstance(told[-1], RunResult)
    assert told[-1].ok


async def test_leaving_a_stream_lets_the_submission_in_the_air_land(
    serve: Callable[..., Strict], make: Open
) -> None:
    server = serve(render_seconds=30, faults=("create:slow=1",))
    opened = make(server, 3)

    async with contextlib.aclosing(opened.stream()) as told:
        async for event in told:
            if isinstance(event, events.JobMoved) and event.target == "submitting":
                break

    assert len(server.projects) == 1
    assert sorted(states(opened)) == ["pending", "pending", "submitted"]
    assert opened.results_path.exists()
    server.rules.render_seconds = 0
    for project in server.projects.values():
        project.seconds = 0
    assert (await opened.arun()).ok
    assert len(server.projects) == 3


async def test_canceling_does_what_ctrl_c_does(serve: Callable[..., Strict], make: Open) -> None:
    server = serve(render_seconds=30)
    opened = make(server, 2)
    task = asyncio.create_task(opened.arun())
    await asyncio.to_thread(until_at_work, opened)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert set(states(opened)) <= {"submitted", "pending"}
    assert opened.results_path.exists()
    for project in server.projects.values():
        project.seconds = 0
    server.rules.render_seconds = 0
    assert (await opened.arun()).ok
    assert len(server.projects) == 2


async def test_canceling_twice_does_not_wait_for_a_call_in_the_air(
    serve: Callable[..., Strict], make: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchsync.engine.engine._LANDING_SECONDS", 1.0)
    opened = make(serve(hang=("create",)), 1)
    task = asyncio.create_task(opened.arun())
    await asyncio.to_thread(until_at_work, opened, "submitting")

    begin = time.monotonic()
    task.cancel()
    await asyncio.sleep(0.05)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert time.monotonic() - begin < 0.9
    await asyncio.to_thread(until_at_work, opened, "unconfirmed")


def test_a_keyboard_interrupt_is_the_first_ctrl_c(serve: Callable[..., Strict], make: Open) -> None:
    server = serve(render_seconds=30, faults=("create:slow=1",))
    opened = make(server, 2)

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.JobMoved) and event.target == "submitting":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        opened.run(on_event=interrupt)

    assert sorted(states(opened)) == ["pending", "submitted"]
    assert len(server.projects) == 1


async def test_a_coroutine_that_blocks_in_a_run_can_be_canceled(
    serve: Callable[..., Strict], make: Open
) -> None:
    opened = make(serve(render_seconds=30), 1)
    this = asyncio.current_task()
    assert this is not None

    def cancel(event: events.Event) -> None:
        if isinstance(event, events.JobMoved) and event.target == "submitted":
            this.cancel()

    result = opened.run(on_event=cancel)

    assert result.exit_name == "interrupted"
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    this.uncancel()
    assert states(opened) == ["submitted"]


def test_two_runs_of_one_batch_at_once_are_refused_or_wait(
    serve: Callable[..., Strict], make: Open
) -> None:
    server = serve(render_seconds=0.4)
    opened = make(server, 2)
    results: list[RunResult] = []
    first = threading.Thread(target=lambda: results.append(opened.run()))
    first.start()
    until_at_work(opened)

    with pytest.raises(errors.LockHeld, match=r"runs this batch already.*lock_wait=SECONDS"):
        opened.run()
    with pytest.raises(errors.LockHeld):
        opened.retry(failed=True)
    waited = opened.run(lock_wait=30)
    first.join()

    assert (results[0].ok, waited.ok, waited.counts.skipped) == (True, True, 2)
    assert len(server.projects) == 2


async def test_a_run_of_another_process_is_named_in_python_words(
    serve: Callable[..., Strict], make: Open
) -> None:
    opened = make(serve(), 1)
    from batchsync.lock import held
    from batchsync.places import places
    from batchsync.settings import RunSettings

    where = places(opened.state.parent.parent / "x", "spring", RunSettings())
    async with held(where.lock, where.state, 0):
        with pytest.raises(errors.LockHeld, match="or use lock_wait=SECONDS"):
            await opened.arun()

    assert (await opened.arun()).ok


def test_a_ledger_at_work_is_read_without_dropping_its_locks(
    serve: Callable[..., Strict], make: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = make(serve(), 2)
    seen: list[list[str]] = []

    def look(_: events.Event) -> None:
        with monkeypatch.context() as patched:
            # It opens and closes the file, which takes SQLite's locks from the run.
            patched.setattr(occupied, "read_standing", pytest.fail)
            seen.append(states(opened))

    opened.run(on_event=look)

    assert seen[0] == ["pending", "pending"]
    assert "submitted" in {state for look in seen for state in look}


def test_an_observer_that_raises_is_dropped_and_the_run_goes_on(
    serve: Callable[..., Strict], make: Open, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[events.Event] = []

    def broken(event: events.Event) -> None:
        calls.append(event)
        raise ValueError("my progress bar")

    with caplog.at_level(logging.WARNING, "batchsync"):
        result = make(serve(), 2).run(on_event=broken)

    assert (result.ok, len(calls)) == (True, 1)
    [record] = caplog.records
    assert record.exc_info is not None
    assert "not called again" in record.message


def test_what_can_not_be_meant_is_said_at_once(
    serve: Callable[..., Strict], make: Open, batch: Folder
) -> None:
    server = serve()
    opened = make(server, 1)

    async def coroutine(_: events.Event) -> None:
        pass

    with pytest.raises(TypeError, match="plain function"):
        opened.run(on_event=coroutine)
    with pytest.raises(TypeError, match="on_event is a function, not str"):
        opened.run(on_event="print")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="did you mean 'max_in_flight'"):
        opened.run(max_inflight=3)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"run\(\) takes no 'state'"):
        opened.run(state="elsewhere.db")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="did you mean 'poll_min'"):
        opened.stream(pol_min=1)  # type: ignore[call-arg]
    with pytest.raises(errors.UsageError, match=r"^uploads: .*\b0\b"):
        make(server, 1, uploads=0)
    with pytest.raises(errors.UsageError, match="name the jobs"):
        opened.retry()
    with pytest.raises(errors.UsageError, match="has not been run yet"):
        opened.retry("ann-de")
    with pytest.raises(errors.UsageError, match="say one of"):
        opened.resolve("ann-de")
    with pytest.raises(TypeError, match="api_key is a text"):
        make(server, 1, api_key=7)
    assert server.requests.total() == 0
    assert not opened.state.exists()


def test_every_mistake_in_the_jobs_is_named_with_its_place(
    serve: Callable[..., Strict], make: Open, batch: Folder
) -> None:
    good = batch.job()
    bad = [good, {**good, "end_second": 3}, "pair.mp4", {"id": "x", "video": 3, "audio": b""}]

    with pytest.raises(errors.ManifestError) as caught:
        make(serve(), jobs=bad)

    found = [(problem.where, problem.found) for problem in caught.value.problems]
    assert ("jobs[1]", "the key 'end_second' is not known") in found
    assert ("jobs[1]", "the id 'ann-de' is given to two jobs") in found
    assert ("jobs[2]", "found a value of type str") in found
    assert any(where == "jobs[3]" and "of type bytes" in words for where, words in found)
    with pytest.raises(errors.ManifestError, match="there are no jobs"):
        make(serve(), jobs=[])
    with pytest.raises(errors.ManifestError, match="name: found 'a/b'"):
        make(serve(), 1, name="a/b")
    with pytest.raises(errors.ManifestError, match="matrix is for manifests"):
        make(serve(), jobs=[{**good, "matrix": {"lang": ["de"]}}])


def test_files_that_are_unfit_stop_the_run_or_fail_alone(
    serve: Callable[..., Strict], make: Open, batch: Folder
) -> None:
    server = serve()
    opened = make(server, jobs=[batch.job(), {**batch.job(), "id": "gone", "audio": "gone.wav"}])

    with pytest.raises(errors.ManifestError, match=r"jobs\[1\]: job gone, audio: gone.wav does"):
        opened.run()
    assert server.requests.total() == 0
    assert [problem.job for problem in opened.plan().problems] == ["gone"]
    result = opened.run(keep_going=True)

    assert (result.exit_name, states(opened)) == ("some_failed", ["done", "failed"])
    error = result.job("gone").error
    assert error is not None
    assert (str(error.stage), error.code) == ("preflight", "unfit")


def test_a_loop_that_is_closed_calls_its_run_back(serve: Callable[..., Strict], make: Open) -> None:
    server = serve(render_seconds=30)
    opened = make(server, 1)
    loop = asyncio.new_event_loop()
    heard = loop.create_future()

    def hear(event: events.Event) -> None:
        if isinstance(event, events.JobMoved) and event.target == "submitted":
            heard.set_result(None)

    task = loop.create_task(opened.arun(on_event=hear))
    loop.run_until_complete(heard)
    loop.close()

    # What a loop that is closed too early leaves lying, asyncio would complain about.
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    task.get_coro().close()  # type: ignore[union-attr]
    until(lambda: not any(thread.name == "batchsync" for thread in threading.enumerate()))
    assert states(opened) == ["submitted"]


def test_the_key_is_shown_to_nobody(serve: Callable[..., Strict], make: Open) -> None:
    secret = "sk-topsecret-1f7a"
    opened = make(serve(), 2, api_key=secret)
    told: list[events.Event] = []

    result = opened.run(on_event=told.append)

    assert result.exit_name == "denied"
    assert "Invalid API key" in str(told)
    files = b"".join(p.read_bytes() for p in opened.state.parent.parent.rglob("*") if p.is_file())
    shown = f"{opened!r} {vars(opened)} {told} {result} {opened.results()}"
    assert secret not in shown
    assert secret.encode() not in files


def test_without_a_key_there_is_an_error_and_no_trace(make: Open, batch: Folder) -> None:
    opened = Batch.from_jobs(batch.pairs(1), name="spring", folder=batch.folder)

    with pytest.raises(errors.KeyMissing, match="give api_key=, or set MAGIC_HOUR_API_KEY"):
        opened.run()

    assert not opened.state.exists()


def test_the_environment_is_heeded_as_on_the_command_line(
    serve: Callable[..., Strict], batch: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    monkeypatch.setenv("MAGIC_HOUR_API_KEY", KEY)
    monkeypatch.setenv("MAGIC_HOUR_BASE_URL", server.base_url)
    monkeypatch.setenv("BATCHSYNC_STATE", "kept/elsewhere.db")
    monkeypatch.setenv("BATCHSYNC_MAX_CREDITS", "60")
    opened = Batch.load(batch.write_pairs(2), poll_min=0.02)

    monkeypatch.delenv("BATCHSYNC_STATE")
    capped = opened.run()

    assert opened.state == batch.folder / "kept" / "elsewhere.db"
    assert (capped.exit_name, len(server.projects)) == ("out_of_credits", 1)
    assert opened.run(max_credits=1000).ok


def test_failed_jobs_come_back_and_unconfirmed_ones_are_resolved(
    serve: Callable[..., Strict], make: Open
) -> None:
    server = serve(fates={"ann-de": "error:no_source_face"}, faults=("create:lost=1",))
    opened = make(server, 2)
    assert opened.run().exit_name == "unconfirmed"

    [first], [second] = server.of_job("ann-de"), server.of_job("ann-en")
    opened.resolve("ann-de", adopt=first.id)
    opened.resolve("ann-en", adopt=second.id)
    assert opened.run().exit_name == "some_failed"
    error = opened.results()[0].error
    assert error is not None
    assert error.code == "no_source_face"

    server.rules.fates = {}
    server._faults.clear()
    assert opened.retry(failed=True) == ("ann-de",)
    assert opened.run().ok
    assert len(server.projects) == 3


def test_a_library_leaves_the_process_as_it_was(
    serve: Callable[..., Strict], make: Open, capfd: pytest.CaptureFixture[str]
) -> None:
    def surroundings() -> object:
        root = logging.getLogger()
        return (
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            (root.level, tuple(root.handlers), logging.getLogger("batchsync").handlers),
            structlog.is_configured(),
            asyncio.get_event_loop_policy(),
            Path.cwd(),
            (sys.excepthook, threading.excepthook, sys.displayhook),
        )

    before = surroundings()

    make(serve(), 1).run(on_event=lambda _: None)

    assert surroundings() == before
    assert capfd.readouterr() == ("", "")


_ENDING = """
import asyncio, sys, threading
from batchsync import Batch
folder, url, key = sys.argv[1:]

def opened(name):
    jobs = [{"id": name, "video": "clip.mp4", "audio": "voice.mp3", "end_seconds": 1}]
    given = {"name": name, "folder": folder, "base_url": url, "api_key": key}
    return Batch.from_jobs(jobs, **given, poll_min=0.02, poll_max=0.1)

under_way = threading.Event()

def see(event):
    if getattr(event, "target", None) == "submitted":
        under_way.set()

threading.Thread(target=lambda: opened("waited").run(on_event=see)).start()
under_way.wait()

async def leave():
    async for event in opened("left").stream():
        if getattr(event, "target", None) == "submitting":
            break

asyncio.run(leave())
"""


def test_a_program_that_ends_calls_back_what_nobody_waits_for_and_waits_for_the_rest(
    serve: Callable[..., Strict], batch: Folder
) -> None:
    server = serve(render_seconds=1.5)
    for source, name in ((batch.media.clip, "clip.mp4"), (batch.media.mp3, "voice.mp3")):
        (batch.folder / name).symlink_to(source)

    done = subprocess.run(
        [sys.executable, "-c", _ENDING, str(batch.folder), server.base_url, KEY],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    def state(name: str) -> str:
        path = batch.folder / ".batchsync" / f"{name}.db"
        return next(record.state.value for record in read_standing(path).records.values())

    assert (done.stdout, done.stderr) == ("", "")
    assert (state("waited"), state("left")) == ("done", "submitted")
    assert len(server.projects) == 2


def test_nothing_is_begun_when_the_program_is_ending(
    serve: Callable[..., Strict], make: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    ended.set()
    monkeypatch.setattr("batchsync.library.ending._ending", ended)

    with pytest.raises(errors.UsageError, match="the program is ending"):
        make(serve(), 1).run()


def test_importing_it_costs_nothing() -> None:
    script = (
        "import sys, batchsync; batchsync.__version__; dir(batchsync)\n"
        "heavy = {'asyncio', 'pydantic', 'aiohttp', 'sqlite3', 'av'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
    assert batchsync.__version__
