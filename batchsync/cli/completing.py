"""What the shell is offered on TAB. Nothing in here may fail aloud: it would garble the prompt."""

import contextlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import typer

# A batch of thousands has more ids than anybody reads.
_MOST = 200
_SUFFIXES = (".yaml", ".yml")


def manifests(incomplete: str) -> list[str]:
    """YAML files, and the folders on the way to them."""
    found = sorted(_entries(incomplete))
    if len(found) == 1 and found[0].endswith("/"):
        # A lone folder would be taken for the answer: what is in it is offered at once.
        return sorted(_entries(found[0])) or found
    return found


def _entries(incomplete: str) -> Iterator[str]:
    folder, _, begin = incomplete.rpartition("/")
    folder += "/" if "/" in incomplete else ""
    with contextlib.suppress(OSError, RuntimeError):
        for entry in Path(folder or ".").expanduser().iterdir():
            hidden = entry.name.startswith(".") and not begin.startswith(".")
            if hidden or not entry.name.startswith(begin):
                continue
            if entry.is_dir():
                yield f"{folder}{entry.name}/"
            elif entry.suffix in _SUFFIXES:
                yield f"{folder}{entry.name}"


def jobs(*states: str) -> Callable[[typer.Context, str], list[tuple[str, str]]]:
    """Offers ids of the ledger's jobs, each with its state; those of `states`, or all."""

    def offer(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
        try:
            manifest = Path(context.params["manifest"])
            given = context.params.get("state")
            ledger = manifest.parent / given if given else _ledger_of(manifest)
            named = context.params.get("jobs") or ()
            return [] if ledger is None else _ids(ledger, incomplete, states, named)
        except Exception:  # a half-typed line is no place for any message
            return []

    return offer


def _ledger_of(manifest: Path) -> Path | None:
    """The ledger that the latest run of a manifest wrote; the manifest itself need not be read."""
    from batchsync.ledger import read_only
    from batchsync.ledger.sqlite import read_latest_run

    usual = manifest.parent / ".batchsync" / f"{manifest.stem}.db"
    for ledger in (usual, *sorted(usual.parent.glob("*.db"))):
        if not ledger.exists():
            continue
        with contextlib.closing(read_only(ledger)) as connection:
            run = read_latest_run(connection)
        if run and Path(run.manifest) == manifest.absolute():
            return ledger
    return None


def _ids(
    ledger: Path, incomplete: str, states: tuple[str, ...], named: tuple[str, ...]
) -> list[tuple[str, str]]:
    from batchsync.ledger import read_only
    from batchsync.ledger.sqlite import read_records

    with contextlib.closing(read_only(ledger)) as connection:
        records = read_records(connection).values()
    fitting = (
        (record.id, record.state.value)
        for record in records
        if record.in_manifest
        and record.id.startswith(incomplete)
        and record.id not in named
        and (not states or record.state in states)
    )
    return list(islice(fitting, _MOST))
