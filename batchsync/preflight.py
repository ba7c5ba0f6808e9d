"""Checks one job against the files it names, before anything is sent; pure."""

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from batchsync.errors import Problem
from batchsync.ledger.protocol import FileFacts
from batchsync.model import MAX_FRAMES, GenerationMode, Job, Media, Role, Source
from batchsync.request import frames, output_fps, range_seconds
from batchsync.survey import Survey

# Containers state durations to within about a frame; a range may end that much late.
_TOLERANCE_SECONDS = 0.1
# The service's least `end_seconds` (CONTRACT: "Create body").
_SHORTEST_SECONDS = 0.1
# An audio this much shorter or longer than the range is worth a word.
_AUDIO_SLACK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check of one job gave.

    Attributes:
        job: with its end settled, where that was possible.
        problems: why it can't be sent; empty if it can.
        warnings: what a person may want to know.
    """

    job: Job
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def check(job: Job, survey: Survey, output_dir: Path) -> Verdict:
    """Check a job's files, range and output path, and settle `end_seconds: auto`."""
    problems = list(_unfit(job, survey))
    media = {role: _media(source, survey.facts) for role, source in job.sources}
    if not problems:
        problems += _wrong_streams(job, media)
    if not problems:
        job, more = _settle_end(job, media)
        problems += more
    if not problems:
        problems += _wrong_range(job, media["video"])
    problems += _escaping_output(job, output_dir)
    warnings = [] if problems else list(_warnings(job, media))
    return Verdict(job, tuple(problems), tuple(warnings))


def settle_auto(job: Job, facts: Mapping[str, FileFacts]) -> Job:
    """The job with `auto` replaced by the figure that its files give, if they give one."""
    if job.end_seconds is not None:
        return job
    settled, _ = _settle_end(job, {role: _media(source, facts) for role, source in job.sources})
    return settled


def _problem(job: Job, field: str | None, found: str, expected: str) -> Problem:
    return Problem(job.where, job.id, field, found, expected)


def _media(source: Source, facts: Mapping[str, FileFacts]) -> Media | None:
    fact = facts.get(source.value) if source.is_local else None
    return fact.media if fact else None


def _unfit(job: Job, survey: Survey) -> Iterator[Problem]:
    for role, source in job.sources:
        error = survey.unfit.get(source.value) if source.is_local else None
        if error is not None:
            expected = (
                f"expected a readable {role} file at {source.value}"
                if error.code != "not_media"
                else f"expected a playable {role} file; try to open it in a player"
            )
            yield _problem(job, role, f"{source.text} {_after_name(error, source)}", expected)


def _after_name(error: Exception, source: Source) -> str:
    return str(error).removeprefix(f"{source.path.name} ")


def _wrong_streams(job: Job, media: Mapping[Role, Media | None]) -> Iterator[Problem]:
    video, audio = media["video"], media["audio"]
    if video is not None and not video.has_video:
        yield _problem(
            job, "video", f"{job.video.text} has no moving picture in it", "expected a video"
        )
    if audio is not None and not audio.has_audio:
        yield _problem(job, "audio", f"{job.audio.text} has no sound in it", "expected an audio")
    elif audio is not None and audio.has_video:
        yield _problem(
            job,
            "audio",
            f"{job.audio.text} is a video",
            "expected an audio file; export the sound alone (mp3, wav, m4a, …)",
        )


def _settle_end(job: Job, media: Mapping[Role, Media | None]) -> tuple[Job, list[Problem]]:
    if job.end_seconds is not None:
        return job, []
    lengths = []
    for role, source in job.sources:
        found = media[role]
        if found is None or found.duration is None:
            why = "its length can't be read" if source.is_local else "it is not on this machine"
            return job, [
                _problem(
                    job,
                    "end_seconds",
                    f"auto needs the length of {source.text}, but {why}",
                    "write a number of seconds",
                )
            ]
        lengths.append(found.duration - (job.start_seconds if role == "video" else 0.0))
    # Rounded down to a millisecond: the range must not pass the end of either.
    end = job.start_seconds + math.floor(max(0.0, min(lengths)) * 1000) / 1000
    return replace(job, end_seconds=round(end, 3)), []


def _wrong_range(job: Job, video: Media | None) -> Iterator[Problem]:
    if video is not None and video.duration is not None:
        length = f"{job.video.text} is {video.duration:.3f} s long"
        if job.start_seconds >= video.duration:
            yield _problem(
                job,
                "start_seconds",
                f"starts at {job.start_seconds:g} s, but {length}",
                "expected a start inside the video",
            )
            return
        if (job.end_seconds or 0) > video.duration + _TOLERANCE_SECONDS:
            yield _problem(
                job,
                "end_seconds",
                f"ends at {job.end_seconds:g} s, but {length}",
                "expected an end inside the video, or auto",
            )
            return
    if range_seconds(job) <= 0 or (job.end_seconds or 0) < _SHORTEST_SECONDS:
        yield _problem(
            job,
            "end_seconds",
            f"the range {job.start_seconds:g}-{job.end_seconds:g} s has no length",
            f"expected an end after the start, and of {_SHORTEST_SECONDS} s at least",
        )
    count = frames(range_seconds(job), output_fps(job, video) or job.max_fps_limit or 1)
    if count > MAX_FRAMES:
        yield _problem(
            job,
            "end_seconds",
            f"the range has {count} frames",
            f"the service renders at most {MAX_FRAMES}; shorten it or lower max_fps_limit",
        )


def _escaping_output(job: Job, output_dir: Path) -> Iterator[Problem]:
    try:
        inside = is_inside(output_dir / job.output, output_dir)
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        yield _problem(
            job,
            "output",
            f"{job.output} leads out of the output directory through a symbolic link",
            f"expected a path that stays below {output_dir}",
        )


def is_inside(path: Path, folder: Path) -> bool:
    """Whether a path, with its symbolic links followed, stays below a folder."""
    if path.parent == folder:
        # Nothing in between that could lead out; following links costs a call for each level.
        return True
    return Path(os.path.realpath(path.parent)).is_relative_to(os.path.realpath(folder))


def _warnings(job: Job, media: Mapping[Role, Media | None]) -> Iterator[Problem]:
    audio, video = media["audio"], media["video"]
    length = range_seconds(job)
    if audio is not None and audio.duration is not None:
        gap = length - audio.duration
        if abs(gap) > _AUDIO_SLACK_SECONDS:
            word = "shorter" if gap > 0 else "longer"
            yield _problem(
                job,
                "audio",
                f"{job.audio.text} ({audio.duration:.1f} s) is {abs(gap):.1f} s {word} than the "
                f"range ({length:.1f} s)",
                "the rest is silent" if gap > 0 else "its end is cut off",
            )
    if job.max_fps_limit and video and video.fps and job.max_fps_limit > video.fps:
        yield _problem(
            job,
            "max_fps_limit",
            f"{job.max_fps_limit:g} is above the video's own {video.fps:g}",
            "the output keeps the video's rate",
        )


def plan_warning(job: Job, tier: str | None) -> Problem | None:
    """A word on a mode that the account's plan does not have, or None."""
    if tier == "free" and job.generation_mode is GenerationMode.PRO:
        return _problem(
            job, "style.generation_mode", "pro needs a paid plan", "this account is on free"
        )
    return None
