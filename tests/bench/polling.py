"""What polling costs and how late it is, with a clock that jumps: `python -m tests.bench.polling`.

The real scheduler looks at imitated renders, beside the two obvious policies. No network, no
waiting: hours of renders pass in seconds. `--curve` shows how looks trade against lag, and the
least that any schedule can reach.
"""

import argparse
import asyncio
import heapq
import itertools
import math
import random
import statistics
import sys
import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from unittest import mock

from batchsync.api.retry import Patience
from batchsync.engine import planner
from batchsync.engine.history import Clue, History, Past
from batchsync.engine.poller import Poller
from batchsync.engine.schedule import Timing
from batchsync.engine.watching import Sight

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
from test_slots import JumpLoop

MEDIAN = 229.0  # CONTRACT: end to end, July 2026


@dataclass(frozen=True, slots=True)
class Case:
    """Renders to be waited for.

    Attributes:
        draw: seconds of one render, and what is known of it beforehand.
        jobs: how many.
        ours: jobs in flight at a time.
        theirs: renders that the service makes at a time, the others wait; None for any number.
        warm: renders seen by earlier runs.
    """

    name: str
    draw: Callable[[random.Random], tuple[float, Clue]]
    jobs: int = 600
    ours: int = 50
    theirs: int | None = None
    warm: int = 0


@dataclass(slots=True)
class Tally:
    """What was seen."""

    looks: int = 0
    lags: list[float] = field(default_factory=list)
    took: list[float] = field(default_factory=list)
    span: float = 0.0
    ideal: float = 0.0
    cpu: float = 0.0

    def row(self) -> tuple[float, float, float]:
        """Looks a job, mean lag, and the lag that one in twenty exceeds."""
        ordered = sorted(self.lags)
        count = len(ordered)
        return self.looks / count, statistics.fmean(ordered), ordered[int(count * 0.95)]


class Service:
    """Makes renders, so many at a time, first come first served."""

    def __init__(self, slots: int | None) -> None:
        self._slots = slots
        self._busy: list[float] = []

    def end_of(self, now: float, seconds: float) -> float:
        begin = now
        if self._slots is not None and len(self._busy) >= self._slots:
            begin = max(now, heapq.heappop(self._busy))
        heapq.heappush(self._busy, begin + seconds)
        return begin + seconds


def lognormal(sigma: float, median: float = MEDIAN) -> Callable[..., tuple[float, Clue]]:
    return lambda dice: (median * math.exp(sigma * dice.gauss(0, 1)), Clue("lite", 450))


def uniform(dice: random.Random) -> tuple[float, Clue]:
    return dice.uniform(60, 400), Clue("lite", 450)


def by_mode(dice: random.Random) -> tuple[float, Clue]:
    mode, factor = dice.choice([("lite", 1.0), ("pro", 2.5)])
    return factor * MEDIAN * math.exp(0.2 * dice.gauss(0, 1)), Clue(mode, 450)


def two_humps(dice: random.Random) -> tuple[float, Clue]:
    median = dice.choice([100, 400])
    return median * math.exp(0.1 * dice.gauss(0, 1)), Clue("lite", 450)


def by_length(dice: random.Random) -> tuple[float, Clue]:
    frames = dice.choice([150, 300, 600, 1200, 2400])
    return MEDIAN * frames / 600 * math.exp(0.2 * dice.gauss(0, 1)), Clue("lite", frames)


def with_strays(dice: random.Random) -> tuple[float, Clue]:
    seconds = MEDIAN * math.exp(0.3 * dice.gauss(0, 1))
    return seconds * (10 if dice.random() < 0.01 else 1), Clue("lite", 450)


def drifting() -> Callable[[random.Random], tuple[float, Clue]]:
    count = 0

    def draw(dice: random.Random) -> tuple[float, Clue]:
        nonlocal count
        count += 1
        median = MEDIAN * (1 + 0.5 * math.sin(count / 100))
        return median * math.exp(0.3 * dice.gauss(0, 1)), Clue("lite", 450)

    return draw


def suddenly() -> Callable[[random.Random], tuple[float, Clue]]:
    count = 0

    def draw(dice: random.Random) -> tuple[float, Clue]:
        nonlocal count
        count += 1
        median = MEDIAN if count <= 300 else MEDIAN / 10
        return median * math.exp(0.3 * dice.gauss(0, 1)), Clue("lite", 450)

    return draw


def cases() -> Iterator[Case]:
    """Every distribution."""
    documented = lognormal(0.3)
    yield Case("documented, 60 jobs over 5 slots", documented, 60, 5)
    yield Case("documented, 60 over 5, second run", documented, 60, 5, warm=60)
    yield Case("documented, steady, 50 in flight", documented)
    yield Case("service queues: 60 jobs, 5 at a time", documented, 60, 60, theirs=5)
    yield Case("service queues: 600 jobs, 5 at a time", documented, 600, 200, theirs=5)
    yield Case("lognormal, sigma 0.6", lognormal(0.6))
    yield Case("uniform 60 to 400 s", uniform)
    yield Case("lite and pro, pro 2.5x", by_mode)
    yield Case("two humps nobody can tell", two_humps)
    yield Case("time goes with length, 1 to 16", by_length)
    yield Case("1 % take ten times as long", with_strays)
    yield Case("drift of a half up and down", drifting())
    yield Case("suddenly ten times as fast", suddenly())
    yield Case("very short, 3 s", lognormal(0.3, 3.0))
    yield Case("2,000 in flight at once", documented, 4000, 2000)
    yield Case("10,000 in flight at once", documented, 10_000, 10_000)


class Renders:
    """Renders under way, looked at by the real scheduler."""

    def __init__(self, case: Case, seed: int, **timing: float) -> None:
        self.case = case
        self.tally = Tally()
        self._dice = random.Random(seed)
        self._service = Service(case.theirs)
        self._begins: dict[int, float] = {}
        self._ends: dict[int, float] = {}
        self._seen: dict[int, asyncio.Event] = {}
        past = [case.draw(self._dice) for _ in range(case.warm)]
        history = History(Past(seconds, clue) for seconds, clue in past)
        self.poller: Poller[int] = Poller(
            self._look,
            self._expired,
            history,
            shortest=timing.get("shortest", 3.0),
            longest=timing.get("longest", 30.0),
            timeout=1e9,
            patience=Patience(),
            key=lambda name: name,
            wall=lambda: 0.0,
        )

    async def run(self) -> Tally:
        """All jobs, from the first submission to the last end that is seen."""
        begin = time.process_time()
        looking = asyncio.create_task(self.poller.run())
        names = iter(range(self.case.jobs))
        await asyncio.gather(*(self._each(names) for _ in range(self.case.ours)))
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        self.tally.cpu = time.process_time() - begin
        self.tally.span = asyncio.get_running_loop().time()
        self.tally.took = [self._ends[name] - at for name, at in self._begins.items()]
        return self.tally

    async def _each(self, names: Iterator[int]) -> None:
        loop = asyncio.get_running_loop()
        for name in names:
            seconds, clue = self.case.draw(self._dice)
            self._begins[name] = loop.time()
            self._ends[name] = self._service.end_of(loop.time(), seconds)
            self.tally.ideal += seconds
            seen = self._seen[name] = asyncio.Event()
            self.poller.watch(name, clue=clue)
            await seen.wait()

    async def _look(self, name: int) -> Sight:
        lag = asyncio.get_running_loop().time() - self._ends[name]
        self.tally.looks += 1
        if lag < 0:
            return Sight.OPEN
        self.tally.lags.append(lag)
        self._seen.pop(name).set()
        return Sight.RENDERED

    async def _expired(self, name: int) -> None:
        raise RuntimeError(f"render {name} was given up")


def simulated(case: Case, seed: int, **timing: float) -> Tally:
    """Run a case on a clock that jumps."""
    with asyncio.Runner(loop_factory=JumpLoop) as runner:
        return runner.run(Renders(case, seed, **timing).run())


def by_the_sdk() -> Iterator[float]:
    """Ages at which the official SDK looks."""
    return (0.5 * number for number in itertools.count(1))


def by_the_docs() -> Iterator[float]:
    """3 s, x1.5 to 30 s."""
    pauses = (min(3 * 1.5**number, 30.0) for number in range(10**6))
    return itertools.accumulate(pauses)


def obvious(policy: Callable[[], Iterator[float]], took: Sequence[float]) -> Tally:
    """What looking at fixed ages does with the same renders."""
    tally = Tally()
    ages: list[float] = []
    source = policy()
    for seconds in took:
        while not ages or ages[-1] < seconds:
            ages.append(next(source))
        place = bisect_left(ages, seconds)
        tally.looks += place + 1
        tally.lags.append(ages[place] - seconds)
    return tally


def together(tallies: Iterable[Tally]) -> Tally:
    """Several runs as one."""
    whole = Tally()
    for each in tallies:
        whole.looks += each.looks
        whole.lags += each.lags
        whole.took += each.took
        whole.cpu += each.cpu
    return whole


def table(seeds: int, only: str) -> None:
    """Every case under the three policies."""
    print(f"{'looks a job, mean lag, 95 % lag (s)':<44}{'batchsync':>22}{'0.5 s':>22}{'docs':>22}")
    for case in cases():
        if only not in case.name:
            continue
        runs = seeds if case.jobs < 4000 else 1
        ours = together(simulated(case, seed) for seed in range(runs))
        cells = [
            _cell(each)
            for each in (ours, obvious(by_the_sdk, ours.took), obvious(by_the_docs, ours.took))
        ]
        micro = ours.cpu / ours.looks * 1e6
        print(f"{case.name:<44}{''.join(cells)}  {micro:5.0f} us/look", flush=True)


def _cell(tally: Tally) -> str:
    looks, mean, far = tally.row()
    return f"{looks:9.1f}{mean:6.1f}{far:7.1f}"


def curve(seeds: int) -> None:
    """What looks cost against lag in the documented case, by what a look is said to be worth."""
    steady = Case("steady", lognormal(0.3), 300, 10, warm=200)
    cold = Case("60 over 5", lognormal(0.3), 60, 5)
    print(f"{'price / poll_min':<18}{'steady':>16}{'60 over 5':>16}{'the least':>16}  (looks, lag)")
    for price in (0.07, 0.1, 0.14, 0.2, 0.3, 0.6, 1.0, 2.0):
        with mock.patch.object(planner, "_PRICE", price):
            found = [
                together(simulated(case, seed) for seed in range(seeds)) for case in (steady, cold)
            ]
        cells = [tally.row()[:2] for tally in found]
        cells.append(least(3.0 * price))
        print(
            f"{price:<18g}" + "".join(f"{looks:9.1f}{lag:7.1f}" for looks, lag in cells), flush=True
        )


def least(price: float, step: float = 1.0) -> tuple[float, float]:
    """Looks and lag of the best schedule there is, for one who knows the distribution exactly.

    By dynamic programming over the ages at which one may look.
    """
    share = Timing(MEDIAN, 0.3)
    count = int(1200 / step)
    ended = [
        NormalDist().cdf(share.deviation(max(number, 1e-6) * step)) for number in range(count + 1)
    ]
    # Sum of the times of those that have ended.
    times = [0.0]
    for number in range(count):
        mass = ended[number + 1] - ended[number]
        times.append(times[-1] + mass * (number + 0.5) * step)
    best = [0.0] * (count + 1)
    follow = [count] * (count + 1)
    reach = int(200 / step)
    for here in range(count - 1, -1, -1):
        paid = price * (ended[count] - ended[here])
        options = (
            range(here + 1, count + 1)
            if here == 0
            else range(here + 1, min(here + reach, count) + 1)
        )
        costs = [
            (
                paid
                + there * step * (ended[there] - ended[here])
                - times[there]
                + times[here]
                + best[there],
                there,
            )
            for there in options
        ]
        best[here], follow[here] = min(costs)
    here, looks = 0, 0.0
    while here < count:
        looks += ended[count] - ended[here]
        here = follow[here]
    return looks, best[0] - price * looks


def main() -> None:
    """Print it."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.polling", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--curve", action="store_true", help="looks against lag, by price")
    given = parser.parse_args()
    if given.curve:
        curve(given.seeds)
        return
    table(given.seeds, given.only)


if __name__ == "__main__":
    main()
