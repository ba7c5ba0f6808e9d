"""What `generate` knows a render by, and what it makes of each way that one can end."""

import inspect
import warnings
from pathlib import Path
from typing import Any

import pytest
from magic_hour.resources.v1.lip_sync.client import AsyncLipSyncClient, LipSyncClient

import batchsync
from batchsync import errors
from batchsync.api.wire import Project
from batchsync.errors import ExitCode
from batchsync.ledger.protocol import Attempt, JobRecord
from batchsync.library.outcome import failure_in, is_shown, shown
from batchsync.library.pair import Asked, Pair, identified
from batchsync.model import Failure, JobState, Stage
from batchsync.report.summary import Bytes, Credits, JobCounts, Summary

API = "https://api.magichour.ai"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clip.mp4").write_bytes(b"a video")
    (tmp_path / "voice.mp3").write_bytes(b"a voice")
    return tmp_path


def asked(**changes: Any) -> Asked:
    given: dict[str, Any] = {
        "assets": {
            "video_source": "file",
            "video_file_path": "clip.mp4",
            "audio_file_path": "voice.mp3",
        },
        "start_seconds": 0.0,
        "end_seconds": 2.0,
        "max_fps_limit": None,
        "name": None,
        "style": None,
        "width": None,
        "height": None,
    }
    return Asked(**{**given, **changes})


def assets(**changes: Any) -> dict[str, Any]:
    return {**asked().assets, **changes}


def known_as(folder: Path, base_url: str = API, mark: str | None = None, **changes: Any) -> str:
    return identified(asked(**changes), folder, base_url, mark).job.id


def test_the_same_content_is_the_same_render_wherever_it_lies(folder: Path) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    (other / "tmp1234.mp4").write_bytes(b"a video")
    paths = {"video_file_path": other / "tmp1234.mp4", "audio_file_path": str(folder / "voice.mp3")}

    assert known_as(other, assets=assets(**paths)) == known_as(folder)


@pytest.mark.parametrize(
    "same",
    [
        {"name": "take of 12:03:11"},
        {"start_seconds": 0},
        {"start_seconds": "0:00"},
        {"style": {"generation_mode": "lite"}},
        {"style": {}},
        {"height": 100, "width": 100},
    ],
)
def test_what_does_not_change_the_render_does_not_change_its_key(
    folder: Path, same: dict[str, Any]
) -> None:
    assert known_as(folder, **same) == known_as(folder)


@pytest.mark.parametrize(
    "other",
    [
        {"end_seconds": 1.5},
        {"start_seconds": 0.5},
        {"max_fps_limit": 12},
        {"style": {"generation_mode": "pro"}},
        {"assets": assets(audio_file_path="api-assets/voice.mp3")},
        {"base_url": "http://localhost:1"},
        {"mark": "take 2"},
    ],
)
def test_what_changes_the_render_changes_its_key(folder: Path, other: dict[str, Any]) -> None:
    assert known_as(folder, **other) != known_as(folder)


def test_a_file_that_changes_is_another_render(folder: Path) -> None:
    before = known_as(folder)
    (folder / "voice.mp3").write_bytes(b"another voice")

    assert known_as(folder) != before


def test_a_url_that_is_signed_anew_is_the_same_render(folder: Path) -> None:
    def signed(signature: str) -> str:
        url = f"https://media.example.com/a.mp3?X-Amz-Signature={signature}"
        return known_as(folder, assets=assets(audio_file_path=url))

    assert signed("1") == signed("2")


def test_outputs_are_named_after_the_video_and_never_alike(folder: Path) -> None:
    first = identified(asked(), folder, API, None)
    second = identified(asked(), folder, API, "take 2")

    assert first.job.output.startswith("clip-")
    assert first.job.output != second.job.output
    (folder / "ü .. take:3.mp4").write_bytes(b"a video")
    odd = identified(asked(assets=assets(video_file_path="ü .. take:3.mp4")), folder, API, None)
    assert odd.job.output.startswith("ü----take-3-")


def test_the_field_that_video_source_names_counts_alone(folder: Path) -> None:
    both = assets(youtube_url="https://www.youtube.com/watch?v=abc")

    assert known_as(folder, assets=both) == known_as(folder)
    tube = identified(asked(assets={**both, "video_source": "youtube"}), folder, API, None)
    assert tube.job.video.kind == "youtube"


@pytest.mark.parametrize(
    ("wrong", "field", "found"),
    [
        ({"end_seconds": -1}, "end_seconds", "found '-1'"),
        ({"start_seconds": 3}, "end_seconds", "found 2, which is not after start_seconds (3)"),
        ({"style": {"generation_mode": "best"}}, "style.generation_mode", "found 'best'"),
        ({"style": {"mode": "pro"}}, None, "the key 'mode' is not known"),
        ({"max_fps_limit": "fast"}, "max_fps_limit", "found 'fast'"),
        (
            {"assets": assets(video_file_path="gone.mp4")},
            "assets.video_file_path",
            "gone.mp4 does not exist",
        ),
        (
            {"assets": {"video_source": "file", "audio_file_path": "voice.mp3"}},
            "assets.video_file_path",
            "it is missing",
        ),
    ],
)
def test_a_wrong_argument_is_named(
    folder: Path, wrong: dict[str, Any], field: str | None, found: str
) -> None:
    with pytest.raises(errors.ManifestError) as caught:
        identified(asked(**wrong), folder, API, None)

    [problem] = caught.value.problems
    assert (problem.where, problem.job, problem.field, problem.found) == (
        "generate()",
        None,
        field,
        found,
    )


def test_assets_that_are_no_dict_are_refused(folder: Path) -> None:
    with pytest.raises(TypeError, match="assets is a dict, not str"):
        identified(asked(assets="clip.mp4"), folder, API, None)


def test_width_and_height_are_warned_of(folder: Path) -> None:
    with pytest.warns(DeprecationWarning, match="no effect"):
        asked(height=720).warn_ignored(1)
    with warnings.catch_warnings(record=True) as caught:
        asked().warn_ignored(1)
    assert not caught


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (batchsync.generate, LipSyncClient.generate),
        (batchsync.agenerate, AsyncLipSyncClient.generate),
        (batchsync.Client.generate, LipSyncClient.generate),
        (batchsync.AsyncClient.generate, AsyncLipSyncClient.generate),
    ],
)
def test_the_keywords_are_those_of_the_official_sdk(ours: Any, theirs: Any) -> None:
    known = inspect.signature(ours).parameters
    wanted = {
        name: parameter
        for name, parameter in inspect.signature(theirs).parameters.items()
        if name not in ("self", "request_options")
    }

    assert set(wanted) <= set(known)
    for name, parameter in wanted.items():
        assert known[name].kind is parameter.kind is inspect.Parameter.KEYWORD_ONLY
        required = parameter.default is inspect.Parameter.empty
        assert (known[name].default is inspect.Parameter.empty) is required
        if isinstance(parameter.default, bool):
            assert known[name].default is parameter.default


def record(
    state: JobState, failure: Failure | None = None, project: str | None = "p1"
) -> JobRecord:
    parameters = {"start_seconds": 0.0, "end_seconds": 2.0}
    attempt = Attempt(
        1, "run", "bs-7f3a", API, parameters, project, 60, None, 0, 1.0, 2.0, None, None,
        25.0, 64, 36, None, None, None,
    )  # fmt: skip
    return JobRecord("x", 0, state, 1, True, failure, 3.0, attempt)


def summary(code: ExitCode, *reasons: str) -> Summary:
    counts, credits = JobCounts(1, 0, 0, 0, 0, 0, 1, 0), Credits(60, 0, 0, None)
    return Summary(
        "x", "r", code, counts, credits, Bytes(0, 0, 0), {}, 1.0, "x.csv", (), None, reasons
    )


BROKE = Failure(Stage.POLL, "no_source_face", "no face")


@pytest.mark.parametrize(
    ("found", "wait", "download", "answer"),
    [
        (record(JobState.DONE), True, True, True),
        (record(JobState.CANCELED), True, True, True),
        (record(JobState.FAILED, BROKE), True, True, True),
        (record(JobState.FAILED, Failure(Stage.DOWNLOAD, "output_invalid", "")), True, True, False),
        (record(JobState.RENDERED), True, True, False),
        (record(JobState.RENDERED), True, False, True),
        (record(JobState.RENDERED), False, True, True),
        (record(JobState.SUBMITTED), False, True, True),
        (record(JobState.SUBMITTED), True, False, False),
        (record(JobState.UNCONFIRMED), False, False, False),
        (record(JobState.FAILED, BROKE, project=None), True, True, False),
        (record(JobState.PENDING, project=None), False, False, False),
    ],
)
def test_an_answer_is_what_the_service_gave(
    found: JobRecord, wait: bool, download: bool, answer: bool
) -> None:
    assert is_shown(found, wait, download) is answer


def test_a_render_that_the_service_can_not_be_asked_about_is_shown_from_the_ledger() -> None:
    alone = shown(record(JobState.FAILED, BROKE), 0, None, None)
    asked_for = shown(
        record(JobState.SUBMITTED),
        60,
        Project(id="p1", status="rendering", credits_charged=59, name="n"),
        None,
    )

    assert (alone.id, alone.status, alone.credits_charged) == ("p1", "error", 0)
    assert alone.error is not None
    assert (alone.error.code, alone.downloads, alone.download) == ("no_source_face", (), None)
    assert (asked_for.status, asked_for.total_frame_cost, asked_for.name) == ("rendering", 59, "n")
    assert (asked_for.created_at, asked_for.fps) == ("1970-01-01T00:00:02.000Z", 25.0)


@pytest.mark.parametrize(
    ("found", "ended", "kind", "words"),
    [
        (None, summary(ExitCode.DENIED, "the key is bad"), errors.Unauthorized, "the key is bad"),
        (None, summary(ExitCode.OUT_OF_CREDITS, "empty"), errors.PaymentRequired, "empty"),
        (None, summary(ExitCode.INCOMPLETE), errors.Incomplete, "call again"),
        (
            record(JobState.FAILED, Failure(Stage.SUBMIT, "rejected", "HTTP 422: no"), None),
            summary(ExitCode.SOME_FAILED),
            errors.Rejected,
            "HTTP 422: no",
        ),
        (
            record(JobState.UPLOADED, Failure(Stage.SUBMIT, "forbidden", "HTTP 403: no"), None),
            summary(ExitCode.DENIED),
            errors.Forbidden,
            "HTTP 403: no",
        ),
        (
            record(JobState.SUBMITTED, Failure(Stage.POLL, "poll_timeout", "still rendering")),
            summary(ExitCode.INCOMPLETE),
            errors.Incomplete,
            "poll: still rendering; call again",
        ),
        (
            record(JobState.RENDERED, Failure(Stage.DOWNLOAD, "output_unwritable", "disk full")),
            summary(ExitCode.INCOMPLETE),
            errors.OutputUnwritable,
            "disk full; call again",
        ),
        (
            record(JobState.FAILED, Failure(Stage.UPLOAD, "changed", "it changed"), None),
            summary(ExitCode.SOME_FAILED),
            errors.SourceUnfit,
            "it changed",
        ),
        (
            record(JobState.PENDING, Failure(Stage.UPLOAD, "not_sent", "no route"), None),
            summary(ExitCode.INCOMPLETE),
            errors.Incomplete,
            "upload: no route; call again",
        ),
        (
            record(JobState.UNCONFIRMED, Failure(Stage.SUBMIT, "answer_lost", "cut"), None),
            summary(ExitCode.UNCONFIRMED),
            errors.Unconfirmed,
            "bs-7f3a.*adopt=PROJECT_ID",
        ),
    ],
)
def test_every_other_end_is_an_error_of_its_own(
    found: JobRecord | None, ended: Summary, kind: type[Exception], words: str
) -> None:
    error = failure_in(found, ended)

    assert type(error) is kind
    with pytest.raises(kind, match=words):
        raise error


def test_a_pair_is_a_batch_of_one(folder: Path) -> None:
    pair = identified(asked(name="Lip Sync"), folder, API, None)

    assert isinstance(pair, Pair)
    assert (len(pair.manifest.jobs), pair.job.name) == (1, "Lip Sync")
    assert {Path(path).name for path in pair.facts} == {"clip.mp4", "voice.mp3"}
