"""Whether a project is the one that a lost create call made; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batchsync.api.answers import plain_words
from batchsync.api.wire import Project
from batchsync.model import Job
from batchsync.request import tagged

# Seconds by which a project's range may differ from the one asked for: floats travel as JSON.
_RANGE_SLACK = 0.01


@dataclass(frozen=True, slots=True)
class Claim:
    """What an attempt asked for.

    Attributes:
        tag: that the attempt put into the project's name.
        name: of the job, as it stands there before the tag.
        start, end: of the range, in seconds.
    """

    tag: str
    name: str
    start: float
    end: float

    @classmethod
    def of(cls, job: Job, tag: str, parameters: Mapping[str, Any]) -> "Claim":
        """That of an attempt, by the parameters that its create call was made with."""
        return cls(
            tag,
            job.name or job.id,
            float(parameters["start_seconds"]),
            float(parameters["end_seconds"]),
        )

    def proves(self, project: Project) -> bool:
        """Whether the project is this attempt's beyond doubt: name, tag and range are its own."""
        if project.name is None or self.mismatch(project) is not None:
            return False
        # As it comes from the service: one line, without what can't be printed, and cut. Of a very
        # long name the tag is cut off: that is no proof.
        own = plain_words(tagged(self.name, self.tag))
        return project.name == own and own.endswith(self.tag)

    def mismatch(self, project: Project) -> str | None:
        """Why the project can't be this attempt's; None if it may be."""
        for name, asked in (("start", self.start), ("end", self.end)):
            found = project.start_seconds if name == "start" else project.end_seconds
            if found is not None and abs(found - asked) > _RANGE_SLACK:
                return f"its {name} is {found:g} s, not {asked:g} s"
        if project.name and not any(word in project.name for word in (self.tag, self.name)):
            return f"it is named {project.name!r}, and {self.tag} is not in that name"
        return None
