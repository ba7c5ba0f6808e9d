"""What came of one render: an answer where the service gave one, else the error that says why."""

from batchsync import errors
from batchsync.api.wire import Project
from batchsync.errors import (
    BatchsyncError,
    ExitCode,
    Incomplete,
    PaymentRequired,
    RemoteError,
    SourceUnfit,
    Unauthorized,
    Unconfirmed,
)
from batchsync.ledger.protocol import JobRecord
from batchsync.library.rendered import Generated, OutputUrl, RenderError
from batchsync.model import Failure, JobState, Stage
from batchsync.report.summary import Summary
from batchsync.report.table import iso

# The word in a record -> the error that it came from.
_BY_CODE = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, BatchsyncError)
}
_AGAIN = "call again with the same arguments to go on; nothing is bought twice"


def is_shown(record: JobRecord, wait: bool, download: bool) -> bool:
    """Whether a record is what was asked for, so that it is an answer and no error."""
    if record.attempt is None or record.attempt.project_id is None:
        return False
    match record.state:
        case JobState.DONE | JobState.CANCELED:
            return True
        case JobState.FAILED:
            # Only the service's own word is an answer; what went wrong here is an error.
            return record.failure is not None and record.failure.stage is Stage.POLL
        case JobState.RENDERED:
            return not (wait and download)
        case JobState.SUBMITTED:
            return not wait
    return False


_STATUS = {
    JobState.DONE: "complete",
    JobState.RENDERED: "complete",
    JobState.FAILED: "error",
    JobState.CANCELED: "canceled",
    JobState.SUBMITTED: "queued",
}


def shown(
    record: JobRecord,
    credits_held: int,
    project: Project | None,
    paths: list[str] | None,
) -> Generated:
    """The render as the service shows it, or where it could not be asked, as the ledger does.

    Args:
        record: one that `is_shown`.
        credits_held: charged, or estimated as long as the service has not settled.
        project: the service's own word.
        paths: of what was downloaded.
    """
    attempt, failure = record.attempt, record.failure
    if attempt is None or attempt.project_id is None:
        raise AssertionError("nothing was made that could be shown")
    status = _STATUS[record.state]
    if project is not None and record.state is JobState.SUBMITTED:
        status = project.status
    charged = project.credits_charged if project else None
    return Generated(
        id=attempt.project_id,
        status=status,
        credits_charged=credits_held if charged is None else charged,
        downloads=tuple(OutputUrl(each.url) for each in project.downloads) if project else (),
        downloaded_paths=paths,
        error=RenderError(failure.code, failure.message) if failure and status == "error" else None,
        name=project.name if project else None,
        created_at=iso(attempt.submitted_at),
        fps=attempt.fps,
        width=attempt.width,
        height=attempt.height,
        start_seconds=float(attempt.parameters["start_seconds"]),
        end_seconds=float(attempt.parameters["end_seconds"]),
    )


def failure_in(record: JobRecord | None, summary: Summary) -> BatchsyncError:
    """The error that says why there is nothing to show."""
    failure = record.failure if record else None
    if record is not None and record.state is JobState.UNCONFIRMED:
        return _unconfirmed(record, failure)
    if failure is None or summary.exit in (ExitCode.INTERRUPTED, ExitCode.TERMINATED):
        return _by_exit(summary)
    kind = _BY_CODE.get(failure.code, Incomplete)
    if failure.stage in (Stage.PREFLIGHT, Stage.UPLOAD) and kind is Incomplete:
        return SourceUnfit(failure.message, failure.code)
    if kind.retryable or kind is Incomplete:
        return Incomplete(f"{failure.stage}: {failure.message}; {_AGAIN}")
    if issubclass(kind, RemoteError):
        return kind(failure.message)
    return kind(f"{failure.message}; {_AGAIN}")


def _unconfirmed(record: JobRecord, failure: Failure | None) -> Unconfirmed:
    attempt = record.attempt
    mark = f"look for {attempt.tag} in the names of the vendor's library; " if attempt else ""
    why = failure.message if failure else "the answer was lost"
    return Unconfirmed(
        f"nobody knows whether the render was bought: {why}; {mark}"
        "then call again with adopt=PROJECT_ID, or if it is not there, resubmit_unconfirmed=True"
    )


def _by_exit(summary: Summary) -> BatchsyncError:
    reason = "; ".join(summary.reasons) or "it is not there yet"
    if summary.exit is ExitCode.DENIED:
        return Unauthorized(reason)
    if summary.exit is ExitCode.OUT_OF_CREDITS:
        return PaymentRequired(reason)
    return Incomplete(f"{reason}; {_AGAIN}")
