"""The log: lines that parse, that say whom they are about, and never the key."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from batchsync import logs
from batchsync.errors import UsageError
from batchsync.events import (
    BytesMoved,
    CallRetried,
    Event,
    JobMoved,
    JobStalled,
    LimitChanged,
    Note,
    StageEntered,
    Stopping,
    UploadSaved,
)
from batchsync.model import Failure, JobState, Stage

KEY = "mhk_s3cr3t"
WHY = Failure(Stage.POLL, "no_source_face", f"no face in {KEY}")
EVENTS: list[Event] = [
    JobMoved("a", JobState.SUBMITTING, JobState.SUBMITTED, 1.0, 1, project_id="p1"),
    JobMoved("a", JobState.SUBMITTED, JobState.FAILED, 1.0, 1, credits_charged=5, failure=WHY),
    JobStalled("b", JobState.SUBMITTED, WHY),
    CallRetried("status", f"HTTP 503 {KEY}", 1.25, "b"),
    LimitChanged(0, "the service says 429"),
    Stopping("--halt", leaving=True),
    Stopping("--halt", leaving=False),
    Note("error", f"odd {KEY}"),
]
SILENT: list[Event] = [BytesMoved("up", 5), UploadSaved(5), StageEntered("a", Stage.POLL)]


@pytest.fixture
def lines() -> Iterator[list[str]]:
    yield []
    logs.close()
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def say(lines: list[str], events: list[Event], **options: Any) -> None:
    logs.configure(secret=KEY, write=lines.append, **options)
    structlog.contextvars.bind_contextvars(batch="spring", run="r1")
    observer = logs.LogObserver()
    for event in events:
        observer(event)


def test_json_lines_parse_and_name_batch_run_and_job(lines: list[str]) -> None:
    say(lines, EVENTS, log_format="json")
    said = [json.loads(line) for line in lines]

    assert len(said) == len(EVENTS)
    assert all((line["batch"], line["run"]) == ("spring", "r1") for line in said)
    assert [line.get("job") for line in said[:4]] == ["a", "a", "b", "b"]
    assert said[0]["project"] == "p1"
    assert (said[1]["stage"], said[1]["code"], said[1]["level"]) == (
        "poll",
        "no_source_face",
        "warning",
    )
    assert all("timestamp" in line and line["event"] for line in said)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_the_key_is_in_no_line(lines: list[str], log_format: Any, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "log.txt"
    say(lines, EVENTS, log_format=log_format, log_file=path)

    text = "\n".join(lines) + path.read_text()
    assert "[key]" in text
    assert KEY not in text


def test_the_key_is_in_no_line_however_deep_it_lies(lines: list[str]) -> None:
    say(lines, [], log_format="json")
    structlog.get_logger("batchsync").info("x", nested={"headers": [f"Bearer {KEY}"]})

    assert KEY not in lines[0]


def test_a_console_line_is_short(lines: list[str]) -> None:
    say(lines, EVENTS[:2])

    assert lines[0].split(" ", 1)[1] == "a: submitted attempt=1 project=p1"
    assert lines[1].split(" ", 2)[1] == "warning:"


def test_a_limit_is_told_where_it_falls_and_its_growth_is_for_the_file(
    lines: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "log.txt"
    events: list[Event] = [LimitChanged(limit, "why") for limit in (17, 18, 8, 9)]
    say(lines, events, log_file=path)

    assert [line.split(" ", 1)[1] for line in lines] == ["up to 8 renders in flight: why"]
    assert len(path.read_text().splitlines()) == len(events)


def test_what_moves_all_the_time_is_not_logged(lines: list[str]) -> None:
    say(lines, SILENT)

    assert not lines


def test_the_file_gets_what_the_screen_does_not(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    say(lines, EVENTS, level=logging.ERROR, log_file=path)

    assert len(lines) == 1
    assert len(path.read_text().splitlines()) == len(EVENTS)


def test_a_log_is_added_to(lines: list[str], tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("before\n")
    say(lines, EVENTS[:1], log_file=path)

    assert path.read_text().startswith("before\n")


def test_a_log_file_that_cannot_be_written_is_told_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        logs.configure(log_file=tmp_path)


def test_a_logger_used_before_the_key_was_known_hides_it_afterwards(lines: list[str]) -> None:
    logs.configure(write=lines.append)
    observer = logs.LogObserver()
    observer(Note("info", "first"))
    logs.configure(write=lines.append, secret=KEY)
    observer(Note("info", f"second {KEY}"))

    assert [line.split(" ", 1)[1] for line in lines] == ["first", "second [key]"]


def test_a_screen_that_has_gone_away_does_not_keep_lines_from_the_file(
    lines: list[str], tmp_path: Path
) -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    path = tmp_path / "log.txt"
    logs.configure(write=gone, log_file=path)
    logs.LogObserver()(Note("info", "still here"))

    assert path.read_text().endswith("still here\n")
