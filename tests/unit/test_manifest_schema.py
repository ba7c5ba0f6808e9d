"""The JSON Schema and `load` know the same keys, and agree where a schema can judge."""

import jsonschema
import pytest
import yaml

from batchsync.manifest import json_schema
from batchsync.manifest.keys import GROUPS, SPELLINGS
from batchsync.settings import RunSettings

GOOD = """
version: 1
name: spring
include: [shared.yaml]
vars: {media: "${MEDIA_ROOT:-media}"}
defaults: {start_seconds: 0, end_seconds: auto, max_fps_limit: 25, style: {generation_mode: lite}}
x-own: 1
jobs:
  - {id: a, video: a.mp4, audio: a.mp3, end_seconds: "1:30", tags: {lang: es, n: 1}, x-own: 1}
  - id: "b-${{ matrix.lang }}"
    matrix: {lang: [es], include: [{lang: ja, style: {generation_mode: pro}}]}
    video: b.mp4
    audio: b.mp3
    end_seconds: "${{ matrix.end }}"
jobs_from: [pairs.csv]
run: {max_in_flight: auto, uploads: 4, max_duration: 2h, max_credits: 50000, x-own: 1}
"""


def errors(text: str) -> list[str]:
    validator = jsonschema.Draft202012Validator(json_schema())
    return [error.message for error in validator.iter_errors(yaml.safe_load(text))]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json_schema())


def test_a_good_manifest_passes():
    assert errors(GOOD) == []


@pytest.mark.parametrize(
    "text",
    [
        "version: 2",
        "jobs: []",
        "version: 1\nzzz: 1",
        "version: 1\njobs: [{video: a.mp4}]",
        "version: 1\njobs: [{id: a, end_seconds: soon}]",
        "version: 1\njobs: [{id: a, style: {generation_mode: best}}]",
        "version: 1\ndefaults: {id: a}",
        "version: 1\nrun: {upload: 1}",
        "version: 1\nrun: {uploads: 0}",
    ],
)
def test_a_bad_manifest_does_not(text):
    assert errors(text)


def test_the_schema_knows_the_keys_that_load_knows():
    schema = json_schema()
    job = schema["$defs"]["_Job"]["properties"]
    flat = {name for name in SPELLINGS if "." not in name}
    assert set(job) == flat | set(GROUPS) | {"matrix"}
    assert set(schema["$defs"]["_Fields"]["properties"]) == set(job) - {"id", "matrix"}
    assert set(schema["properties"]["run"]["properties"]) == set(RunSettings.model_fields)
