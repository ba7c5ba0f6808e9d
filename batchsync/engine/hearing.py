"""What the service says by itself: renders that have ended, and projects that nobody knows yet.

Nothing here is relied on. An event only makes a look come sooner; where none come, looks come as
if there were no events at all.
"""

from collections import OrderedDict

from batchsync.api.wire import Project
from batchsync.engine.adoption import Adoption
from batchsync.engine.case import Case
from batchsync.engine.poller import Poller

# A render may have ended before the answer to its create call was recorded: so many are kept.
_MOST_KEPT = 2_000
# How much the latest render counts in the share of ends that events have told of, and the share
# from which on looks may be rare: one event that was missed is forgiven, two in a row are not.
_WEIGHT = 0.5
_TRUSTED = 0.5


class Hearing:
    """Hands events on to the poller and to the adoption of unconfirmed submissions."""

    def __init__(self, poller: Poller[Case], adoption: Adoption) -> None:
        self._poller = poller
        self._adoption = adoption
        self._jobs: dict[str, str] = {}
        self._told: set[str] = set()
        # By project id, whether it has ended.
        self._early: OrderedDict[str, bool] = OrderedDict()
        self._share: float | None = None

    def heard(self, project: Project, ended: bool) -> None:
        """An event has come; `ended` says whether the render has."""
        job = self._jobs.get(project.id)
        if job is not None:
            self._take(job, ended)
            return
        self._early[project.id] = ended or self._early.get(project.id, False)
        if len(self._early) > _MOST_KEPT:
            self._early.popitem(last=False)
        self._adoption.heard(project)

    def watched(self, case: Case) -> None:
        """A render is waited for; it may have ended already."""
        self._jobs[case.project] = case.id
        if (ended := self._early.pop(case.project, None)) is not None:
            self._take(case.id, ended)

    def _take(self, job: str, ended: bool) -> None:
        if self._share is None:
            # Events about our own renders do come: that is all that can be known so far.
            self._trust(1.0)
        if ended and self._poller.hint(job):
            self._told.add(job)

    def rendered(self, case: Case) -> None:
        """A render was seen to have ended: by an event, or by a look that had to find it."""
        told = case.id in self._told
        share = self._share or 0.0
        self._trust(share + _WEIGHT * (told - share))

    def _trust(self, share: float) -> None:
        self._share = share
        self._poller.relaxed = share >= _TRUSTED
