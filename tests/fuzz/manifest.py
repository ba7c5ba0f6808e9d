"""`python -m tests.fuzz.manifest [-max_total_time=60]`: manifests and tables of any bytes."""

import shutil
import tempfile
from pathlib import Path

from tests.fuzz.harness import fuzz, refuse_without_atheris

refuse_without_atheris()

import atheris  # noqa: E402 - only once it is known to be there

with atheris.instrument_imports(include=["batchsync"]):
    from batchsync.errors import ManifestError, UsageError
    from batchsync.manifest import load
    from batchsync.settings import settle

_FOLDER = Path(tempfile.mkdtemp(prefix="batchsync-fuzz-"))
_AS_TABLE = b"version: 1\njobs_from: [table.csv]\n"


def one_input(data: bytes) -> None:
    """The last byte says whether the rest is a manifest or a table; so files are good seeds."""
    path, table = _FOLDER / "m.yaml", _FOLDER / "table.csv"
    as_table, data = data[-1:] == b"t", data[:-1]
    path.write_bytes(_AS_TABLE if as_table else data)
    table.write_bytes(data if as_table else b"id,video,audio\na,a.mp4,a.mp3\n")
    try:
        loaded = load(path, environ={"A": "x"})
    except ManifestError as error:
        assert error.problems
        return
    assert loaded.jobs
    try:
        settle(loaded.run, {})
    except UsageError as error:
        assert str(error)


if __name__ == "__main__":
    try:
        fuzz(one_input)
    finally:
        shutil.rmtree(_FOLDER, ignore_errors=True)
