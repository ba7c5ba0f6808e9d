"""What is worth a word before a job is bought, though it can be bought; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from batchsync.errors import Problem
from batchsync.ledger.protocol import FileFacts
from batchsync.model import Job, Media
from batchsync.plan import Plan, Step
from batchsync.preflight import plan_warning

# Bytes that each of the account's plans takes in one file (CONTRACT: "Upload"). Whether the
# service counts in thousands or in 1024s is not said; the smaller reading warns in time.
SIZE_LIMITS = {
    "free": 200 * 10**6,
    "creator": 2 * 10**9,
    "pro": 5 * 10**9,
    "business": 10 * 10**9,
}

# A video of so few frames a second shows slides, not a person speaking.
_SLIDES_FPS = 1.0


def advice(job: Job, files: Mapping[str, FileFacts], tier: str | None) -> tuple[Problem, ...]:
    """Warnings about one job's files and mode.

    Args:
        job: with its end settled.
        files: what is known of local files, by absolute path.
        tier: the account's plan; None where it was not asked.
    """
    return tuple(_warnings(job, files, tier))


def advised(plan: Plan, files: Mapping[str, FileFacts], tier: str | None) -> Plan:
    """The plan, with advice among the warnings of the jobs to be bought."""
    return Plan(tuple(_advised(step, files, tier) for step in plan.steps))


def _advised(step: Step, files: Mapping[str, FileFacts], tier: str | None) -> Step:
    if not step.buys:
        return step
    more = advice(step.job, files, tier)
    return replace(step, warnings=(*step.warnings, *more)) if more else step


def _warnings(job: Job, files: Mapping[str, FileFacts], tier: str | None) -> Iterator[Problem]:
    if warning := plan_warning(job, tier):
        yield warning
    for role, source in job.sources:
        fact = files.get(source.value) if source.is_local else None
        if fact is None:
            continue
        if over := _over_limit(fact.size, tier):
            yield Problem(job.where, job.id, role, f"{source.text} {over[0]}", over[1])
        if role == "video" and fact.media is not None and is_still(fact.media):
            yield Problem(
                job.where,
                job.id,
                role,
                f"{source.text} is a still image saved as a video",
                "the service's talking photo fits better, and costs less",
            )


def is_still(media: Media) -> bool:
    """Whether nothing moves in a video: one frame, or slides."""
    if media.still:
        return True
    if not media.has_video or media.fps is None:
        return False
    if media.fps < _SLIDES_FPS:
        return True
    return media.duration is not None and media.duration * media.fps < 1.5


def _over_limit(size: int, tier: str | None) -> tuple[str, str] | None:
    limit = SIZE_LIMITS.get(tier or "", max(SIZE_LIMITS.values()))
    if size <= limit:
        return None
    known = tier if tier in SIZE_LIMITS else "any"
    fitting = [name for name, most in SIZE_LIMITS.items() if size <= most]
    remedy = f"plan {fitting[0]} takes it; or" if fitting else "no plan takes it;"
    return (
        f"has {_words(size)}, and plan {known} takes {_words(limit)} a file",
        f"{remedy} cut it or encode it smaller",
    )


def _words(size: int) -> str:
    return f"{size / 10**9:.1f} GB" if size >= 10**9 else f"{size / 10**6:.1f} MB"
