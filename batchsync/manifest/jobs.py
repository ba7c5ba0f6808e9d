"""Drafts become jobs: read one by one, and kept from colliding."""

from collections.abc import Mapping

from batchsync.manifest.drafts import Draft, merged
from batchsync.manifest.fields import FieldReader
from batchsync.manifest.findings import Findings, shown
from batchsync.manifest.names import folded
from batchsync.manifest.nodes import Node, Scalar
from batchsync.manifest.reading import Reading
from batchsync.manifest.scope import Scope, Surroundings
from batchsync.model import Job

# More is a mistake in a matrix far more often than a batch; each job costs about 3 kB here.
JOB_LIMIT = 200_000

_DEFAULT_OUTPUT = "${{ job.id }}.mp4"


class Jobs:
    """All jobs of a batch, in order; ids and outputs are unique even where case is ignored."""

    def __init__(self, findings: Findings, around: Surroundings, defaults: Draft) -> None:
        self.read: list[Job] = []
        self.count = 0
        self._findings = findings
        self._around = around
        self._defaults = defaults
        self._fields = FieldReader()
        self._ids: dict[str, tuple[str, int]] = {}
        self._outputs: dict[str, Job] = {}
        self._folders: dict[str, Job] = {}

    def add(self, draft: Draft, mark: int, matrix: Mapping[str, Node] | None = None) -> None:
        """Read a job that stands at `mark`; what is wrong with it goes to the findings.

        Raises:
            ManifestError: there are too many jobs.
        """
        self.make_room(1, mark)
        fields = merged(self._defaults, draft)
        if "output" not in fields:
            fields["output"] = Scalar(_DEFAULT_OUTPUT, False, mark)
        scope = Scope(self._around, fields, matrix)
        reading = Reading(self._findings, self._fields, fields, scope, mark)
        job = reading.job(self.count)
        self.count += 1
        if reading.id:
            self._claim_id(reading.id, fields["id"].mark)
        if job is not None:
            self._claim_output(job, fields["output"].mark)
            self.read.append(job)

    def make_room(self, more: int, mark: int) -> None:
        """See that some more jobs are within the limit.

        Raises:
            ManifestError: they are not.
        """
        if self.count + more > JOB_LIMIT:
            self._findings.add(
                mark,
                f"the batch comes to more than {JOB_LIMIT:,} jobs",
                "split it into several manifests",
            )
            raise self._findings.error()

    def _claim_id(self, name: str, mark: int) -> None:
        known = self._ids.get(folded(name))
        if known is None:
            self._ids[folded(name)] = (name, mark)
            return
        other, first = known
        if first == mark:
            hint = "give each job of a matrix its own, with ${{ matrix.… }} in it"
        else:
            hint = f"choose another; the first is at {self._findings.places.where(first)}"
        same = "" if other == name else f" differs from {shown(other)} only in upper and lower case"
        found = f"the id {shown(name)}{same or ' is given to two jobs'}"
        self._findings.add(mark, found, hint, "id", name)

    def _claim_output(self, job: Job, mark: int) -> None:
        path = folded(job.output)
        other = self._outputs.setdefault(path, job)
        if other is not job:
            # Jobs of one id share their default output too: one problem is enough.
            if folded(other.id) != folded(job.id):
                self._refuse_output(job, mark, "is also the output", other)
            return
        for folder in _folders(path) if "/" in path else ():
            self._folders.setdefault(folder, job)
            if above := self._outputs.get(folder):
                self._refuse_output(job, mark, "needs a folder that is the output", above)
        if below := self._folders.get(path):
            self._refuse_output(job, mark, "is a folder in the output", below)

    def _refuse_output(self, job: Job, mark: int, what: str, other: Job) -> None:
        self._findings.add(
            mark,
            f"{shown(job.output)} {what} of job {other.id} ({other.where})",
            "give each job an output of its own, for instance with ${{ job.id }} in it",
            "output",
            job.id,
        )


def _folders(path: str) -> list[str]:
    return [path[:at] for at, character in enumerate(path) if character == "/"]
