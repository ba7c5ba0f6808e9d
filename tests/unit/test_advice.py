"""Warnings before a job is bought, and how a still image gives itself away."""

from pathlib import Path

import pytest

from batchsync.advice import SIZE_LIMITS, advice, advised, is_still
from batchsync.ledger.protocol import FileFacts
from batchsync.model import GenerationMode, Job, Media, Source, SourceKind
from batchsync.plan import Action, Plan, Step
from batchsync.stills import Packet, looks_still

MOVING = Media(10.0, 25.0, 320, 180, True, True)
SOUND = Media(10.0, None, None, None, False, True)


def job(mode: GenerationMode = GenerationMode.LITE) -> Job:
    video = Source(SourceKind.FILE, "a.mp4", str(Path("/m/a.mp4")))
    audio = Source(SourceKind.FILE, "a.mp3", str(Path("/m/a.mp3")))
    return Job("a", 0, None, video, audio, 0.0, 10.0, None, mode, "a.mp4", {}, "m.yaml:3:5")


def files(size: int = 1000, media: Media = MOVING) -> dict[str, FileFacts]:
    return {
        "/m/a.mp4": FileFacts("/m/a.mp4", size, 1, media=media),
        "/m/a.mp3": FileFacts("/m/a.mp3", 1000, 1, media=SOUND),
    }


@pytest.mark.parametrize("tier", SIZE_LIMITS)
def test_a_file_over_the_limit_of_the_account_s_plan_is_named(tier):
    limit = SIZE_LIMITS[tier]
    assert advice(job(), files(limit), tier) == ()
    (warning,) = advice(job(), files(limit + 1), tier)
    assert (warning.job, warning.field, warning.where) == ("a", "video", "m.yaml:3:5")
    assert f"plan {tier} takes" in warning.found


def test_the_plan_that_takes_a_file_is_named():
    (warning,) = advice(job(), files(3 * 10**9), "free")
    assert str(warning) == (
        "m.yaml:3:5: job a, video: a.mp4 has 3.0 GB, and plan free takes 200.0 MB a file; "
        "plan pro takes it; or cut it or encode it smaller"
    )


def test_without_an_account_only_what_no_plan_takes_is_named():
    assert advice(job(), files(10 * 10**9), None) == ()
    (warning,) = advice(job(), files(11 * 10**9), None)
    assert "plan any takes" in warning.found
    assert warning.expected == "no plan takes it; cut it or encode it smaller"


def test_pro_on_a_free_plan_is_named():
    (warning,) = advice(job(GenerationMode.PRO), files(), "free")
    assert warning.field == "style.generation_mode"
    assert advice(job(GenerationMode.PRO), files(), "creator") == ()


@pytest.mark.parametrize(
    ("duration", "fps", "still"),
    [(10.0, 25.0, False), (0.04, 25.0, True), (10.0, 0.1, True), (None, 25.0, False)],
)
def test_one_frame_or_slides_are_a_still_image(duration, fps, still):
    media = Media(duration, fps, 320, 180, True, False)
    assert is_still(media) is still
    found = [warning.found for warning in advice(job(), files(media=media), None)]
    assert found == ["a.mp4 is a still image saved as a video"] * still


def test_only_jobs_to_be_bought_get_advice():
    steps = (Step(job(), None, Action.SUBMIT), Step(job(), None, Action.SKIP))
    made = advised(Plan(steps), files(11 * 10**9), None)
    assert [len(step.warnings) for step in made.steps] == [1, 0]


def packets(*sizes: int, key: int = 20_000) -> list[Packet]:
    return [Packet(True, key, 0), *(Packet(False, size, n) for n, size in enumerate(sizes, 1))]


def test_packets_that_say_nothing_moved_are_a_still_image():
    assert looks_still(packets(*[26] * 20, 42), 320, 180)
    assert looks_still(packets(*[49] * 20, 65), 1280, 720)
    assert not looks_still(packets(*[74] * 20), 320, 180)
    assert not looks_still(packets(*[5350] * 20), 320, 180)


def test_whole_frames_are_a_still_image_where_all_are_one_and_the_same():
    assert looks_still([Packet(True, 9000, 7)] * 10, 320, 180)
    assert not looks_still([Packet(True, 9000, n) for n in range(10)], 320, 180)


def test_one_packet_is_a_still_image_and_few_say_nothing():
    assert looks_still(packets(), 320, 180)
    assert not looks_still(packets(26, 26), 320, 180)
