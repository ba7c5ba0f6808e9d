"""`batchsync schema`, as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

BATCHSYNC = str(Path(sys.executable).with_name("batchsync"))


def test_it_prints_the_schema_or_writes_it(tmp_path):
    path = tmp_path / "batchsync.schema.json"
    printed = subprocess.run([BATCHSYNC, "schema"], capture_output=True, check=True).stdout
    subprocess.run([BATCHSYNC, "schema", "-o", path], capture_output=True, check=True)
    assert path.read_bytes() == printed
    assert json.loads(printed)["$schema"] == "http://json-schema.org/draft-07/schema#"
