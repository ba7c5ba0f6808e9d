"""Credits: promises, settlements, and the cap over all runs."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from test_slots import timeless

from batchsync.engine.budget import Budget


@timeless
async def test_without_a_cap_everything_fits() -> None:
    budget = Budget(None, 10**9)

    assert await budget.reserve("a", 10**9)
    assert (budget.spent, budget.promised) == (10**9, 10**9)


@timeless
async def test_a_cap_is_reached_to_the_credit() -> None:
    budget = Budget(100, 40)

    assert await budget.reserve("a", 60)
    budget.settle("a", 60)
    assert not await budget.reserve("b", 1)
    assert await budget.reserve("c", 0)


@timeless
async def test_a_job_waits_where_others_may_make_room() -> None:
    budget = Budget(100, 0)
    await budget.reserve("a", 90)
    waiting = asyncio.create_task(budget.reserve("b", 50))
    await asyncio.sleep(10)
    assert not waiting.done()
    budget.settle("a", 40)

    assert await waiting
    assert (budget.spent, budget.promised) == (40, 50)


@timeless
async def test_a_job_that_waited_in_vain_does_not_fit() -> None:
    budget = Budget(100, 0)
    await budget.reserve("a", 90)
    waiting = asyncio.create_task(budget.reserve("b", 50))
    await asyncio.sleep(1)
    budget.settle("a", 90)

    assert not await waiting


@timeless
async def test_a_job_larger_than_the_cap_never_fits_and_waits_for_nobody() -> None:
    budget = Budget(100, 0)

    assert not await budget.reserve("a", 101)
    assert budget.promised == 0


@timeless
async def test_nobody_waits_for_renders_that_are_left_alone() -> None:
    budget = Budget(100, 0, settles=False)
    await budget.reserve("a", 90)

    assert not await budget.reserve("b", 50)


@timeless
async def test_the_services_estimate_takes_the_place_of_ours() -> None:
    budget = Budget(100, 0)
    await budget.reserve("a", 90)
    waiting = asyncio.create_task(budget.reserve("b", 50))
    await asyncio.sleep(1)
    budget.correct("a", 50)

    assert await waiting
    assert budget.promised == 100


@timeless
async def test_what_an_earlier_run_promised_is_not_counted_twice() -> None:
    budget = Budget(100, 80)
    budget.carry("a", 30)

    assert (budget.spent, budget.promised) == (50, 30)
    budget.settle("a", 25)
    assert (budget.spent, budget.promised) == (75, 0)


@timeless
async def test_a_wait_that_is_canceled_promises_nothing() -> None:
    budget = Budget(10, 0)
    await budget.reserve("a", 10)
    waiting = asyncio.create_task(budget.reserve("b", 10))
    await asyncio.sleep(1)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert budget.promised == 10


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 200), st.floats(0, 1)), max_size=30),
)
def test_the_cap_holds_whatever_renders_come_to(cap: int, jobs: list[tuple[int, float]]) -> None:
    @timeless
    async def run() -> None:
        budget = Budget(cap, 0)

        async def one(name: str, estimate: int, share: float) -> None:
            if await budget.reserve(name, estimate):
                assert budget.spent + budget.promised <= cap
                await asyncio.sleep(1 + share)
                budget.settle(name, int(estimate * share))

        await asyncio.gather(*(one(str(n), *job) for n, job in enumerate(jobs)))
        assert budget.spent <= cap
        assert budget.promised == 0

    run()
