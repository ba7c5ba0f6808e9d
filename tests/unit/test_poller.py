"""When renders are looked at: the clock is the loop's own, and jumps."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from test_slots import now, timeless

from batchsync.api.retry import Patience
from batchsync.engine.poller import History, Poller
from batchsync.errors import AnswerLost, NotFound, RemoteError, Throttled


class Renders:
    """Renders that end at their time, and a poller that looks at them."""

    def __init__(self, history: History | None = None, **options: Any) -> None:
        self.ends: dict[str, float] = {}
        self.looks: list[tuple[float, str]] = []
        self.expired: list[tuple[float, str]] = []
        self.trouble: Callable[[str], RemoteError | None] = lambda _: None
        timing = {"shortest": 3.0, "longest": 30.0, "timeout": 1800.0} | options
        self.poller: Poller[str] = Poller(
            self._look, self._expire, history or History(), patience=Patience(), **timing
        )

    async def _look(self, name: str) -> bool:
        self.looks.append((now(), name))
        await asyncio.sleep(0)
        if error := self.trouble(name):
            raise error
        return now() >= self.ends[name]

    async def _expire(self, name: str) -> None:
        self.expired.append((now(), name))

    def watch(self, name: str, seconds: float, age: float = 0.0) -> None:
        self.ends[name] = now() + seconds
        self.poller.watch(name, age)

    async def drained(self) -> None:
        task = asyncio.create_task(self.poller.run())
        await self.poller.drained()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.looks]


@timeless
async def test_nothing_to_watch_is_drained_at_once() -> None:
    await Renders().drained()

    assert now() == 0


@timeless
async def test_the_first_look_is_after_the_shortest_pause_and_the_next_ones_grow() -> None:
    renders = Renders()
    renders.watch("a", 100)
    await renders.drained()

    times = renders.times
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == pytest.approx(3.0, abs=0.1)
    assert gaps[0] == pytest.approx(3.0, rel=0.12)
    assert all(after > before * 1.1 for before, after in pairwise(gaps[:5]))
    assert max(gaps) <= 33.1
    assert len(times) < 12


@timeless
async def test_the_first_look_is_when_renders_have_been_seen_to_end() -> None:
    renders = Renders(History([100.0, 110.0, 120.0, 130.0]))
    renders.watch("a", 105)
    await renders.drained()

    assert renders.times[0] == pytest.approx(100.0, abs=3)
    assert len(renders.looks) <= 4


@timeless
async def test_a_render_of_an_earlier_run_is_looked_at_soon() -> None:
    renders = Renders(History([100.0, 110.0, 120.0, 130.0]))
    renders.watch("old", 0, age=5000)
    renders.watch("young", 60, age=40)
    await renders.drained()

    first = {name: at for at, name in reversed(renders.looks)}
    assert first["old"] <= 2.1
    assert 55 < first["young"] < 65


@timeless
async def test_a_resumed_batch_is_not_looked_at_in_one_burst() -> None:
    renders = Renders()
    for number in range(500):
        renders.watch(str(number), 0, age=1000)
    await renders.drained()

    a_second = Counter(int(at) for at in renders.times)
    assert max(a_second.values()) <= 102
    assert len(renders.looks) == 500
    assert now() < 15


@timeless
async def test_many_looks_share_one_budget() -> None:
    renders = Renders()
    for number in range(300):
        renders.watch(str(number), 3)
    await renders.drained()

    assert max(Counter(int(at) for at in renders.times).values()) <= 102


@timeless
async def test_the_last_look_is_at_the_deadline_and_not_after_it() -> None:
    renders = Renders(timeout=60.0)
    renders.watch("a", 10_000)
    await renders.drained()

    assert renders.expired == [(pytest.approx(60.0, abs=0.1), "a")]
    assert renders.times[-1] == pytest.approx(60.0, abs=0.1)


@timeless
async def test_a_render_that_ends_just_before_the_deadline_is_seen() -> None:
    renders = Renders(timeout=60.0)
    renders.watch("a", 59.9)
    await renders.drained()

    assert not renders.expired


@timeless
async def test_a_render_without_any_time_is_looked_at_once() -> None:
    renders = Renders(timeout=0.0)
    renders.watch("a", 0)
    renders.watch("b", 100)
    await renders.drained()

    assert [name for _, name in renders.expired] == ["b"]


@timeless
async def test_a_look_that_fails_is_made_again_and_slower() -> None:
    renders = Renders()
    failures = iter([AnswerLost("x")] * 5)
    renders.trouble = lambda _: next(failures, None)
    renders.watch("a", 0)
    await renders.drained()

    assert len(renders.looks) == 6


@timeless
async def test_a_deadline_holds_for_looks_that_fail_too() -> None:
    renders = Renders(timeout=120.0)
    renders.trouble = lambda _: AnswerLost("x")
    renders.watch("a", 0)
    await renders.drained()

    assert [name for _, name in renders.expired] == ["a"]
    assert now() <= 121


@timeless
async def test_a_429_slows_all_looks() -> None:
    renders = Renders()
    throttled = iter([Throttled("429", status=429, retry_after=20.0)])
    renders.trouble = lambda _: next(throttled, None)
    for number in range(40):
        renders.watch(str(number), 0)
    await renders.drained()

    first, *rest = renders.times
    # Those already in the air are in the air; from then on the door is shut.
    late = [at for at in rest if at > first + 1]
    assert late
    assert min(late) >= first + 20
    assert len(late) >= 35


@timeless
async def test_429s_for_ever_make_few_requests() -> None:
    renders = Renders(timeout=600.0)
    renders.trouble = lambda _: Throttled("429", status=429)
    for number in range(50):
        renders.watch(str(number), 0)
    await renders.drained()

    assert len(renders.expired) == 50
    assert len(renders.looks) <= 1400


@timeless
async def test_a_final_error_of_a_look_ends_the_run() -> None:
    renders = Renders()
    renders.trouble = lambda _: NotFound("404", status=404)
    renders.watch("a", 0)
    with pytest.raises(ExceptionGroup) as caught:
        await renders.poller.run()

    assert isinstance(caught.value.exceptions[0], NotFound)


@timeless
async def test_what_is_watched_later_is_not_forgotten() -> None:
    renders = Renders()
    renders.watch("a", 500)

    async def later() -> None:
        await asyncio.sleep(50)
        renders.watch("b", 1)

    await asyncio.gather(renders.drained(), later())

    first = min(at for at, name in renders.looks if name == "b")
    assert first == pytest.approx(53.0, abs=0.2)


@timeless
async def test_a_slow_look_does_not_stop_the_others() -> None:
    renders = Renders()
    look = renders.poller._look

    async def slow(name: str) -> bool:
        if name == "slow":
            await asyncio.sleep(500)
            return True
        return await look(name)

    renders.poller._look = slow
    renders.watch("slow", 0)
    renders.watch("quick", 1)
    await renders.drained()

    assert renders.times[0] < 5


@pytest.mark.parametrize(
    ("seconds", "early", "typical"),
    [((), None, None), ((5.0, 6.0), None, None), ((10.0, 20.0, 30.0), 8.0, 20.0)],
)
def test_render_times_are_trusted_once_there_are_enough(
    seconds: tuple[float, ...], early: float | None, typical: float | None
) -> None:
    history = History(seconds)

    assert (history.early, history.typical) == (early, typical)


def test_only_the_latest_render_times_are_remembered() -> None:
    history = History([1.0] * 1000)
    for _ in range(200):
        history.add(50.0)

    assert history.typical == history.early == 50.0
