"""The schema for editors: draft 7, true to every manifest here, and blind to no structural slip."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from batchsync.cli.schema import schema_text
from batchsync.manifest import json_schema
from batchsync.manifest.document import compose
from batchsync.manifest.findings import Findings
from batchsync.manifest.nodes import ListNode, MapNode, Node, Scalar
from batchsync.manifest.places import Place, Places
from batchsync.manifest.scalars import resolve
from batchsync.settings import RunSettings
from tests.unit.test_manifest_bad import CASES

# Mistakes that stand in the structure of one file, which is all that an editor sees.
STRUCTURAL = """
a list at the top
a single text at the top
no version
a newer version
version that is no number
version true is not one
jobs left empty
jobs as a map
a job that is a text
unknown key at the top
unknown key of a job
unknown key without a likely meaning
generation mode outside style
unknown key in style
style as a text
unknown generation mode
an id in the defaults
a default that is wrong is one problem
everything missing
empty values
outputs that lead elsewhere
outputs that are no mp4
seconds that are none
ends that are none
fps that are none
tags that are none
an audio file as video and the reverse
media without or with a foreign extension
YouTube where it can't be
mistakes in run
run as a list
a batch name that is a list
double braces without dollar
mistakes in a matrix
""".strip().splitlines()


def values(text: str) -> Any:
    """A document as plain values, under YAML 1.2 as `load` and yaml-language-server read it."""
    findings = Findings(Places())
    root = compose(text, findings.places.add(Place(Path("m.yaml"), "m.yaml")), findings)
    assert root is not None
    return _plain(root)


def _plain(node: Node) -> Any:
    if isinstance(node, Scalar):
        return resolve(node.text, node.plain)
    if isinstance(node, ListNode):
        return [_plain(item) for item in node.items]
    assert isinstance(node, MapNode)
    return {key: _plain(value) for key, value in node.entries.items()}


def mistakes(text: str) -> list[str]:
    """What the schema finds in a manifest."""
    validator = jsonschema.Draft7Validator(json_schema())
    return [error.message for error in validator.iter_errors(values(text))]


def test_the_schema_is_draft_7_and_says_so():
    schema = json_schema()
    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


def test_nothing_stands_beside_a_reference_where_draft_7_would_ignore_it():
    def check(node: Any) -> None:
        if isinstance(node, dict):
            assert "$ref" not in node or len(node) == 1
            node = list(node.values())
        if isinstance(node, list):
            for item in node:
                check(item)

    check(json_schema())


@pytest.mark.parametrize("title", STRUCTURAL)
def test_a_bad_structure_is_seen_while_one_types(title):
    manifest = CASES[title].partition("~~~\n")[0].split("@@ ")[0]
    assert mistakes(manifest)


@pytest.mark.parametrize(
    "fields",
    [
        "end_seconds: 1:30",
        "end_seconds: auto",
        'end_seconds: "${{ matrix.end }}"',
        'start_seconds: "0:01:30.5"',
        'max_fps_limit: "25"',
        "max_fps_limit: ~",
        "video: CLIP.MP4",
        "video: HTTPS://youtu.be/x",
        "audio: ${{ video.stem }}.es",
        "output: es/intro.MP4",
        "tags: {season: 1, dub: true, lang: no}",
        "x-mine: {anything: [1]}",
        'matrix: {clip: {glob: "*.mp4"}, lang: [es, {code: fr}], include: [{lang: ja}], x-a: 1}',
    ],
)
def test_what_load_takes_is_not_marked(fields):
    head = "version: 1\njobs:\n  - id: a\n    "
    rest = "".join(
        f"    {name}: a.{ending}\n"
        for name, ending in (("video", "mp4"), ("audio", "mp3"))
        if not fields.startswith(name)
    )
    assert mistakes(f"{head}{fields}\n{rest}") == []


def test_every_setting_of_run_is_explained():
    run = json_schema()["properties"]["run"]["properties"]
    assert {name for name in run if "description" not in run[name]} == set()
    assert set(run) == set(RunSettings.model_fields)


def test_a_number_of_run_is_bounded_and_may_be_a_duration_or_an_expression():
    assert mistakes("version: 1\nrun: {poll_min: -1}")
    assert mistakes("version: 1\nrun: {uploads: many}")
    assert mistakes("version: 1\nrun: {max_duration: 2h, uploads: '${N:-4}'}") == []


def test_the_text_is_json_with_one_line_end():
    text = schema_text()
    assert json.loads(text) == json_schema()
    assert text.endswith("}\n")
