"""The arithmetic of the benchmark: ideal schedules, ratios, targets."""

import pytest

from tests.bench.figures import BARE, OURS, Figure, Target, tables
from tests.bench.orders import Books, Rules
from tests.bench.schedule import durations, least_span, listed_span


@pytest.mark.parametrize(
    ("times", "slots", "listed", "least"),
    [
        ([3, 1, 2, 2], 2, 5, 4),  # 3+2 beside 1+2, where 3+1 beside 2+2 would do
        ([3, 3, 2, 2, 2], 2, 7, 6),  # the textbook case of the order that costs
        ([9, 1, 1], 3, 9, 9),  # nothing is shorter than the longest
        ([1, 2, 3], 1, 6, 6),
        ([1, 2, 3], None, 3, 3),
        ([], 5, 0, 0),
    ],
)
def test_a_schedule_takes_each_render_into_the_slot_that_is_free_first(times, slots, listed, least):
    assert listed_span(times, slots) == listed
    assert least_span(times, slots) == least


def test_no_order_is_shorter_than_the_least():
    times = durations(60, 1.2, 0.3, seed=1)
    assert least_span(times, 5) <= listed_span(times, 5) <= least_span(times, 5) + max(times)


def test_renders_of_a_seed_are_the_same_for_every_client():
    assert durations(5, 2.0, 0.3, seed=4) == durations(5, 2.0, 0.3, seed=4)
    assert durations(5, 2.0, 0.3, seed=4) != durations(5, 2.0, 0.3, seed=5)
    assert durations(3, 2.0, 0.0, seed=4) == [2.0] * 3


def test_a_target_against_another_is_judged_by_the_ratio_of_medians():
    figure = Figure(
        "small", "CPU", "ms", {OURS: [3, 90, 4], BARE: [2, 1, 70]}, Target(2.0, against=BARE)
    )
    assert figure.medians == {OURS: 4, BARE: 2}
    assert (figure.judged, figure.verdict) == (2, "met")


def test_a_target_without_another_is_judged_by_the_value():
    assert Figure("e", "wall", "s", {OURS: [1.6]}, Target(1.5)).verdict == "MISSED"


def test_a_target_that_is_the_least_is_missed_below_it():
    fast = Target(0.8, against=BARE, least=True)
    assert Figure("d", "speed", "MB/s", {OURS: [79], BARE: [100]}, fast).verdict == "MISSED"
    assert Figure("d", "speed", "MB/s", {OURS: [81], BARE: [100]}, fast).verdict == "met"


def test_the_table_shows_value_ratio_target_and_verdict_side_by_side():
    figure = Figure(
        "small", "CPU", "ms", {OURS: [3], BARE: [2]}, Target(2.0, BARE), "a note of its own"
    )
    head, _, row, note = tables([figure]).splitlines()
    assert head.split() == ["small", *OURS.split(), *BARE.split(), "measured", "target"]
    assert row.split("  ")[0] == "CPU [1]"
    assert [cell.strip() for cell in row.split("  ") if cell.strip()][1:] == [
        "3.00 ms",
        "2.00 ms (1.50x)",
        "1.50",
        "≤ 2 of bare loop",
        "met",
    ]
    assert note == "[1] a note of its own"


def ordered(number: int, video: str = "v", audio: str = "a") -> dict[str, object]:
    assets = {"video_source": "file", "video_file_path": video, "audio_file_path": audio}
    return {"name": f"job-{number:06d} · bs-1234", "assets": assets}


def test_the_server_notices_a_job_that_is_bought_twice():
    books = Books(Rules(jobs=[("v", "a")]))
    books.order(ordered(0))
    assert not books.violations
    books.order(ordered(0))
    assert books.violations == {"bought twice": 1}


def test_the_server_notices_other_files_than_those_of_the_job():
    books = Books(Rules(jobs=[("v", "a")]))
    with pytest.raises(ValueError, match="other"):
        books.order(ordered(0, audio="other"))
    assert books.violations == {"other files than the job's": 1}


def test_the_server_refuses_a_job_too_many_and_queues_it_where_it_is_told_to():
    jobs = [("v", "a"), ("v", "b")]
    refusing, queueing = (
        Books(Rules(median=60.0, slots=1, over=over, jobs=jobs)) for over in ("429", "queue")
    )
    for books in (refusing, queueing):
        assert books.order(ordered(0)) is not None
    assert refusing.order(ordered(1, audio="b")) is None
    project = queueing.order(ordered(1, audio="b"))
    assert project is not None
    first, second = (each.end for each in queueing.projects.values())
    assert second - first == pytest.approx(60.0)
