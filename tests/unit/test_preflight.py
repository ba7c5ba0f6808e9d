"""Problems and warnings of one job, before anything is sent."""

from pathlib import Path
from typing import Any

import pytest
from test_request import AUDIO, VIDEO, a_file, a_job, a_video

from batchsync.errors import SourceUnfit
from batchsync.ledger.protocol import FileFacts
from batchsync.model import GenerationMode, Job, Media, Source, SourceKind
from batchsync.preflight import Verdict, check, is_inside, plan_warning
from batchsync.survey import Survey

SOUND = Media(15.0, None, None, None, False, True)
ENDLESS = Media(None, None, None, None, False, True)
URL = Source(SourceKind.URL, "https://x.example/v.mp4", "https://x.example/v.mp4")


def verdict(
    video: Media | None = None,
    audio: Media | None = SOUND,
    unfit: dict[str, SourceUnfit] | None = None,
    out: Path = Path("/out"),
    **changes: Any,
) -> Verdict:
    found = {VIDEO.value: video or a_video(), AUDIO.value: audio}
    facts = {path: FileFacts(path, 1, 1, None, media) for path, media in found.items()}
    return check(a_job(**changes), Survey(facts, unfit or {}), out)


def only_problem(given: Verdict) -> tuple[str | None, str]:
    [problem] = given.problems
    assert (problem.where, problem.job) == ("batch.yaml:7:5", "job")
    assert problem.found
    assert problem.expected
    assert not given.warnings
    return problem.field, str(problem)


def test_a_good_job_has_nothing_against_it() -> None:
    assert verdict() == Verdict(a_job(), (), ())


@pytest.mark.parametrize(
    ("field", "words", "situation"),
    [
        ("video", "no moving picture", {"video": SOUND}),
        ("audio", "no sound", {"audio": Media(15.0, 25.0, 4, 4, True, False)}),
        ("audio", "is a video", {"audio": a_video()}),
        ("start_seconds", "60.000 s long", {"start_seconds": 60.0, "end_seconds": 61.0}),
        ("end_seconds", "60.000 s long", {"end_seconds": 60.2}),
        ("end_seconds", "no length", {"start_seconds": 15.0}),
        ("end_seconds", "no length", {"start_seconds": 16.0}),
        ("end_seconds", "no length", {"end_seconds": 0.05}),
        ("end_seconds", "20025 frames", {"video": a_video(25.0, 900.0), "end_seconds": 801.0}),
        ("end_seconds", "its length can't be read", {"audio": ENDLESS, "end_seconds": None}),
        ("end_seconds", "not on this machine", {"audio_source": URL, "end_seconds": None}),
    ],
)
def test_a_problem_names_its_field_and_its_figures(
    field: str, words: str, situation: dict[str, Any]
) -> None:
    video, sound = situation.pop("video", None), situation.pop("audio", SOUND)
    if "audio_source" in situation:
        source = situation.pop("audio_source")
        found = check(
            a_job(audio=source, **situation),
            Survey({VIDEO.value: FileFacts(VIDEO.value, 1, 1, None, a_video())}, {}),
            Path("/out"),
        )
    else:
        found = verdict(video, sound, **situation)
    named, text = only_problem(found)

    assert named == field
    assert words in text


def test_both_files_of_a_job_are_complained_of() -> None:
    unfit = {
        VIDEO.value: SourceUnfit("does not exist", "missing_file"),
        AUDIO.value: SourceUnfit("voice.mp3 can't be opened as audio or video: bad", "not_media"),
    }
    problems = verdict(unfit=unfit).problems

    assert [problem.field for problem in problems] == ["video", "audio"]
    assert "media/clip.mp4 does not exist" in str(problems[0])
    assert str(problems[1]).count("voice.mp3") == 1


@pytest.mark.parametrize(
    ("audio", "video", "start", "end"),
    [
        (15.0, 60.0, 0.0, 15.0),
        (15.0, 10.0, 0.0, 10.0),
        (15.0, 10.0, 4.0, 10.0),
        (5.0, 60.0, 50.0, 55.0),
        (4.99999, 60.0, 0.0, 4.999),
        (4.0, 60.0, 0.1, 4.1),
    ],
)
def test_an_open_end_is_the_shorter_of_audio_and_what_is_left_of_the_video(
    audio: float, video: float, start: float, end: float
) -> None:
    sound = Media(audio, None, None, None, False, True)
    found = verdict(a_video(25.0, video), sound, start_seconds=start, end_seconds=None)

    assert not found.problems
    assert found.job.end_seconds == end


def test_an_end_within_a_frame_of_the_videos_is_taken() -> None:
    assert not verdict(a_video(25.0, 14.95), end_seconds=15.0).problems


def test_frames_are_counted_at_the_rate_of_the_output() -> None:
    video = a_video(50.0, 900.0)

    assert verdict(video, end_seconds=500.0).problems
    assert not verdict(video, end_seconds=500.0, max_fps_limit=25.0).problems


@pytest.mark.parametrize(("length", "word"), [(10.0, "shorter"), (20.0, "longer")])
def test_an_audio_of_another_length_is_worth_a_word(length: float, word: str) -> None:
    found = verdict(audio=Media(length, None, None, None, False, True))

    assert not found.problems
    assert [warning.field for warning in found.warnings] == ["audio"]
    assert f"5.0 s {word}" in found.warnings[0].found


def test_a_limit_above_the_videos_rate_is_worth_a_word() -> None:
    [warning] = verdict(max_fps_limit=60.0).warnings

    assert warning.field == "max_fps_limit"


@pytest.mark.parametrize(
    ("mode", "tier", "warned"),
    [
        ("pro", "free", True),
        ("pro", "creator", False),
        ("lite", "free", False),
        ("pro", None, False),
    ],
)
def test_a_mode_that_the_plan_lacks_is_worth_a_word(
    mode: str, tier: str | None, warned: bool
) -> None:
    job = a_job(generation_mode=GenerationMode(mode))

    assert (plan_warning(job, tier) is not None) is warned


def test_an_output_may_not_leave_its_folder_by_a_link(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "link").symlink_to(tmp_path)
    found = verdict(out=out, output="link/x.mp4")

    assert only_problem(found)[0] == "output"
    assert not verdict(out=out, output="sub/x.mp4").problems


def test_a_link_to_the_output_folder_itself_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "real")

    assert is_inside(tmp_path / "out" / "a" / "x.mp4", tmp_path / "out")
    assert not is_inside(tmp_path / "out" / ".." / "x.mp4", tmp_path / "out")


def test_a_link_in_a_circle_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")

    assert isinstance(verdict(out=tmp_path, output="a/x.mp4"), Verdict)


def test_remote_sources_are_taken_at_their_word() -> None:
    job: Job = a_job(video=URL, audio=a_file("/in/voice.mp3"))
    facts = {AUDIO.value: FileFacts(AUDIO.value, 1, 1, None, SOUND)}

    assert not check(job, Survey(facts, {}), Path("/out")).problems
