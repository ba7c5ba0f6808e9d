"""Who may start the next render; also the loop without waiting that other tests use."""

import asyncio
import functools
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.engine.slots import Slots


class _Jumping(selectors.DefaultSelector):
    """Where the loop would sleep, its clock jumps."""

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            ready = super().select(5.0)
            if not ready:
                raise RuntimeError("everything waits for something that will not come")
            return ready
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class JumpLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes at once."""

    def __init__(self) -> None:
        self.jumping = _Jumping()
        super().__init__(self.jumping)

    def time(self) -> float:
        return self.jumping.now


def timeless(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs an async test on a `JumpLoop`: sleeps cost nothing, and end when they should."""

    @functools.wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        with asyncio.Runner(loop_factory=JumpLoop) as runner:
            runner.run(test(*args, **kwargs))  # type: ignore[arg-type]

    return run


def now() -> float:
    return asyncio.get_running_loop().time()


async def settle() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def takers(slots: Slots, count: int) -> list["asyncio.Task[None]"]:
    tasks = [asyncio.create_task(slots.take()) for _ in range(count)]
    await settle()
    return tasks


async def cancel(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def admitted(tasks: list["asyncio.Task[None]"]) -> list[bool]:
    return [task.done() and not task.cancelled() for task in tasks]


@timeless
async def test_a_loop_without_waiting_still_tells_the_time() -> None:
    await asyncio.sleep(3600)

    assert 3600 <= now() < 3601


@timeless
async def test_the_first_to_come_are_the_first_served() -> None:
    slots = Slots(2)
    tasks = await takers(slots, 5)
    assert admitted(tasks) == [True, True, False, False, False]
    slots.give_back()
    await settle()
    assert admitted(tasks) == [True, True, True, False, False]
    slots.accepted()
    slots.release()
    await settle()

    assert admitted(tasks) == [True, True, True, True, False]
    await cancel(tasks)


@timeless
async def test_a_fixed_limit_never_changes() -> None:
    changes: list[int] = []
    slots = Slots(3, lambda limit, _: changes.append(limit))
    for _ in range(50):
        await slots.take()
        slots.accepted()
        slots.release()
        await slots.take()
        slots.throttled(None)
        await asyncio.sleep(60)

    assert (slots.limit, changes) == (3, [])


@timeless
async def test_auto_halves_once_for_calls_that_were_in_the_air_together() -> None:
    changes: list[int] = []
    slots = Slots("auto", lambda limit, _: changes.append(limit))
    await takers(slots, 16)
    for _ in range(16):
        slots.throttled(None)

    assert changes == [8]


@timeless
async def test_auto_never_goes_below_what_the_service_has_taken() -> None:
    slots = Slots("auto")
    await takers(slots, 16)
    for _ in range(12):
        slots.accepted()
    for _ in range(4):
        slots.throttled(None)

    assert (slots.limit, slots.held) == (12, 12)


@timeless
async def test_auto_never_goes_below_one() -> None:
    slots = Slots("auto")
    for _ in range(20):
        await slots.take()
        slots.throttled(1.0)

    assert slots.limit == 1


@timeless
async def test_a_429_shuts_the_door_for_longer_each_time() -> None:
    slots = Slots(1)
    waits = []
    for _ in range(8):
        begin = now()
        await slots.take()
        waits.append(round(now() - begin))
        slots.throttled(None)

    assert waits == [0, 1, 2, 4, 8, 16, 30, 30]


@timeless
async def test_a_success_makes_the_next_pause_short_again() -> None:
    slots = Slots(2)
    for _ in range(4):
        await slots.take()
        slots.throttled(None)
    await slots.take()
    slots.accepted()
    await slots.take()
    slots.throttled(None)
    begin = now()
    await slots.take()

    assert round(now() - begin) == 1


@timeless
async def test_a_wait_that_the_server_names_is_obeyed_to_the_end() -> None:
    slots = Slots(2)
    await slots.take()
    slots.accepted()
    await slots.take()
    slots.throttled(20.0)
    task = asyncio.create_task(slots.take())
    await asyncio.sleep(5)
    slots.release()
    await asyncio.sleep(5)
    assert not task.done()
    await task

    assert now() == pytest.approx(20.0, abs=0.01)


@timeless
async def test_a_render_that_ends_opens_the_door_where_no_wait_was_named() -> None:
    slots = Slots(2)
    await slots.take()
    slots.accepted()
    for _ in range(4):
        await slots.take()
        slots.throttled(None)
    task = asyncio.create_task(slots.take())
    begin = now()
    await asyncio.sleep(0.5)
    slots.release()
    await task

    assert now() - begin == pytest.approx(0.5, abs=0.01)


@timeless
async def test_auto_grows_with_each_success_until_a_429_shows_a_limit() -> None:
    slots = Slots("auto")
    tasks = await takers(slots, 40)
    for _ in range(10):
        slots.accepted()
    await settle()

    assert slots.limit == 26
    assert sum(admitted(tasks)) == slots.limit
    await cancel(tasks)


@timeless
async def test_after_a_429_auto_tries_one_more_after_eight_successes() -> None:
    slots = Slots("auto")
    await takers(slots, 5)
    for _ in range(4):
        slots.accepted()
    slots.throttled(None)
    limit = slots.limit
    await asyncio.sleep(60)

    async def job() -> None:
        await slots.take()
        slots.accepted()
        await asyncio.sleep(1)
        slots.release()

    jobs = [asyncio.create_task(job()) for _ in range(limit - 4)]
    await asyncio.gather(*jobs)
    assert slots.limit == limit
    await asyncio.gather(*(job() for _ in range(40)))

    assert slots.limit > limit


@timeless
async def test_auto_does_not_grow_while_there_is_room() -> None:
    slots = Slots("auto")
    for _ in range(10):
        await slots.take()
        slots.accepted()
        slots.release()

    assert slots.limit == 16


@timeless
async def test_auto_finds_its_way_back_after_one_429() -> None:
    """A service that is throttled once and then takes everything is used more and more."""
    slots = Slots("auto")
    await takers(slots, 16)
    for _ in range(16):
        slots.throttled(None)
    assert slots.limit == 8

    async def job() -> None:
        await slots.take()
        slots.accepted()
        await asyncio.sleep(30)
        slots.release()

    await asyncio.gather(*(job() for _ in range(200)))

    assert slots.limit > 16


@timeless
async def test_a_service_that_takes_three_at_once_is_kept_at_three() -> None:
    slots = Slots("auto")
    at_service = most = done = 0

    async def job() -> None:
        nonlocal at_service, most, done
        while True:
            await slots.take()
            await asyncio.sleep(0.2)
            if at_service < 3:
                break
            slots.throttled(None)
        at_service += 1
        most = max(most, at_service)
        slots.accepted()
        await asyncio.sleep(30)
        at_service -= 1
        done += 1
        slots.release()

    await asyncio.gather(*(job() for _ in range(30)))

    assert (done, most) == (30, 3)
    # Ten rounds of 30 s, and not much lost between them.
    assert now() < 10 * 30 * 1.25


@timeless
async def test_a_canceled_wait_gives_its_place_up() -> None:
    slots = Slots(1)
    tasks = await takers(slots, 3)
    await cancel([tasks[1]])
    slots.give_back()
    await settle()

    assert admitted(tasks) == [True, False, True]


@timeless
async def test_a_slot_given_to_a_canceled_wait_goes_to_the_next() -> None:
    slots = Slots(1)
    first, second, third = await takers(slots, 3)
    slots.give_back()  # the second has it now, but has not run yet
    second.cancel()
    await settle()

    assert second.cancelled()
    assert third.done()
    await first


@timeless
async def test_a_429_at_status_halves_what_is_not_used_and_shuts_no_door() -> None:
    slots = Slots("auto")
    await takers(slots, 3)
    for _ in range(3):
        slots.accepted()
    slots.strained()
    assert slots.limit == 8
    for _ in range(5):
        slots.strained()
    assert slots.limit == 3
    slots.release()
    task = (await takers(slots, 1))[0]

    assert task.done()


@timeless
async def test_a_429_at_status_leaves_a_limit_that_was_set_by_hand() -> None:
    slots = Slots(10)
    slots.strained()

    assert slots.limit == 10


@timeless
async def test_renders_of_an_earlier_run_count() -> None:
    slots = Slots(2)
    slots.adopt()
    tasks = await takers(slots, 2)
    assert admitted(tasks) == [True, False]
    slots.release()
    await settle()

    assert admitted(tasks) == [True, True]


@timeless
async def test_more_adopted_renders_than_the_limit_wait_for_room() -> None:
    slots = Slots(2)
    for _ in range(5):
        slots.adopt()
    tasks = await takers(slots, 1)
    for _ in range(3):
        slots.release()
    await settle()
    assert admitted(tasks) == [False]
    slots.release()
    await settle()

    assert admitted(tasks) == [True]


@given(
    st.lists(
        st.sampled_from(["accept", "throttle", "strain", "refuse", "end", "wait"]), max_size=60
    ),
    st.sampled_from([1, 3, "auto"]),
)
def test_no_slot_is_lost_whatever_happens(acts: list[str], limit: Any) -> None:
    @timeless
    async def run() -> None:
        slots = Slots(limit)
        for act in acts:
            if act == "end" and slots.held:
                slots.release()
            elif act == "wait":
                await asyncio.sleep(60)
            elif act == "strain":
                slots.strained()
            elif act in ("accept", "throttle", "refuse"):
                while slots._used >= slots.limit and slots.held:
                    slots.release()
                async with asyncio.timeout(120):
                    await slots.take()
                {
                    "accept": slots.accepted,
                    "throttle": lambda: slots.throttled(None),
                    "refuse": slots.give_back,
                }[act]()
            assert slots.limit >= 1
            assert 0 <= slots.held == slots._used
        for _ in range(slots.held):
            slots.release()
        async with asyncio.timeout(600):
            await slots.take()

    run()
