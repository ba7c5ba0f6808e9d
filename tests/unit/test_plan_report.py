"""What a plan says: in words, as JSON, as csv; by tag; cut where it is long."""

import csv
import io
from dataclasses import replace

import pytest

from batchsync.forecast import Forecast, Purse, Uploads, covered, forecast
from batchsync.ledger.protocol import FileFacts, JobRecord
from batchsync.model import (
    Asset,
    Failure,
    GenerationMode,
    Job,
    JobState,
    Media,
    Source,
    SourceKind,
    Stage,
)
from batchsync.plan import Action, Plan, Step
from batchsync.report import plan as report

MEDIA = Media(10.0, 25.0, 320, 180, True, True)


def job(name: str, lang: str = "es", video: str = "/m/v.mp4") -> Job:
    return Job(
        name,
        0,
        None,
        Source(SourceKind.FILE, "v.mp4", video),
        Source(SourceKind.FILE, f"{name}.mp3", f"/m/{name}.mp3"),
        0.0,
        2.0,
        None,
        GenerationMode.LITE,
        f"{name}.mp4",
        {"lang": lang},
        "m.yaml:3:5",
    )


def buy(name: str, **fields: str) -> Step:
    return Step(job(name, **fields), None, Action.SUBMIT, (), 60, 50)


def record(state: JobState, attempt: int = 0) -> JobRecord:
    failure = Failure(Stage.PREFLIGHT, "x", "x") if state is JobState.FAILED else None
    return JobRecord("a", 0, state, attempt, True, failure, 0.0, None)


def facts(*names: str, sha256: str | None = None, size: int = 1000) -> dict[str, FileFacts]:
    return {f"/m/{name}": FileFacts(f"/m/{name}", size, 1, sha256, MEDIA) for name in names}


def made(*steps: Step, purse: Purse | None = None, **known: object) -> Forecast:
    files = facts("v.mp4", size=5000) | facts("a.mp3", "b.mp3", "c.mp3")
    return forecast("spring", Plan(steps), purse or Purse(), files, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "attempt", "action", "changed", "words"),
    [
        (None, 0, Action.SUBMIT, (), "new"),
        (JobState.PENDING, 0, Action.SUBMIT, (), "new"),
        (JobState.PENDING, 1, Action.SUBMIT, (), "retry"),
        (JobState.FAILED, 0, Action.SUBMIT, (), "retry"),
        (JobState.UPLOADED, 0, Action.SUBMIT, (), "resume at submit"),
        (JobState.DONE, 1, Action.AGAIN, ("video", "end_seconds"),
         "again: video, end_seconds changed"),
        (JobState.SUBMITTED, 1, Action.COLLECT, (), "resume at poll: its render is under way"),
        (JobState.RENDERED, 1, Action.DOWNLOAD, (), "resume at download"),
        (JobState.DONE, 1, Action.DOWNLOAD, ("output",), "download: the output has another place"),
        (JobState.DONE, 1, Action.SKIP, (), "done"),
        (JobState.CANCELED, 1, Action.STAY, (), "canceled: `retry` brings it back"),
        (JobState.UNCONFIRMED, 1, Action.CONFIRM, (), "unconfirmed: needs `resolve`"),
        (None, 0, Action.UNFIT, (), "unfit"),
    ],
)  # fmt: skip
def test_what_happens_is_said_in_a_few_words(state, attempt, action, changed, words):
    step = Step(job("a"), record(state, attempt) if state else None, action, changed)
    assert report.what(step) == words


def test_a_shared_file_goes_up_once():
    assert made(buy("a"), buy("b")).uploads == Uploads(3, 7000, 1, 5000)


def test_one_content_under_two_names_goes_up_once_where_the_hash_is_known():
    files = facts("v.mp4", "w.mp4", sha256="1" * 64) | facts("a.mp3", "b.mp3")
    steps = (buy("a"), buy("b", video="/m/w.mp4"))
    assert forecast("x", Plan(steps), Purse(), files).uploads == Uploads(3, 3000, 1, 1000)


def test_what_the_service_still_has_does_not_go_up():
    files = facts("v.mp4", sha256="1" * 64) | facts("a.mp3")
    asset = Asset("1" * 64, "video", "mp4", 1000, "api-assets/x.mp4", 0.0)
    found = forecast("x", Plan((buy("a"),)), Purse(), files, [asset])
    assert found.uploads == Uploads(1, 1000, 1, 1000)


def test_a_job_that_is_not_bought_needs_no_upload_and_has_no_frames():
    found = made(Step(job("a"), record(JobState.DONE), Action.SKIP), buy("b"))
    assert found.uploads == Uploads(2, 6000)
    assert found.frames == {"b": 50}


@pytest.mark.parametrize(
    ("purse", "suffices"),
    [
        (Purse(), True),
        (Purse(balance=120), True),
        (Purse(balance=119), False),
        (Purse(cap=1000, spent=880), True),
        (Purse(cap=1000, spent=881), False),
        (Purse(balance=5000, cap=0), False),
    ],
)
def test_balance_and_cap_both_have_to_cover_the_estimate(purse, suffices):
    assert made(buy("a"), buy("b"), purse=purse).suffices is suffices


def test_jobs_are_covered_in_order():
    steps = [buy("a"), Step(job("b"), None, Action.SKIP), buy("c")]
    assert [covered(steps, credits) for credits in (59, 60, 119, 120)] == [0, 1, 1, 2]


def test_time_is_foreseen_from_enough_renders_before():
    steps = tuple(buy(name) for name in ("a", "b", "c"))
    assert made(*steps, history=[100.0, 100.0]).seconds is None
    assert made(*steps, history=[100.0] * 3, slots=3).seconds == 100.0
    assert made(*steps, history=[100.0] * 3, slots=1).seconds == 300.0
    assert made(history=[100.0] * 3).seconds is None


def test_the_table_and_the_totals():
    purse = Purse(balance=100, cap=1000, spent=930)
    found = made(buy("a"), buy("b", lang="fr"), purse=purse, history=[60.0] * 3)
    assert list(report.as_text(found, None, None)) == [
        "job  what  range  mode  frames  estimate  expected",
        "a    new   0-2 s  lite      50        60        50",
        "b    new   0-2 s  lite      50        60        50",
        "spring: 2 jobs, 2 to work on, 2 to buy",
        "credits: 120 charged at first, at 30 fps, expected to settle at 100",
        "uploads: 3 files, 7.0 kB (5.0 kB saved by sharing)",
        "time: about 1 min 00 s of rendering, going by the 3 before",
        "balance: 100 now, -20 after submitting: not enough, it covers the first 1 of 2 jobs",
        "max_credits: 1,000, of which 930 are spent and 70 left: it covers the first 1 of 2 jobs",
    ]


def test_a_frame_rate_that_nobody_knows_is_said():
    unknown = replace(buy("b"), credits_expected=None)
    lines = list(report.as_text(made(buy("a"), unknown), None, None))
    assert any("settle at 50 without the 1 whose frame rate is not known" in line for line in lines)


def test_a_long_table_is_cut_in_the_middle_and_says_so():
    steps = tuple(buy("a") for _ in range(100))
    lines = list(report.as_text(made(*steps), None, 10))
    assert lines[6] == "… 90 more …"
    assert lines.index("spring: 100 jobs, 100 to work on, 100 to buy") == 12


def test_groups_add_up_what_one_tag_has():
    found = made(buy("a"), buy("b", lang="fr"), Step(job("c"), record(JobState.DONE), Action.SKIP))
    lines = list(report.as_text(found, "lang", None))[:3]
    assert lines == [
        "lang  jobs  to work on  to buy  frames  estimate  expected",
        "es       2           1       1      50        60        50",
        "fr       1           1       1      50        60        50",
    ]
    assert [g.value for g in report.groups(found, "mode")] == ["lite"]
    assert report.as_csv(found, "lang").splitlines()[1] == "es,2,1,1,50,60,50"


def test_csv_has_a_row_a_job_and_a_column_a_tag_and_runs_no_formula():
    step = Step(replace(job("a"), tags={"lang": "=1+1", "what": "x"}), None, Action.SUBMIT)
    (row,) = csv.DictReader(io.StringIO(report.as_csv(made(step), None)))
    assert (row["job"], row["lang"], row["tags.what"], row["what"]) == ("a", "'=1+1", "x", "new")


def test_json_says_it_all():
    found = report.as_json(made(buy("a"), purse=Purse(balance=100)), "lang")
    assert found["jobs"][0]["stage"] == "upload"
    assert found["credits"] == {
        "estimated": 60,
        "expected": 50,
        "balance": 100,
        "balance_after": 40,
        "max_credits": None,
        "spent": 0,
        "allowed": None,
        "suffices": True,
    }
    assert found["uploads"]["bytes"] == 6000
    assert found["groups"][0]["value"] == "es"
