"""What the sandbox saw, as JSON for people and for tests."""

from typing import Any

from batchsync.sandbox.faults import FaultPlan
from batchsync.sandbox.observer import Observer
from batchsync.sandbox.projects import Project, ProjectBook


def make_report(book: ProjectBook, faults: FaultPlan, observer: Observer) -> dict[str, Any]:
    """Everything at once.

    Jobs, charges and duplicates are those of all processes that used the data directory; requests,
    bytes and faults are those of this one.
    """
    return {
        "jobs": [_job(project) for project in book],
        "creates": sum(1 for _ in book),
        "statuses": {status: count for status, count in book.statuses.items() if count},
        "charges": sum(project.order.estimate for project in book),
        "refunds": sum(project.order.estimate for project in book) - book.spent,
        "spent": book.spent,
        "balance": book.balance,
        "duplicates": book.groups(lambda project: project.order.digest),
        "duplicates_by_content": book.groups(lambda project: project.content),
        "requests": dict(observer.requests),
        "answers": dict(observer.answers),
        "events": dict(observer.events),
        "uploads": observer.uploads,
        "uploaded_bytes": observer.uploaded_bytes,
        "uploads_aborted": observer.uploads_aborted,
        "downloads": observer.downloads,
        "downloaded_bytes": observer.downloaded_bytes,
        "faults": dict(faults.fired),
        "key_at_storage": observer.key_at_storage,
        "most_renders_at_once": observer.rendering.peak,
        "most_requests_at_once": observer.handling.peak,
    }


def _job(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "name": project.order.name,
        "status": project.status,
        "charged": project.charged,
        "estimate": project.order.estimate,
        "frames": project.rendition.frames if project.rendition else None,
        "error": project.error,
        "deleted": project.deleted,
        "digest": project.order.digest,
        "content": project.content,
    }
