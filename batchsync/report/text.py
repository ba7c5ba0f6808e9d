"""Summaries for people."""

from collections.abc import Iterator

from rich.filesize import decimal

from batchsync.errors import ExitCode
from batchsync.report.summary import FailureGroup, Summary

# Ids named for each reason; the results table has them all.
_JOBS_NAMED = 5


def summary_text(summary: Summary, results: str) -> str:
    """Counts, credits, bytes, failures, where the results are, and what to do next."""
    return "\n".join(_lines(summary, results))


def _lines(summary: Summary, results: str) -> Iterator[str]:
    yield f"{summary.batch}: {_headline(summary)}"
    yield f"  jobs      {_counts(summary)}"
    yield f"  credits   {_credits(summary)}"
    if not summary.nothing_to_do:
        yield f"  bytes     {_bytes(summary)}"
        yield f"  requests  {_requests(summary)}"
    for reason in summary.reasons:
        yield f"  stopped   {reason}"
    for group in summary.failures:
        yield f"  {group.code}: {_group(group)}"
    yield f"  results   {results}"
    if summary.next:
        yield f"  next      {summary.next}"


def _headline(summary: Summary) -> str:
    jobs = summary.jobs
    if summary.nothing_to_do and summary.exit in (ExitCode.OK, ExitCode.NOTHING_TO_DO):
        return f"nothing to do, all {jobs.total} jobs are done already"
    if summary.nothing_to_do:
        return "nothing to do that a run may do by itself"
    if summary.exit is ExitCode.OK:
        return f"all {jobs.total} jobs done in {summary.elapsed_seconds:.1f} s"
    finished = jobs.done + jobs.skipped
    return f"{finished} of {jobs.total} jobs done in {summary.elapsed_seconds:.1f} s"


def _counts(summary: Summary) -> str:
    jobs = summary.jobs
    named = (
        (jobs.done, "done"),
        (jobs.skipped, "done before"),
        (jobs.failed, "failed"),
        (jobs.canceled, "canceled"),
        (jobs.unconfirmed, "unconfirmed"),
        (jobs.in_flight, "in flight"),
        (jobs.pending, "pending"),
    )
    return " · ".join(f"{count:,} {word}" for count, word in named if count) or "none"


def _credits(summary: Summary) -> str:
    credits = summary.credits
    parts = [f"{credits.estimated:,} estimated", f"{credits.charged:,} charged"]
    if credits.refunded:
        parts.append(f"{credits.refunded:,} given back")
    if credits.balance is not None:
        parts.append(f"balance {credits.balance:,}")
    return " · ".join(parts)


def _bytes(summary: Summary) -> str:
    moved = summary.bytes
    saved = f" ({decimal(moved.upload_saved)} saved by sharing)" if moved.upload_saved else ""
    return f"{decimal(moved.uploaded)} up{saved} · {decimal(moved.downloaded)} down"


def _requests(summary: Summary) -> str:
    return " · ".join(f"{count:,} {name}" for name, count in summary.requests.items())


def _group(group: FailureGroup) -> str:
    named = ", ".join(group.jobs[:_JOBS_NAMED])
    more = f" and {group.count - _JOBS_NAMED} more" if group.count > _JOBS_NAMED else ""
    noun = "job" if group.count == 1 else "jobs"
    return f"{group.count} {noun} ({named}{more}): {group.message}"
