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
# How much the latest render counts in the share of ends that events have told of. At one half,
# one event makes looks rare, and one that was missed makes them what they were.
_WEIGHT = 0.5
_TRUSTED = 0.5


class Hearing:
    """Hands events on to the poller and to the adoption of unconfirmed submissions."""

    def __init__(self, poller: Poller[Case], adoption: Adoption) -> None:
        self._poller = poller
        self._adoption = adoption
        self._jobs: dict[str, str] = {}
        self._told: set[str] = set()
        self._early: OrderedDict[str, None] = OrderedDict()
        self._share = 0.0

    def heard(self, project: Project, ended: bool) -> None:
        """An event has come; `ended` says whether the render has."""
        job = self._jobs.get(project.id)
        if job is None:
            if ended:
                self._early[project.id] = None
                if len(self._early) > _MOST_KEPT:
                    self._early.popitem(last=False)
            self._adoption.heard(project)
        elif ended and self._poller.hint(job):
            self._told.add(job)

    def watched(self, case: Case) -> None:
        """A render is waited for; it may have ended already."""
        self._jobs[case.project] = case.id
        if case.project in self._early:
            del self._early[case.project]
            if self._poller.hint(case.id):
                self._told.add(case.id)

    def rendered(self, case: Case) -> None:
        """A render was seen to have ended: by an event, or by a look that had to find it."""
        told = case.id in self._told
        self._share += _WEIGHT * (told - self._share)
        self._poller.relaxed = self._share >= _TRUSTED
