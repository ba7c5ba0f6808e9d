"""A whole manifest: read, expanded, judged."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from batchsync.collector import collector_resting
from batchsync.errors import Problem
from batchsync.manifest.expansion import Expansion, defaults_of
from batchsync.manifest.findings import Findings, Unfit, shown
from batchsync.manifest.includes import Documents
from batchsync.manifest.keys import is_own, refuse_key
from batchsync.manifest.names import fit_name
from batchsync.manifest.nodes import MapNode, Node, Scalar, described
from batchsync.manifest.places import Places
from batchsync.manifest.runblock import run_settings
from batchsync.manifest.scope import Scope, Surroundings
from batchsync.manifest.variables import variables_of
from batchsync.model import Job

_KEYS = ["version", "name", "include", "vars", "defaults", "jobs", "jobs_from", "run"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One batch, as the user wrote it down.

    Attributes:
        path: of the manifest file, absolute.
        name: of the batch; fit for a file name.
        jobs: in the order of the manifest.
        run: what the `run:` block sets, nothing else.
        warnings: what should be changed, but need not.
    """

    path: Path
    name: str
    jobs: tuple[Job, ...]
    run: Mapping[str, Any]
    warnings: tuple[Problem, ...]


def load(path: Path, *, environ: Mapping[str, str] | None = None) -> Manifest:
    """Read a manifest and everything that it is made of.

    Args:
        path: of the manifest; messages name it as given.
        environ: what `${NAME}` sees; the process's environment by default.

    Raises:
        ManifestError: with every problem found.
    """
    with collector_resting():
        return _loaded(path, os.environ if environ is None else environ)


def _loaded(path: Path, environ: Mapping[str, str]) -> Manifest:
    findings = Findings(Places())
    # Not Path.absolute: it keeps "..", and one file would have two names in the ledger.
    absolute = Path(os.path.abspath(path))
    documents = Documents(findings, environ)
    documents.read(absolute, str(path))
    if not documents.complete:
        # Without one of its files, half of what could be said about the rest would be wrong.
        raise findings.error()
    roots = documents.roots
    _check_keys(roots, findings)
    around = Surroundings(environ, variables_of(roots, findings))
    name = _name(roots, absolute, findings, Scope(around))
    run = run_settings(roots, findings, Scope(around))
    expansion = Expansion(findings, around, defaults_of(roots, findings))
    expansion.add_list(_nearest(roots, "jobs"))
    expansion.add_tables(_nearest(roots, "jobs_from"))
    jobs = expansion.jobs.read
    if not jobs and not findings:
        findings.add(
            roots[-1].mark,
            "the manifest has no jobs",
            "add 'jobs:' with a list of jobs, or 'jobs_from:' with a table",
        )
    findings.raise_if_any()
    return Manifest(absolute, name, tuple(jobs), run, findings.warnings)


def _check_keys(roots: list[MapNode], findings: Findings) -> None:
    for root in roots:
        for key in root.entries:
            if key not in _KEYS and not is_own(key):
                refuse_key(findings, root.key_marks[key], key, _KEYS)
        if "version" in root.entries:
            _check_version(root.entries["version"], findings)
    if "version" not in roots[-1].entries:
        findings.add(
            roots[-1].mark,
            "the manifest does not say its version",
            "add the line 'version: 1' at the top",
            "version",
        )


def _check_version(node: Node, findings: Findings) -> None:
    if not isinstance(node, Scalar):
        findings.add(node.mark, described(node), "expected version: 1", "version")
    elif node.text != "1" or not node.plain:
        found = f"found {shown(node.text)}" if node.text else "it is empty"
        findings.add(node.mark, found, "expected version: 1", "version")


def _name(roots: list[MapNode], path: Path, findings: Findings, scope: Scope) -> str:
    node = _nearest(roots, "name")
    text = path.stem
    try:
        if node is None:
            return fit_name(text)
        if not isinstance(node, Scalar):
            raise Unfit(described(node), "expected a name")
        return fit_name(scope.expand(node).text)
    except Unfit as unfit:
        if node is None:
            findings.add(
                0,
                f"the file's name {shown(text)} can't name the batch: {unfit.found}",
                "add a line such as 'name: spring-campaign'",
                "name",
            )
        else:
            findings.add_unfit(node.mark, unfit, "name")
        return text


def _nearest(roots: list[MapNode], key: str) -> Node | None:
    """What the last file that has a key says there."""
    return next((root.entries[key] for root in reversed(roots) if key in root.entries), None)
