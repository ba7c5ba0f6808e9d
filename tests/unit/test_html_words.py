"""What the report says: durations, what may be shown, what to do next."""

import pytest

from batchsync.report.html.next_steps import Commands, next_steps
from batchsync.report.html.wording import MOST_CHARACTERS, duration, public

NOTHING = {
    "done": 0, "failed": 0, "canceled": 0, "unconfirmed": 0, "in flight": 0, "pending": 0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (605, "10 min"),
        (3 * 3600 + 300, "3 h 05 min"),
        (49 * 3600, "2 d 01 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://b.example/a.mp4?X-Amz-Signature=1", "https://b.example/a.mp4?…"),
        ("HTTPS://u:pw@b.example/a.mp4#t", "HTTPS://b.example/a.mp4?…"),
        ("403 for https://b.example/a?sig=1, and http://c?d=2 too",
         "403 for https://b.example/a?… and http://c?… too"),
        ("dubs/what?.wav", "dubs/what?.wav"),
        ("https://b.example/a.mp4", "https://b.example/a.mp4"),
    ],
)  # fmt: skip
def test_of_an_address_only_host_and_path_are_shown(text: str, shown: str) -> None:
    assert public(text) == shown


def test_a_long_text_is_cut() -> None:
    assert len(public("x" * 10_000)) == MOST_CHARACTERS


def _commands(counts: dict[str, int], **more: object) -> list[tuple[str, ...]]:
    asked = {"unconfirmed": [], "missing": 0, "rejected": 0, "running": False, **more}
    steps = next_steps(NOTHING | counts, **asked, command=Commands("my batch.yaml"))
    return [step.commands for step in steps]


def test_the_most_urgent_comes_first_and_the_run_after_what_it_needs() -> None:
    counts = {"done": 1, "failed": 2, "canceled": 1, "unconfirmed": 1, "pending": 3}

    assert _commands(counts, unconfirmed=[("-a", "tag")], missing=1) == [
        ("batchsync resolve 'my batch.yaml' -a --adopt PROJECT_ID",
         "batchsync resolve 'my batch.yaml' -a --resubmit"),
        ("batchsync retry 'my batch.yaml' --failed", "batchsync retry 'my batch.yaml' --canceled"),
        ("batchsync run 'my batch.yaml'",),
        ("batchsync fetch 'my batch.yaml'",),
    ]  # fmt: skip


def test_what_was_rejected_is_made_again_in_pro() -> None:
    assert _commands({"done": 2}, rejected=1) == [
        ("batchsync retry 'my batch.yaml' --rejected --set style.generation_mode=pro",),
        ("batchsync run 'my batch.yaml'",),
    ]


def test_after_a_retry_comes_a_run() -> None:
    assert _commands({"done": 1, "failed": 1})[-1] == ("batchsync run 'my batch.yaml'",)


def test_when_all_is_done_there_is_only_to_look() -> None:
    assert _commands({"done": 3}) == [("batchsync review 'my batch.yaml'",)]


def test_while_a_run_is_at_work_nothing_else_is_advised() -> None:
    found = _commands({"pending": 3, "failed": 1}, running=True)

    assert found == [("batchsync status 'my batch.yaml' --watch",)]


def test_a_manifest_without_jobs_needs_no_command() -> None:
    assert _commands({}) == [()]


def test_flags_that_say_where_things_are_are_said_again() -> None:
    command = Commands("b.yaml", ("--state", "elsewhere.db"))

    assert command("run") == "batchsync run b.yaml --state elsewhere.db"
