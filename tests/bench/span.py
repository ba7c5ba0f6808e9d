"""(a) Do slots ever idle? 60 jobs through 5 slots, against the schedule that wastes nothing."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.bench.contest import REAL_MEDIAN, SDK_POLL, Contest, Turn, Turns, figure
from tests.bench.figures import ASYNC, BARE, OURS, THREADS, Figure, Target
from tests.bench.material import clip_and_voice, copies
from tests.bench.measuring import side_by_side
from tests.bench.serving import serving

_SIGMA = 0.3


@dataclass(frozen=True, slots=True)
class _Size:
    jobs: int = 60
    slots: int = 5
    # Seconds that a render takes in the median; 229 at the service.
    median: float = 1.0
    ours: int = 3
    others: int = 2


_FULL, _QUICK = _Size(), _Size(jobs=20, ours=1, others=1)


def run(quick: bool) -> list[Figure]:
    """Measure a service that queues one job too many, and one that answers 429."""
    size = _QUICK if quick else _FULL
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        clip, voice = clip_and_voice(folder)
        pairs = [(str(clip), str(audio)) for audio in copies(voice, folder / "audios", size.jobs)]
        with serving(clip) as server:
            contest = Contest(server, folder, pairs, output_bytes=clip.stat().st_size)
            return [*_queueing(contest, size), *_refusing(contest, size)]


def _queueing(contest: Contest, size: _Size) -> list[Figure]:
    under = _rules(contest, size, "queue")
    scaled = SDK_POLL * size.median / REAL_MEDIAN
    turns = side_by_side(
        {
            OURS: (size.ours, under(contest.ours)),
            BARE: (size.others, under(lambda: contest.bare(size.slots))),
            THREADS: (size.others, under(lambda: contest.sdk("threads", scaled))),
            ASYNC: (size.others, under(lambda: contest.sdk("asyncio", scaled))),
        }
    )
    return _figures("queues", turns, size, 1.01)


def _refusing(contest: Contest, size: _Size) -> list[Figure]:
    under = _rules(contest, size, "429")
    scaled = SDK_POLL * size.median / REAL_MEDIAN
    turns = side_by_side({OURS: (size.ours, under(contest.ours))})
    lost = side_by_side(
        {
            THREADS: (1, under(lambda: contest.sdk("threads", scaled, tolerant=True))),
            ASYNC: (1, under(lambda: contest.sdk("asyncio", scaled, tolerant=True))),
        }
    )
    everybody = {**turns, **lost}
    note = "the SDK raises at a 429 and does not try again"
    return [
        *_figures("answers 429", turns, size, 1.05),
        figure(
            "span",
            f"answers 429: jobs done of {size.jobs}",
            "",
            everybody,
            _done,
            note=note,
            comparable=False,
        ),
        figure("span", "answers 429: create calls refused", "", everybody, _refused),
    ]


def _rules(
    contest: Contest, size: _Size, over: str
) -> Callable[[Callable[[], Turn]], Callable[[int], Turn]]:
    """Wraps a client so that each of its turns has other renders, the same for all clients."""

    def wrap(once: Callable[[], Turn]) -> Callable[[int], Turn]:
        def turn(number: int) -> Turn:
            contest.rules = {
                "median": size.median,
                "sigma": _SIGMA,
                "slots": size.slots,
                "over": over,
                "seed": number + 1,
            }
            return once()

        return turn

    return wrap


def _figures(case: str, turns: Turns, size: _Size, target: float) -> list[Figure]:
    first = turns[OURS][0].counts
    scaled = (
        f"{size.jobs} jobs, {size.slots} slots, lognormal renders with sigma {_SIGMA}; "
        f"{size.median:g} s are {REAL_MEDIAN:g} s at the service, and every wait is scaled alike. "
        "Span: from the first create call to the last download. Ideal: the same renders in "
        "manifest order, each in the slot that is free first "
        f"({first['ideal']:.2f} s at seed 1; no order takes less than {first['least']:.2f} s)"
    )
    busy = (
        f"the SDK's {SDK_POLL} s are scaled too, to "
        f"{1000 * SDK_POLL * size.median / REAL_MEDIAN:.1f} ms: more often "
        "than these cores can ask. So at the service it asks more than this, and its span is "
        "nearer to the ideal than here"
    )
    return [
        figure(
            "span",
            f"{case}: span over the ideal",
            "",
            turns,
            _stretch,
            Target(target),
            scaled,
            comparable=False,
        ),
        figure(
            "span",
            f"{case}: status requests a job",
            "",
            turns,
            lambda turn: turn.requests("status") / size.jobs,
            Target(6),
            busy if THREADS in turns else "",
        ),
        figure(
            "span",
            f"{case}: mean lag until seen, of the median render",
            "%",
            turns,
            lambda turn: 100 * turn.counts["mean_lag"] / size.median,
            comparable=False,
        ),
    ]


def _stretch(turn: Turn) -> float:
    return float(turn.counts["span"] / turn.counts["ideal"])


def _done(turn: Turn) -> float:
    return float(turn.counts["downloaded"])


def _refused(turn: Turn) -> float:
    return float(turn.requests("throttled"))
