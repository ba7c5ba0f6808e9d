"""Prices, bodies and fingerprints; also the sample job that other tests use."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync.model import GenerationMode, Job, Media, Source, SourceKind
from batchsync.request import (
    changed_fields,
    create_body,
    display_name,
    estimated_credits,
    fingerprint,
    frames,
    lasting_address,
    output_fps,
    range_seconds,
    settled_credits,
)

VIDEO = Source(SourceKind.FILE, "media/clip.mp4", "/in/clip.mp4")
AUDIO = Source(SourceKind.FILE, "dubs/voice.mp3", "/in/voice.mp3")
HASHES = {"/in/clip.mp4": "aa", "/in/voice.mp3": "bb"}


def a_file(path: Path | str) -> Source:
    return Source(SourceKind.FILE, Path(path).name, str(path))


def a_job(job: str = "job", /, **changes: Any) -> Job:
    """A job of 15 seconds of two local files."""
    fields: dict[str, Any] = {
        "position": 0,
        "name": None,
        "video": VIDEO,
        "audio": AUDIO,
        "start_seconds": 0.0,
        "end_seconds": 15.0,
        "max_fps_limit": None,
        "generation_mode": GenerationMode.LITE,
        "output": f"{job}.mp4",
        "where": "batch.yaml:7:5",
    }
    return Job(id=job, **(fields | changes))


def a_video(fps: float | None = 25.0, duration: float | None = 60.0) -> Media:
    return Media(duration, fps, 320, 180, True, True)


@pytest.mark.parametrize(
    ("seconds", "fps", "count"),
    [
        (2.3, 30, 69),
        (4.2 - 0.1, 30, 123),
        (1.1, 30, 33),
        (0.1 + 0.2, 10, 3),
        (1 / 3, 30, 10),
        (1.01, 30, 31),
        (0.0, 30, 0),
        (10, 29.97, 300),
        (1.0, 25, 25),
        (0.001, 25, 1),
    ],
)
def test_a_part_of_a_frame_counts_whole_and_dust_does_not(
    seconds: float, fps: float, count: int
) -> None:
    assert frames(seconds, fps) == count


@given(st.integers(0, 20_000), st.integers(0, 1000))
def test_whole_frames_are_never_rounded_up(count: int, start: int) -> None:
    begin = start / 10
    job = a_job(start_seconds=begin, end_seconds=begin + count / 30)

    assert estimated_credits(job) == count


@pytest.mark.parametrize(
    ("mode", "credits"),
    [(GenerationMode.LITE, 450), (GenerationMode.STANDARD, 450), (GenerationMode.PRO, 900)],
)
def test_the_estimate_is_at_30_fps_times_the_modes_price(
    mode: GenerationMode, credits: int
) -> None:
    assert estimated_credits(a_job(generation_mode=mode, max_fps_limit=5)) == credits


@pytest.mark.parametrize(
    ("media", "limit", "fps", "credits"),
    [
        (a_video(25.0), None, 25.0, 375),
        (a_video(25.0), 12.0, 12.0, 180),
        (a_video(25.0), 60.0, 25.0, 375),
        (a_video(50.0), None, 50.0, 750),
        (a_video(None), 12.0, None, None),
        (None, 12.0, None, None),
        (None, None, None, None),
    ],
)
def test_the_charge_settles_at_the_lower_of_own_rate_and_limit(
    media: Media | None, limit: float | None, fps: float | None, credits: int | None
) -> None:
    job = a_job(max_fps_limit=limit)

    assert output_fps(job, media) == fps
    assert settled_credits(job, media) == credits


@pytest.mark.parametrize(
    ("start", "end", "seconds"), [(0, 15, 15), (2.5, 4, 1.5), (5, None, 0), (0, None, 0), (5, 4, 0)]
)
def test_a_range_is_never_negative(start: float, end: float | None, seconds: float) -> None:
    assert range_seconds(a_job(start_seconds=start, end_seconds=end)) == seconds


def test_a_body_has_what_is_set_and_nothing_as_null() -> None:
    body = create_body(a_job("x"), "api-assets/v.mp4", "api-assets/a.mp3", "bs-7f3a")

    assert body == {
        "name": "x · bs-7f3a",
        "start_seconds": 0.0,
        "end_seconds": 15.0,
        "assets": {
            "audio_file_path": "api-assets/a.mp3",
            "video_source": "file",
            "video_file_path": "api-assets/v.mp4",
        },
        "style": {"generation_mode": "lite"},
    }


def test_a_body_of_a_youtube_video_names_it_as_such() -> None:
    url = "https://youtu.be/x"
    job = a_job(video=Source(SourceKind.YOUTUBE, url, url), max_fps_limit=25)
    body = create_body(job, url, "api-assets/a.mp3", None)

    assert body["assets"] == {
        "audio_file_path": "api-assets/a.mp3",
        "video_source": "youtube",
        "youtube_url": url,
    }
    assert body["max_fps_limit"] == 25
    assert body["name"] == "job"


def test_a_job_is_shown_by_its_name_or_by_its_id() -> None:
    assert display_name(a_job(), "t") == "job · t"
    assert display_name(a_job(name="Welcome"), "t") == "Welcome · t"


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ()),
        ({"end_seconds": 16.0}, ("end_seconds",)),
        ({"generation_mode": GenerationMode.PRO}, ("generation_mode",)),
        ({"max_fps_limit": 5.0, "start_seconds": 1.0}, ("start_seconds", "max_fps_limit")),
        ({"audio": Source(SourceKind.URL, "https://x/a.mp3", "https://x/a.mp3")}, ("audio",)),
        ({"tags": {"lang": "es"}}, ()),
        ({"output": "elsewhere.mp4"}, ()),
        ({"position": 9, "where": "other.yaml:1:1"}, ()),
        ({"video": a_file("/in/copy-of-clip.mp4")}, ()),
    ],
)
def test_a_fingerprint_changes_with_what_the_render_is_made_from(
    changes: dict[str, Any], names: tuple[str, ...]
) -> None:
    hashes = {**HASHES, "/in/copy-of-clip.mp4": "aa"}
    before = fingerprint(a_job(), hashes)

    assert changed_fields(before, fingerprint(a_job(**changes), hashes)) == names


def test_a_fingerprint_changes_with_a_files_content() -> None:
    before = fingerprint(a_job(), HASHES)

    assert changed_fields(before, fingerprint(a_job(), {**HASHES, "/in/voice.mp3": "cc"})) == (
        "audio",
    )


@pytest.mark.parametrize(
    ("address", "lasting"),
    [
        ("https://x.example/a.mp4?token=1", "https://x.example/a.mp4?token=1"),
        ("https://x.example/a.mp4?sp=1&se=2", "https://x.example/a.mp4?sp=1&se=2"),
        (
            "https://x.example/a.mp4?v=1&X-Amz-Credential=c&X-Amz-Signature=s&X-Amz-Date=d",
            "https://x.example/a.mp4?v=1",
        ),
        ("https://x.example/a.mp4?sv=1&se=2&sig=3&sp=r", "https://x.example/a.mp4"),
        ("https://x.example/a.mp4", "https://x.example/a.mp4"),
    ],
)
def test_only_a_whole_signature_is_taken_from_an_address(address: str, lasting: str) -> None:
    assert lasting_address(address) == lasting
