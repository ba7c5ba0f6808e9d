"""What is learnt from render times: modes, lengths, few and odd samples."""

import math
import random
import statistics
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.engine.history import Clue, History, Past
from batchsync.engine.memory import learnt
from batchsync.engine.schedule import Timing
from batchsync.ledger.protocol import RenderTime

LITE, PRO = Clue("lite", 450), Clue("pro", 450)


def timing(history: History, clue: Clue = LITE) -> Timing:
    found = history.timing(clue)
    assert found is not None
    return found


def lognormal(count: int, median: float, sigma: float = 0.3, clue: Clue = LITE) -> Iterable[Past]:
    dice = random.Random(1)
    return [Past(median * math.exp(sigma * dice.gauss(0, 1)), clue) for _ in range(count)]


def test_before_the_first_render_nothing_is_known() -> None:
    history = History()

    assert history.timing(LITE) is None
    assert history.typical is None
    assert history.expected("lite", 450) is None


def test_one_render_gives_a_rough_idea_and_many_a_sharp_one() -> None:
    few, many = timing(History(lognormal(1, 229, 0))), timing(History(lognormal(200, 229)))

    assert few.typical == pytest.approx(229)
    assert 0.4 < few.sigma < 0.8
    assert many.typical == pytest.approx(229, rel=0.1)
    assert many.sigma == pytest.approx(0.3, rel=0.2)


@pytest.mark.parametrize(
    ("seconds", "typical"), [((), None), ((5.0, 6.0), None), ((10.0, 20.0, 30.0), 20.0)]
)
def test_typical_is_said_once_there_are_enough(
    seconds: tuple[float, ...], typical: float | None
) -> None:
    assert History(Past(each) for each in seconds).typical == typical


def test_typical_counts_the_wait_and_what_is_expected_of_work_does_not() -> None:
    history = History()
    for _ in range(5):
        history.add(1000.0, LITE, waited=800.0)

    assert history.typical == 1000.0
    assert history.expected("lite", 450) == pytest.approx(200.0)


def test_modes_are_told_apart() -> None:
    history = History([*lognormal(40, 100, 0.1), *lognormal(40, 300, 0.1, PRO)])

    assert timing(history).typical == pytest.approx(100, rel=0.1)
    assert timing(history, PRO).typical == pytest.approx(300, rel=0.1)
    assert timing(history, PRO).sigma < 0.2


def test_a_mode_never_seen_is_uncertain() -> None:
    history = History(lognormal(100, 100, 0.1))

    assert timing(history, PRO).sigma > 2 * timing(history).sigma


def test_time_that_goes_with_length_is_learnt_as_such() -> None:
    lengths = [150, 300, 600, 1200] * 20
    history = History(Past(frames / 3, Clue("lite", frames)) for frames in lengths)

    assert timing(history, Clue("lite", 2400)).typical == pytest.approx(800, rel=0.15)


def test_time_that_does_not_go_with_length_is_learnt_as_such() -> None:
    lengths = [150, 300, 600, 1200] * 20
    history = History(Past(200.0, Clue("lite", frames)) for frames in lengths)

    assert timing(history, Clue("lite", 2400)).typical == pytest.approx(200, rel=0.1)


def test_a_length_far_from_all_seen_is_uncertain() -> None:
    history = History(lognormal(100, 100, 0.1))

    assert timing(history, Clue("lite", 20_000)).sigma > 2 * timing(history).sigma


def test_strays_hardly_move_what_is_expected() -> None:
    clean = list(lognormal(100, 229))
    history = History([*clean, Past(2290.0, LITE), Past(2290.0, LITE)])

    assert timing(history).typical == pytest.approx(timing(History(clean)).typical, rel=0.03)
    assert timing(history).sigma < 0.4


def test_times_that_drift_are_followed() -> None:
    history = History(lognormal(200, 100))
    for past in lognormal(200, 200):
        history.add(past.seconds, LITE)

    assert timing(history).typical == pytest.approx(200, rel=0.1)


def test_learning_is_not_done_anew_for_every_question(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = 0
    fitted = "batchsync.engine.history._fitted"
    module = __import__("batchsync.engine.history", fromlist=["_fitted"])
    real = module._fitted

    def counted(past: Iterable[Past]) -> object:
        nonlocal fits
        fits += 1
        return real(past)

    monkeypatch.setattr(fitted, counted)
    history = History(lognormal(200, 100))
    for _ in range(100):
        history.timing(LITE)
        history.add(100.0, LITE)
        history.timing(PRO)

    assert fits <= 7


def test_a_regular_mix_of_early_ends_is_no_surprise() -> None:
    history = History(lognormal(50, 100))
    dice = random.Random(2)

    assert not any(history.checked(dice.random() < 0.1, 0.1) for _ in range(500))


def test_a_row_of_unlikely_ends_makes_all_forgotten() -> None:
    history = History(lognormal(50, 100))

    assert [history.checked(True, 0.05) for _ in range(3)] == [False, False, True]
    assert history.timing(LITE) is None


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1e6),
            st.sampled_from(["lite", "standard", "pro", ""]),
            st.sampled_from([0.0, 1.0, 450.0, 20_000.0]),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_was_seen_the_expectation_is_a_sane_number(
    seen: list[tuple[float, str, float]],
) -> None:
    history = History(Past(seconds, Clue(mode, frames)) for seconds, mode, frames in seen)
    for clue in (LITE, PRO, Clue()):
        found = timing(history, clue)
        assert 0 < found.typical < 1e12
        assert 0.03 <= found.sigma <= 1.5


def render(begin: float, end: float) -> RenderTime:
    parameters = {"generation_mode": "lite", "start_seconds": 1, "end_seconds": 16}
    return RenderTime({**parameters, "max_fps_limit": 25}, begin, end)


def test_what_the_ledger_remembers_is_learnt_oldest_first() -> None:
    past = learnt([render(100, 330), render(0, 200)])

    assert past == [Past(200, Clue("lite", 375)), Past(230, Clue("lite", 375))]


def test_the_wait_in_the_line_of_a_service_that_queues_is_not_learnt_as_work() -> None:
    # Five at a time, about 200 s each.
    renders = [render(number, 200.0 * (number // 5 + 1) + number % 5) for number in range(60)]
    worked = statistics.median(each.seconds for each in learnt(renders))

    assert worked < 500
    assert statistics.median(each.rendered_at - each.submitted_at for each in renders) > 1000
