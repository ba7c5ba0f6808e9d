"""Jobs and the credits they cost.

A job is a frozen record; the book alone replaces it, and so is the one place where money moves.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any

from batchsync.sandbox.answers import refuse
from batchsync.sandbox.faults import Fate
from batchsync.sandbox.journal import Journal
from batchsync.sandbox.orders import Order
from batchsync.sandbox.rules import CREDITS_PER_FRAME, ESTIMATE_FPS, JOB_ERRORS

ENDED = frozenset({"complete", "error", "canceled"})


@dataclass(frozen=True, slots=True)
class Rendition:
    """What a render made, and under which name it is kept."""

    file: str
    frames: int
    fps: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Project:
    """One job.

    Attributes:
        id: Its id at the service.
        number: How many were made before it.
        order: What was asked for.
        content: Digest of what is rendered, by the content of the files and not by their paths.
        created_at: When it was made.
        charged: The credits it costs by now.
        fate: How it is bound to end, if not well.
        status: As the API shows it.
        error: The code of its failure.
        rendition: Its output.
        deleted: Whether its owner removed it.
    """

    id: str
    number: int
    order: Order
    content: str
    created_at: float
    charged: int
    fate: Fate | None = None
    status: str = "queued"
    error: str | None = None
    rendition: Rendition | None = None
    deleted: bool = False


class ProjectBook:
    """All jobs, and the account they are paid from."""

    def __init__(self, credits: int, journal: Journal, clock: Callable[[], float]) -> None:
        self._credits = credits
        self._journal = journal
        self._clock = clock
        self._projects: dict[str, Project] = {}
        self.spent = 0
        self.statuses: Counter[str] = Counter()
        self.told: Callable[[Project], None] = lambda _: None

    @property
    def balance(self) -> int:
        """Credits that are left."""
        return self._credits - self.spent

    @property
    def active(self) -> int:
        """How many jobs have not ended."""
        return self.statuses["queued"] + self.statuses["rendering"]

    def __iter__(self) -> Iterator[Project]:
        return iter(self._projects.values())

    def create(self, order: Order, content: str, draw: Callable[[], Fate | None]) -> Project:
        """Make a job and charge its estimate.

        Its fate is drawn only once it can be paid for: a refused job uses up no fault.

        Raises:
            Refusal: 402; the balance does not cover it.
        """
        cost = order.estimate
        if cost > self.balance:
            raise refuse(402, f"Payment required: {cost} credits needed, {self.balance} available")
        project = Project(
            f"sb{token_hex(11)}",
            len(self._projects),
            order,
            content,
            self._clock(),
            cost,
            draw(),
        )
        return self._keep(project)

    def restore(self, record: dict[str, Any]) -> None:
        """Take back a record of an earlier process."""
        parts = dict(record)
        parts["order"] = Order(**parts["order"])
        parts["fate"] = parts["fate"] and Fate(**parts["fate"])
        parts["rendition"] = parts["rendition"] and Rendition(**parts["rendition"])
        self._put(Project(**parts))

    def get(self, project_id: str) -> Project:
        """One job.

        Raises:
            Refusal: 404; there is none, or it was deleted.
        """
        project = self._projects.get(project_id)
        if project is None or project.deleted:
            raise refuse(404, "Not Found")
        return project

    def begin(self, project_id: str) -> None:
        """A render has begun."""
        self._change(project_id, status="rendering")

    def complete(self, project_id: str, rendition: Rendition) -> None:
        """A render ended well: the charge becomes that of the frames it really has."""
        mode = self._projects[project_id].order.mode
        charged = rendition.frames * CREDITS_PER_FRAME[mode]
        self._change(project_id, status="complete", rendition=rendition, charged=charged)

    def fail(self, project_id: str, code: str) -> None:
        """A render failed: everything is given back."""
        self._change(project_id, status="error", error=code, charged=0)

    def cancel(self, project_id: str) -> None:
        """A job was given up: everything is given back."""
        self._change(project_id, status="canceled", charged=0)

    def delete(self, project_id: str) -> None:
        """Remove a job for good; one that has not ended is canceled first."""
        if self.get(project_id).status not in ENDED:
            self.cancel(project_id)
        self._change(project_id, deleted=True)

    def groups(self, key: Callable[[Project], str]) -> list[list[str]]:
        """Ids of jobs that share a key with another job."""
        by_key: defaultdict[str, list[str]] = defaultdict(list)
        for project in self:
            by_key[key(project)].append(project.id)
        return [ids for ids in by_key.values() if len(ids) > 1]

    def _change(self, project_id: str, **changes: Any) -> None:
        before = self._projects[project_id]
        after = self._keep(replace(before, **changes))
        if after.status != before.status:
            self.told(after)

    def _keep(self, project: Project) -> Project:
        self._put(project)
        self._journal.append("project", asdict(project))
        return project

    def _put(self, project: Project) -> None:
        before = self._projects.get(project.id)
        if before is not None:
            self.spent -= before.charged
            self.statuses[before.status] -= 1
        self.spent += project.charged
        self.statuses[project.status] += 1
        self._projects[project.id] = project


def iso(moment: float) -> str:
    """A time as the API writes it."""
    stamp = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return stamp.replace("+00:00", "Z")


def describe(project: Project, downloads: list[dict[str, str]]) -> dict[str, Any]:
    """A job as the API shows it."""
    made = project.rendition
    error = project.error and {"code": project.error, "message": JOB_ERRORS[project.error]}
    return {
        "id": project.id,
        "name": project.order.name or f"Lip Sync - {iso(project.created_at)}",
        "status": project.status,
        "type": "LIP_SYNC",
        "created_at": iso(project.created_at),
        # The service documents -1 for a size that is to be ignored.
        "width": made.width if made else -1,
        "height": made.height if made else -1,
        "enabled": True,
        "start_seconds": project.order.start,
        "end_seconds": project.order.end,
        "credits_charged": project.charged,
        "total_frame_cost": project.charged,
        "fps": made.fps if made else ESTIMATE_FPS,
        "error": error,
        "downloads": downloads,
        "download": downloads[0] if downloads else None,
    }
