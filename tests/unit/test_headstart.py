"""How many bytes may be sent for jobs that are not submitted yet."""

import asyncio
from collections.abc import Mapping

from test_slots import settle, timeless

from batchsync.engine.headstart import Headstart


def entering(headstart: Headstart, *jobs: Mapping[str, int]) -> list["asyncio.Task[None]"]:
    return [asyncio.create_task(headstart.enter(job)) for job in jobs]


async def done(tasks: list["asyncio.Task[None]"]) -> list[bool]:
    await settle()
    return [task.done() for task in tasks]


async def cancel(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@timeless
async def test_jobs_wait_until_enough_of_those_before_are_submitted() -> None:
    headstart = Headstart(100)
    tasks = entering(headstart, {"a": 60}, {"b": 40}, {"c": 10}, {"d": 95})
    assert await done(tasks) == [True, True, False, False]
    headstart.release(["a"])
    assert await done(tasks) == [True, True, True, False]
    headstart.release(["b"])
    assert await done(tasks) == [True, True, True, False]
    headstart.release(["c"])

    assert await done(tasks) == [True] * 4


@timeless
async def test_a_job_larger_than_all_goes_alone() -> None:
    headstart = Headstart(100)
    tasks = entering(headstart, {"a": 1}, {"huge": 5000}, {"b": 1})
    assert await done(tasks) == [True, False, False]
    headstart.release(["a"])
    assert await done(tasks) == [True, True, False]
    headstart.release(["huge"])

    assert await done(tasks) == [True] * 3


@timeless
async def test_a_file_that_jobs_share_counts_once_until_the_first_is_submitted() -> None:
    headstart = Headstart(100)
    shared = {"video": 90}
    tasks = entering(headstart, shared, shared, shared, {"video": 90, "a": 10}, {"b": 1})
    assert await done(tasks) == [True, True, True, True, False]
    headstart.release(["video"])
    assert await done(tasks) == [True] * 5
    headstart.release(["video"])
    later = entering(headstart, {"c": 89}, {"d": 1})

    assert await done(later) == [True, False]
    await cancel(later)


@timeless
async def test_who_has_nothing_to_send_passes_those_that_wait() -> None:
    headstart = Headstart(100)
    tasks = entering(headstart, {"a": 100}, {"b": 1}, {}, {"a": 100})

    assert await done(tasks) == [True, False, True, True]
    await cancel(tasks)


@timeless
async def test_who_gives_up_waiting_holds_nobody_up() -> None:
    headstart = Headstart(100)
    tasks = entering(headstart, {"a": 50}, {"b": 60}, {"c": 50})
    assert await done(tasks) == [True, False, False]
    tasks[1].cancel()

    assert await done(tasks) == [True, True, True]


@timeless
async def test_without_a_limit_nobody_waits() -> None:
    headstart = Headstart()

    assert await done(entering(headstart, {"a": 1 << 50}, {"b": 1 << 50})) == [True, True]
