"""One YAML document, composed from the parser's events.

Events instead of PyYAML's own node tree: a fraction of the time and memory, and the depth is
bounded here, so that no nesting can exhaust a stack.
"""

from collections.abc import Iterator

import yaml

from batchsync.manifest.composer import Broken, Composer
from batchsync.manifest.findings import Findings
from batchsync.manifest.nodes import Node
from batchsync.manifest.places import mark
from batchsync.manifest.syntax import explained

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str, base: int, findings: Findings) -> Node | None:
    """The root node of a document, or None where there is none.

    Args:
        text: the whole file.
        base: mark of its first character.
        findings: takes every mistake in the YAML itself.

    Raises:
        Broken: the YAML can't be read; the findings say why.
    """
    composer = Composer(base, findings)
    try:
        for event in _events(text):
            composer.feed(event)
    except yaml.YAMLError as error:
        line, column, found, expected = explained(error, text)
        findings.add(mark(base, line, column), found, expected)
        raise Broken from None
    return composer.root


def _events(text: str) -> Iterator[yaml.Event]:
    loader = _LOADER(text)
    try:
        while (event := loader.get_event()) is not None:
            yield event
    finally:
        loader.dispose()
