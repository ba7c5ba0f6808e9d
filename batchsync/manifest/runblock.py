"""The `run:` block: the names and ranges of `settings.RunSettings`, with positions."""

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from batchsync.manifest.findings import Findings, Unfit, shown
from batchsync.manifest.keys import is_own, refuse_key
from batchsync.manifest.lists import block_in
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar, described
from batchsync.manifest.scalars import resolve
from batchsync.manifest.scope import Scope
from batchsync.settings import RunSettings

_PATHS = frozenset({"state", "output_dir", "results", "metrics_file"})
_LISTS = frozenset({"notify"})
_DURATION = "expected seconds, or a duration such as 90s, 45m or 2h"
_RATE = "expected bytes per second such as 500K, 20M or 1G, or 0 for no limit"
_EXPECTED = {
    "base_url": "expected an https:// URL such as https://api.magichour.ai",
    "max_in_flight": "expected auto, or a whole number from 1 to 1000",
    "order": "expected longest or manifest",
    "uploads": "expected a whole number from 1 to 1000",
    "downloads": "expected a whole number from 1 to 1000",
    "limit_upload": _RATE,
    "limit_download": _RATE,
    "poll_min": _DURATION,
    "poll_max": _DURATION,
    "poll_timeout": _DURATION,
    "webhook": "expected HOST:PORT such as 127.0.0.1:8780",
    "webhook_path": "expected a path such as /events",
    "max_credits": "expected a whole number of credits, from 0 on",
    "max_duration": _DURATION,
    "halt": "expected now,fail=N or soon,fail=N or soon,fail=N%, such as soon,fail=10%",
    "keep_going": "expected true or false",
    "lock_wait": _DURATION,
    "name_tag": "expected true or false",
    "notify": 'expected a list of URLs such as ["mailto://…"]',
    "notify_on": "expected failure, success or always",
}


def run_settings(roots: list[MapNode], findings: Findings, scope: Scope) -> Mapping[str, Any]:
    """What the user set, each value judged; later files win."""
    settings: dict[str, Any] = {}
    for root in roots:
        if node := block_in(root, "run", findings):
            settings |= _block(node, findings, scope)
    return settings


def _block(block: MapNode, findings: Findings, scope: Scope) -> dict[str, Any]:
    known = list(RunSettings.model_fields)
    settings = {}
    for key, node in block.entries.items():
        if is_own(key):
            continue
        if key not in known:
            refuse_key(findings, block.key_marks[key], key, known)
            continue
        try:
            settings[key] = _value(key, node, findings, scope)
        except Unfit as unfit:
            findings.add_unfit(node.mark, unfit, f"run.{key}")
    return settings


def _value(key: str, node: Node, findings: Findings, scope: Scope) -> Any:
    if key in _LISTS:
        return _texts(key, node, scope)
    if not isinstance(node, Scalar):
        raise Unfit(described(node), _EXPECTED.get(key, "expected a single value"))
    node = scope.expand(node)
    value = resolve(node.text, node.plain)
    found = f"found {shown(node.text)}" if node.text else "it is empty"
    if isinstance(value, bool) and not _is_switch(key):
        raise Unfit(found, _EXPECTED.get(key, "expected no true or false"))
    if key in _PATHS and value is not None:
        value = node.text
        folder = findings.places.folder(node.mark)
        if folder != findings.places.folder(0):
            value = str(Path(folder, value))  # paths belong to the file that says them
    try:
        RunSettings.model_validate({key: value})
    except ValidationError as error:
        raise Unfit(found, _EXPECTED.get(key, error.errors()[0]["msg"])) from None
    return value


def _texts(key: str, node: Node, scope: Scope) -> tuple[str, ...]:
    items = node.items if isinstance(node, ListNode) else [node]
    texts = []
    for item in items:
        if not isinstance(item, Scalar) or not item.text:
            raise Unfit(described(item), _EXPECTED[key], item.mark)
        texts.append(scope.expand(item).text)
    # `${NOTICE_URL:-}` is nobody to tell where the variable is not set.
    return tuple(text for text in texts if text)


def _is_switch(key: str) -> bool:
    annotation = RunSettings.model_fields[key].annotation
    return annotation is bool or (
        isinstance(annotation, types.UnionType) and bool in get_args(annotation)
    )
