"""The manifests that come with batchsync: each loads, validates, and finds its schema."""

from pathlib import Path

import pytest

from batchsync.cli.schema import schema_text
from batchsync.manifest import load
from batchsync.manifest.expanded import expanded, to_yaml
from batchsync.sandbox.samples import _NARRATIONS, _VIDEOS
from tests.unit.test_schema import mistakes

FOLDER = Path(__file__).parents[2] / "manifests"
MANIFESTS = sorted(path.name for path in FOLDER.glob("*.yaml"))
# They are older than the schema.
LINE = "# yaml-language-server: $schema=./batchsync.schema.json\n"


@pytest.fixture
def folder(tmp_path):
    """The manifests beside media of the right names, which a glob can find."""
    for path in FOLDER.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "media").mkdir()
    for name, *_ in (*_VIDEOS, *_NARRATIONS):
        (tmp_path / "media" / name).touch()
    return tmp_path


def test_the_schema_beside_them_is_the_one_that_the_command_prints():
    """If not: batchsync schema -o manifests/batchsync.schema.json."""
    assert (FOLDER / "batchsync.schema.json").read_text("utf-8") == schema_text()


@pytest.mark.parametrize("name", MANIFESTS)
def test_each_validates_and_loads_and_so_does_its_expansion(name, folder):
    text = (folder / name).read_text("utf-8")
    assert mistakes(text) == []
    manifest = load(folder / name, environ={})
    whole = to_yaml(expanded(manifest))
    assert mistakes(whole) == []
    assert manifest.warnings == ()


@pytest.mark.parametrize("name", sorted(MANIFESTS))
def test_each_tells_editors_where_the_schema_is(name):
    assert (FOLDER / name).read_text("utf-8").startswith(LINE)


@pytest.mark.parametrize("name", MANIFESTS)
def test_each_names_only_media_that_the_demo_makes(name, folder):
    manifest = load(folder / name, environ={})
    local = [source for job in manifest.jobs for _, source in job.sources if source.is_local]
    assert [source.text for source in local if not source.path.exists()] == []
