"""What a run will do with a job: where it stands, what changed, which files are there."""

from pathlib import Path
from typing import Any

import pytest
from test_request import AUDIO, HASHES, VIDEO, a_job, a_video

from batchsync.errors import SourceUnfit
from batchsync.ledger.protocol import Attempt, FileFacts, JobRecord
from batchsync.model import Failure, Job, JobState, Media, Stage
from batchsync.plan import Action, Plan, make, needs, only
from batchsync.request import fingerprint
from batchsync.survey import Survey

S, A = JobState, Action
OUT = Path("/out")
SOUND = Media(15.0, None, None, None, False, True)


def an_attempt(job: Job, **changes: Any) -> Attempt:
    fields: dict[str, Any] = {
        "number": 1,
        "run": "r",
        "tag": "bs-1",
        "base_url": "https://api.example.com",
        "parameters": fingerprint(job, HASHES),
        "project_id": "p1",
        "credits_estimated": 450,
        "credits_charged": None,
        "credits_refunded": 0,
        "submitting_at": 1.0,
        "submitted_at": 2.0,
        "rendered_at": None,
        "downloaded_at": None,
        "fps": None,
        "width": None,
        "height": None,
        "output": str(OUT / job.output),
        "output_bytes": None,
        "output_sha256": None,
    }
    return Attempt(**(fields | changes))


_BEFORE_BUYING = (Stage.PREFLIGHT, Stage.UPLOAD)


def a_record(
    job: Job,
    state: JobState,
    failure: Failure | None = None,
    attempt: Attempt | None = None,
) -> JobRecord:
    """Where a job stands; one that was bought has an attempt unless told otherwise."""
    bought = state not in (S.PENDING, S.UPLOADED)
    if attempt is None and bought and (failure is None or failure.stage not in _BEFORE_BUYING):
        attempt = an_attempt(job)
    return JobRecord(
        id=job.id,
        position=job.position,
        state=state,
        attempt_number=attempt.number if attempt else 0,
        in_manifest=True,
        failure=failure,
        updated_at=1.0,
        attempt=attempt,
    )


def facts(**hashes: str) -> dict[str, FileFacts]:
    known = {**HASHES, **{f"/in/{name}": digest for name, digest in hashes.items()}}
    return {
        VIDEO.value: FileFacts(VIDEO.value, 9, 9, known[VIDEO.value], a_video()),
        AUDIO.value: FileFacts(AUDIO.value, 9, 9, known[AUDIO.value], SOUND),
    }


FIT = Survey(facts(), {})
MISSING = Survey({}, {AUDIO.value: SourceUnfit("does not exist", "missing_file")})
CHANGED = Survey(facts() | {AUDIO.value: FileFacts(AUDIO.value, 9, 9, "new", SOUND)}, {})


def plan_of(
    state: JobState | None,
    survey: Survey = FIT,
    job: Job | None = None,
    failure: Failure | None = None,
    **options: Any,
) -> Any:
    """The one step of a plan; the ledger knows the job as `a_job()`, the manifest as `job`."""
    job = job or a_job()
    records = {} if state is None else {job.id: a_record(a_job(job.id), state, failure)}
    [step] = make([job], records, survey, OUT, **options).steps
    return step


AT_POLL = Failure(Stage.POLL, "no_source_face", "x")
AT_SUBMIT = Failure(Stage.SUBMIT, "rejected", "x")
AT_PREFLIGHT = Failure(Stage.PREFLIGHT, "unfit", "x")
AT_UPLOAD = Failure(Stage.UPLOAD, "source_changed", "x")
DRIFTED = a_job(end_seconds=10.0)


@pytest.mark.parametrize(
    ("state", "failure", "same", "drifted", "other_file", "no_file"),
    [
        (None, None, A.SUBMIT, A.SUBMIT, A.SUBMIT, A.UNFIT),
        (S.PENDING, None, A.SUBMIT, A.SUBMIT, A.SUBMIT, A.UNFIT),
        (S.UPLOADED, None, A.SUBMIT, A.SUBMIT, A.SUBMIT, A.UNFIT),
        (S.SUBMITTING, None, A.CONFIRM, A.CONFIRM, A.CONFIRM, A.CONFIRM),
        (S.UNCONFIRMED, None, A.CONFIRM, A.CONFIRM, A.CONFIRM, A.CONFIRM),
        (S.SUBMITTED, None, A.COLLECT, A.COLLECT, A.COLLECT, A.COLLECT),
        (S.RENDERED, None, A.DOWNLOAD, A.DOWNLOAD, A.DOWNLOAD, A.DOWNLOAD),
        (S.DONE, None, A.SKIP, A.AGAIN, A.AGAIN, A.SKIP),
        (S.FAILED, AT_POLL, A.STAY, A.AGAIN, A.AGAIN, A.STAY),
        (S.FAILED, AT_SUBMIT, A.STAY, A.AGAIN, A.AGAIN, A.STAY),
        (S.FAILED, AT_PREFLIGHT, A.SUBMIT, A.SUBMIT, A.SUBMIT, A.UNFIT),
        (S.FAILED, AT_UPLOAD, A.SUBMIT, A.SUBMIT, A.SUBMIT, A.UNFIT),
        (S.CANCELED, AT_POLL, A.STAY, A.AGAIN, A.AGAIN, A.STAY),
    ],
)
def test_what_happens_to_a_job(
    state: JobState | None,
    failure: Failure | None,
    same: Action,
    drifted: Action,
    other_file: Action,
    no_file: Action,
) -> None:
    assert plan_of(state, failure=failure).action is same
    assert plan_of(state, job=DRIFTED, failure=failure).action is drifted
    assert plan_of(state, CHANGED, failure=failure).action is other_file
    assert plan_of(state, MISSING, failure=failure).action is no_file


@pytest.mark.parametrize("state", list(JobState))
def test_nothing_is_bought_of_which_a_render_exists_or_may_exist(state: JobState) -> None:
    buys = plan_of(state, failure=AT_POLL if state is S.FAILED else None).buys

    assert buys is (state in (S.PENDING, S.UPLOADED))


@pytest.mark.parametrize(
    ("state", "action"), [(S.DONE, A.SKIP), (S.FAILED, A.STAY), (S.CANCELED, A.STAY)]
)
def test_changes_can_be_left_alone(state: JobState, action: Action) -> None:
    assert plan_of(state, CHANGED, keep_changed=True, failure=None).action is action


def test_a_change_is_named() -> None:
    assert plan_of(S.DONE, job=DRIFTED).changed == ("end_seconds",)
    assert plan_of(S.DONE, CHANGED).changed == ("audio",)


def test_an_output_with_another_name_is_fetched_again_at_no_cost() -> None:
    step = plan_of(S.DONE, job=a_job(output="other.mp4"))

    assert (step.action, step.changed, step.credits_estimated) == (A.DOWNLOAD, ("output",), 0)


def test_what_is_bought_has_a_price_and_what_is_not_has_none() -> None:
    bought, kept = plan_of(None), plan_of(S.DONE)

    assert (bought.credits_estimated, bought.credits_expected) == (450, 375)
    assert (kept.credits_estimated, kept.credits_expected) == (0, 0)


def test_an_end_that_was_left_open_is_settled_before_it_is_compared() -> None:
    job = a_job(end_seconds=None)
    bought = {job.id: a_record(a_job(), S.DONE)}

    assert make([job], bought, FIT, OUT).steps[0].action is A.SKIP
    assert plan_of(None, job=job).job.end_seconds == 15.0


def test_a_plan_adds_its_steps_up() -> None:
    jobs = [a_job(f"j{number}", position=number) for number in range(3)]
    records = {"j1": a_record(jobs[1], S.DONE)}
    plan = make(jobs, records, FIT, OUT)

    assert [step.action for step in plan.steps] == [A.SUBMIT, A.SKIP, A.SUBMIT]
    assert (plan.credits_estimated, plan.credits_expected) == (900, 750)
    assert [step.job.id for step in plan.of(A.SKIP)] == ["j1"]
    assert [step.job.id for step in only(plan.steps, lambda job: job != "j0").steps] == ["j1", "j2"]
    assert not plan.problems
    assert not plan.warnings


def test_a_rate_that_is_unknown_makes_the_sum_unknown() -> None:
    unknown = facts() | {VIDEO.value: FileFacts(VIDEO.value, 9, 9, "aa", a_video(None))}
    plan = make([a_job()], {}, Survey(unknown, {}), OUT)

    assert plan.credits_expected is None
    assert plan.credits_estimated == 450


@pytest.mark.parametrize(
    ("state", "failure", "probe", "read"),
    [
        (None, None, True, False),
        (S.PENDING, None, True, False),
        (S.UPLOADED, None, True, False),
        (S.SUBMITTING, None, False, False),
        (S.SUBMITTED, None, False, False),
        (S.RENDERED, None, False, False),
        (S.UNCONFIRMED, None, False, False),
        (S.DONE, None, False, True),
        (S.FAILED, AT_POLL, False, True),
        (S.FAILED, AT_PREFLIGHT, True, False),
        (S.CANCELED, None, False, True),
    ],
)
def test_only_the_files_that_matter_are_looked_at(
    state: JobState | None, failure: Failure | None, probe: bool, read: bool
) -> None:
    job = a_job()
    records = {} if state is None else {job.id: a_record(job, state, failure)}
    files = {VIDEO.value, AUDIO.value}

    wanted = needs([job], records)

    assert wanted.to_probe == (files if probe else set())
    assert wanted.to_hash == (files if read else set())


def test_an_empty_plan_costs_nothing() -> None:
    assert (Plan(()).credits_estimated, Plan(()).credits_expected) == (0, 0)
