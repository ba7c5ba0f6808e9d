"""From the files' nodes to jobs: defaults, the list of jobs with their matrices, tables."""

from batchsync.manifest.drafts import Draft, Drafter, merged
from batchsync.manifest.fields import RULES, judged
from batchsync.manifest.findings import Findings, Unfit
from batchsync.manifest.includes import beside, resolved_path
from batchsync.manifest.jobs import Jobs
from batchsync.manifest.lists import block_in, maps_in, scalars_in
from batchsync.manifest.matrix import Matrix
from batchsync.manifest.nodes import SPOILED, MapNode, Node, Scalar
from batchsync.manifest.scope import Scope, Surroundings
from batchsync.manifest.tables import Table


def defaults_of(roots: list[MapNode], findings: Findings) -> Draft:
    """The defaults of all files as one draft; later files win."""
    drafter = Drafter(findings, without="id")
    draft: Draft = {}
    for root in roots:
        if node := block_in(root, "defaults", findings):
            draft = merged(draft, drafter.draft(node))
    _check(draft, findings)
    return draft


def _check(defaults: Draft, findings: Findings) -> None:
    # What can be judged without a job is, so that it is said once and of no job.
    for field, node in defaults.items():
        if field in RULES and "$" not in node.text and node is not SPOILED:
            try:
                judged(field, node)
            except Unfit as unfit:
                findings.add_unfit(node.mark, unfit, field)


class Expansion:
    """Turns what the files say into jobs."""

    def __init__(self, findings: Findings, around: Surroundings, defaults: Draft) -> None:
        self.jobs = Jobs(findings, around, defaults)
        self._findings = findings
        self._around = around
        self._defaults = defaults
        self._drafter = Drafter(findings, extra=("matrix",))
        self._override_drafter = Drafter(findings)

    def add_list(self, node: Node | None) -> None:
        """Add the jobs of a `jobs:` list."""
        for item in maps_in(node, self._findings, "jobs"):
            draft = self._drafter.draft(item, _id_in(item))
            if "matrix" not in item.entries:
                self.jobs.add(draft, item.mark)
            elif block := block_in(item, "matrix", self._findings):
                self._add_matrix(draft, item.mark, block)

    def add_tables(self, node: Node | None) -> None:
        """Add the jobs of the tables in `jobs_from:`."""
        scope = Scope(self._around)
        for item in scalars_in(node, self._findings, "jobs_from"):
            named = resolved_path(item, scope, self._findings, "jobs_from")
            if named is None:
                continue
            place = self._findings.places.place(item.mark)
            path, name = place.path.parent / named, beside(place.shown, named)
            table = Table(path, name, self._findings, item.mark, self._defaults)
            for mark, draft in table.drafts():
                self.jobs.add(draft, mark)

    def _add_matrix(self, draft: Draft, mark: int, block: MapNode) -> None:
        matrix = Matrix(block, self._findings, Scope(self._around))
        self.jobs.make_room(matrix.size, block.mark)
        for combination in matrix.combinations():
            fields = draft
            for override in combination.overrides:
                fields = merged(fields, self._override_drafter.draft(override))
            self.jobs.add(fields, mark, combination.values)


def _id_in(item: MapNode) -> str | None:
    node = item.entries.get("id")
    return node.text if isinstance(node, Scalar) else None
