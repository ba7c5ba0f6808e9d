"""Drafts: a job's or the defaults' fields, flat, under our names, not yet judged."""

from batchsync.manifest.findings import Findings
from batchsync.manifest.keys import GROUPS, IGNORED, SPELLINGS, is_own, refuse_key
from batchsync.manifest.nodes import SPOILED, MapNode, Node, Scalar, described, is_empty

# A field's dotted name -> its node. Flat, so that merging maps deep is merging two dicts.
Draft = dict[str, Scalar]

TAG_PREFIX = "tags."


class Drafter:
    """Turns a map of fields into a draft."""

    def __init__(self, findings: Findings, extra: tuple[str, ...] = (), without: str = "") -> None:
        self._findings = findings
        self._extra = extra
        flat = [name for name in SPELLINGS if "." not in name and name != without]
        self._known = [*flat, *GROUPS, *extra]
        self._without = without
        self._spellings = {name: SPELLINGS[name] for name in flat}

    def draft(self, node: MapNode, job: str | None = None) -> Draft:
        """The fields of a map, its groups flattened."""
        draft: Draft = {}
        for key, value in node.entries.items():
            field = self._spellings.get(key)
            if field is not None:
                self._take(draft, field, key, node.key_marks[key], value, job)
            elif key in GROUPS:
                self._group(draft, key, value, job)
            elif not is_own(key) and key not in self._extra:
                self._refuse(draft, key, node.key_marks[key], job)
        if "video" in draft and "youtube_url" in draft:
            self._findings.add(
                max(draft["video"].mark, draft["youtube_url"].mark),
                "video and youtube_url are both given",
                "keep one of the two",
                "youtube_url",
                job,
            )
        return draft

    def _refuse(self, draft: Draft, key: str, mark: int, job: str | None) -> None:
        if key == self._without:
            self._findings.add(
                mark, f"{key} stands in the defaults", f"give each job its own {key}"
            )
            return
        meant = refuse_key(self._findings, mark, key, self._known, job)
        if meant in self._spellings:
            # What was meant is not missing as well.
            draft.setdefault(self._spellings[meant], SPOILED)

    def _group(self, draft: Draft, group: str, node: Node, job: str | None) -> None:
        if not isinstance(node, MapNode):
            if not is_empty(node):
                self._findings.add(
                    node.mark, described(node), f"expected {_EXAMPLES[group]}", group, job
                )
            return
        for key, value in node.entries.items():
            name = f"{group}.{key}"
            mark = node.key_marks[key]
            if group == "tags":
                self._take(draft, name, name, mark, value, job)
            elif name in SPELLINGS:
                self._take(draft, SPELLINGS[name], name, mark, value, job)
            elif not is_own(key):
                prefix = group + "."
                known = [n.removeprefix(prefix) for n in SPELLINGS if n.startswith(prefix)]
                refuse_key(self._findings, mark, key, known, job)

    def _take(
        self, draft: Draft, field: str, spelt: str, key_mark: int, node: Node, job: str | None
    ) -> None:
        if field in IGNORED:
            warn_ignored(self._findings, key_mark, spelt)
            return
        if not isinstance(node, Scalar):
            self._findings.add(node.mark, described(node), "expected a single value", spelt, job)
            draft[field] = SPOILED
            return
        if spelt != field:
            self._findings.spelling[node.mark] = spelt
        if draft.get(field, SPOILED) is not SPOILED:
            other = self._findings.spelling.get(draft[field].mark, field)
            self._findings.add(
                key_mark,
                f"{other} and {spelt} are both given",
                "they mean the same; keep one of the two",
                spelt,
                job,
            )
        draft[field] = node


_EXAMPLES = {
    "style": "a map such as {generation_mode: pro}",
    "assets": "a map such as {audio_file_path: …}",
    "tags": "a map such as {lang: es}",
}


def warn_ignored(findings: Findings, mark: int, field: str) -> None:
    """Warn, once a batch, about a field that the service no longer heeds."""
    findings.warn(
        "size", mark, "width and height are deprecated", "they have no effect; remove them", field
    )


def merged(base: Draft, over: Draft) -> Draft:
    """Two drafts as one; `over` wins field by field."""
    both = {**base, **over}
    # The two spellings of a video are one field: the nearer one counts.
    if "video" in over:
        both.pop("youtube_url", None)
    elif "youtube_url" in over:
        both.pop("video", None)
    return both
