"""When renders are looked at: the clock is the loop's own, and jumps."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_slots import now, timeless

from batchsync.api.retry import Patience
from batchsync.engine.history import Clue, History, Past
from batchsync.engine.poller import Poller
from batchsync.engine.watching import Sight
from batchsync.errors import AnswerLost, NotFound, RemoteError, Throttled


def past(*seconds: float) -> History:
    return History(Past(each) for each in seconds)


class Renders:
    """Renders that end at their time, and a poller that looks at them."""

    def __init__(self, history: History | None = None, **options: Any) -> None:
        self.ends: dict[str, float] = {}
        self.looks: list[tuple[float, str]] = []
        self.expired: list[tuple[float, str]] = []
        self.trouble: Callable[[str], RemoteError | None] = lambda _: None
        timing: dict[str, Any] = {"shortest": 3.0, "longest": 30.0, "timeout": 1800.0}
        self.history = history or History()
        self.poller: Poller[str] = Poller(
            self._look,
            self._expire,
            self.history,
            patience=Patience(),
            key=lambda name: name,
            **{**timing, "wall": lambda: 0.0, **options},
        )

    async def _look(self, name: str) -> Sight:
        self.looks.append((now(), name))
        await asyncio.sleep(0)
        if error := self.trouble(name):
            raise error
        return Sight.RENDERED if now() >= self.ends[name] else Sight.OPEN

    async def _expire(self, name: str) -> None:
        self.expired.append((now(), name))

    def watch(
        self, name: str, seconds: float, age: float | None = None, clue: Clue | None = None
    ) -> None:
        self.ends[name] = now() + seconds
        self.poller.watch(name, age, clue)

    async def drained(self) -> None:
        task = asyncio.create_task(self.poller.run())
        await self.poller.drained()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def of(self, name: str) -> list[float]:
        return [at for at, each in self.looks if each == name]

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.looks]


@timeless
async def test_nothing_to_watch_is_drained_at_once() -> None:
    await Renders().drained()

    assert now() == 0


@timeless
async def test_while_nothing_is_known_pauses_grow_from_the_shortest_to_the_longest() -> None:
    renders = Renders()
    renders.watch("a", 300)
    await renders.drained()

    times = renders.times
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] == pytest.approx(3.0, rel=0.06)
    assert gaps[0] == pytest.approx(3.0, rel=0.06)
    assert all(after > before * 1.1 for before, after in pairwise(gaps[:5]))
    assert 28 < max(gaps) <= 31.6
    assert len(times) <= 16


@timeless
async def test_looks_come_when_ends_are_likely() -> None:
    renders = Renders(past(*range(180, 280, 2)))
    renders.watch("first of the run", 1)
    await renders.drained()
    begin = now()
    renders.watch("a", 240)
    await renders.drained()

    ages = [at - begin for at in renders.of("a")]
    assert 120 < ages[0] < 190
    assert len(ages) <= 12
    assert ages[-1] - 240 < 20


@timeless
async def test_the_first_of_a_run_finds_out_whether_old_times_still_hold() -> None:
    renders = Renders(past(*[230.0] * 50))
    renders.watch("a", 20)
    renders.watch("b", 230)
    await renders.drained()

    assert renders.of("a")[-1] < 32
    assert renders.of("b")[0] > 100


@timeless
async def test_times_that_have_fallen_are_noticed_after_a_few_renders() -> None:
    renders = Renders(past(*[230.0] * 100))
    lags = []
    for number in range(20):
        renders.watch(str(number), 10)
        await renders.drained()
        lags.append(now() - renders.ends[str(number)])

    assert max(lags[8:]) < 10


@timeless
async def test_a_render_that_takes_for_ever_is_looked_at_every_longest_pause() -> None:
    renders = Renders(past(*[230.0] * 100), timeout=100_000.0)
    renders.watch("a", 50_000)
    await renders.drained()

    gaps = [after - before for before, after in pairwise(renders.times)]
    assert max(gaps[20:]) <= 31.6
    assert min(gaps[-20:]) > 20


@timeless
async def test_each_mode_and_length_has_its_own_time() -> None:
    clues = {"short": Clue("lite", 150), "long": Clue("lite", 3000), "pro": Clue("pro", 150)}
    seconds = {"short": 20.0, "long": 400.0, "pro": 60.0}
    learnt = [Past(seconds[name], clues[name]) for name in clues for _ in range(30)]
    renders = Renders(History(learnt))
    renders.watch("first of the run", 1, clue=clues["short"])
    await renders.drained()
    begin = now()
    for name, clue in clues.items():
        renders.watch(name, seconds[name], clue=clue)
    await renders.drained()

    for name, expected in seconds.items():
        ages = [at - begin for at in renders.of(name)]
        assert 0.7 * expected < ages[0] <= 1.1 * expected + 3
        assert ages[-1] < expected * 1.2 + 4


@timeless
async def test_a_render_of_an_earlier_run_is_looked_at_soon() -> None:
    renders = Renders(past(100.0, 110.0, 120.0, 130.0))
    renders.watch("old", 0, age=5000)
    renders.watch("young", 60, age=40)
    await renders.drained()

    assert renders.of("old")[0] <= 2.1
    assert 10 < renders.of("young")[0] < 65


@timeless
async def test_an_end_that_nobody_saw_come_teaches_nothing() -> None:
    renders = Renders()
    for number in range(5):
        renders.watch(str(number), 0, age=40_000)
    await renders.drained()

    assert renders.history.typical is None


@timeless
async def test_a_hint_is_followed_at_once() -> None:
    renders = Renders(past(*[230.0] * 10))
    for name in "xab":
        renders.watch(name, 50)

    async def later() -> None:
        await asyncio.sleep(50)
        assert renders.poller.hint("b")
        assert not renders.poller.hint("stranger")

    await asyncio.gather(renders.drained(), later())

    assert renders.of("b") == [pytest.approx(50.0, abs=0.1)]
    assert renders.of("a")[0] > 60
    assert not renders.poller.hint("b")


@timeless
async def test_a_hint_during_a_look_brings_another() -> None:
    renders = Renders(past(*[230.0] * 10))

    def told(name: str) -> None:
        renders.poller.hint(name)

    renders.trouble = told
    renders.watch("a", 3)
    renders.ends["a"] = now() + 3.2
    await renders.drained()

    assert now() < 4


@timeless
async def test_where_ends_are_told_looks_are_rare() -> None:
    eager, relaxed = Renders(past(*range(180, 280))), Renders(past(*range(180, 280)))
    relaxed.poller.relaxed = True
    for renders in (eager, relaxed):
        for number in range(1, 6):
            renders.watch(str(number), 300)
        await renders.drained()

    assert len(relaxed.looks) < len(eager.looks) / 2
    # What nobody tells is still seen.
    assert len({name for _, name in relaxed.looks}) == 5


@timeless
async def test_a_machine_that_has_slept_looks_again_without_a_storm() -> None:
    asleep = 0.0
    renders = Renders(past(*range(180, 280)), wall=lambda: now() + asleep)
    for number in range(1000):
        renders.watch(str(number), 200)

    async def sleeping() -> None:
        nonlocal asleep
        await asyncio.sleep(50)
        asleep = 3600.0
        renders.ends = dict.fromkeys(renders.ends, now())

    await asyncio.gather(renders.drained(), sleeping())

    late = Counter(int(at) for at in renders.times if at > 50)
    assert max(late.values()) <= 102
    assert now() < 50 + 30 + 30


@timeless
async def test_a_pause_of_the_whole_process_makes_no_storm() -> None:
    renders = Renders(past(*range(180, 280)))
    for number in range(1000):
        renders.watch(str(number), 1000)
    asyncio.get_running_loop().call_later(100, jump, 3600)
    await renders.drained()

    late = Counter(int(at) for at in renders.times if at > 3600)
    assert len(late) >= 9
    assert max(late.values()) <= 102


def jump(seconds: float) -> None:
    """The clock goes on while nothing of this process does."""
    asyncio.get_running_loop().jumping.now += seconds  # type: ignore[attr-defined]


@timeless
async def test_renders_that_wait_at_the_service_are_hardly_looked_at() -> None:
    renders = Renders(timeout=1200.0)
    # Five at a time, 200 s each: the last ends after 2,400 s.
    for number in range(60):
        renders.watch(str(number), 200.0 * (number // 5 + 1) + number % 5)
    await renders.drained()

    assert not renders.expired
    assert len(renders.looks) < 60 * 20
    assert now() < 2404 + 35


@timeless
async def test_a_service_that_ends_the_last_first_is_found_out() -> None:
    renders = Renders(timeout=100_000.0)
    for number in range(60):
        renders.watch(str(number), 200.0 * (60 - number) / 5)
    await renders.drained()

    assert now() < 2400 + 60


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(0, 2000), st.none() | st.floats(0, 3000), st.floats(0, 200)),
        min_size=1,
        max_size=25,
    ),
    st.lists(st.floats(0.5, 2000), max_size=30),
    st.booleans(),
)
def test_no_render_is_looked_at_too_often_or_forgotten(
    jobs: list[tuple[float, float | None, float]], known: list[float], relaxed: bool
) -> None:
    @timeless
    async def run() -> None:
        renders = Renders(past(*known), timeout=5000.0)
        renders.poller.relaxed = relaxed

        async def submitted(name: str, seconds: float, age: float | None, at: float) -> None:
            await asyncio.sleep(at)
            renders.watch(name, seconds, age)

        # One to wait for while the others come.
        renders.watch("until", 300)
        await asyncio.gather(
            renders.drained(),
            *(submitted(str(number), *job) for number, job in enumerate(jobs)),
        )
        assert not renders.expired
        assert {name for _, name in renders.looks} == renders.ends.keys()
        for name in renders.ends:
            times = renders.of(name)
            assert all(after - before >= 2.8 for before, after in pairwise(times))
        assert all(after - before >= 0.0099 for before, after in pairwise(renders.times))

    run()


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

    assert renders.of("b")[0] == pytest.approx(53.0, abs=0.2)


@timeless
async def test_a_slow_look_does_not_stop_the_others() -> None:
    renders = Renders()
    look = renders.poller._look

    async def slow(name: str) -> Sight:
        if name == "slow":
            await asyncio.sleep(500)
            return Sight.GONE
        return await look(name)

    renders.poller._look = slow
    renders.watch("slow", 0)
    renders.watch("quick", 1)
    await renders.drained()

    assert renders.times[0] < 5
