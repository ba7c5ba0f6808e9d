"""`batchsync spend`."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli.options import Json, State, overrides
from batchsync.errors import UsageError

if TYPE_CHECKING:
    from batchsync.report.spend import Book, Spending

# Rows of one table on a terminal.
_MOST_ROWS = 40


def spend(
    manifests: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[MANIFEST…]",
            help="Batches to count; without any, those with a ledger in .batchsync/ here.",
        ),
    ] = None,
    *,
    by: Annotated[
        list[str] | None,
        typer.Option(
            "--by", metavar="WHAT", help="Only by batch, run, mode, day, or a tag. Repeatable."
        ),
    ] = None,
    state: State = None,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="One table as csv on stdout.")] = False,
) -> None:
    """Show what was spent: by batch, run, mode, day and tag, from the ledgers alone.

    \b
    estimated   charged at first, at 30 frames a second
    charged     what it came to, with what was given back taken off
    open        estimates of renders that the service has not settled
    actual      charged, as a share of the estimate of what is settled
    """
    from batchsync.report import spend as spending

    if as_json and as_csv:
        raise UsageError("say one of --json and --csv")
    if state and len(manifests or ()) != 1:
        raise UsageError("--state goes with one manifest")
    found = spending.read(_books(manifests or [], state))
    whole = spending.total(found)
    shown = _chosen(found, by)
    if as_json:
        made = spending.as_json(whole, shown)
        sys.stdout.write(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    elif as_csv:
        sys.stdout.write(spending.as_csv(shown))
    else:
        most = _MOST_ROWS if sys.stdout.isatty() else None
        if whole.attempts:
            sys.stdout.writelines(f"{line}\n" for line in spending.as_text(shown, most))
        sys.stdout.write(spending.total_line(whole) + "\n")


def _chosen(found: "Spending", by: list[str] | None) -> "Spending":
    from batchsync.report.spend import only

    if not by:
        return found
    known = [kind.removeprefix("tags.") for kind in found]
    for kind in by:
        if kind not in known and kind not in found:
            raise UsageError(f"--by {kind}: expected one of {', '.join(known)}")
    return only(found, by)


def _books(manifests: list[Path], state: str | None) -> "list[Book]":
    if not manifests:
        return _books_here()
    books = {book.state.resolve(): book for book in (_book(path, state) for path in manifests)}
    return list(books.values())


def _book(path: Path, state: str | None) -> "Book":
    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.report.spend import Book
    from batchsync.settings import settle

    loaded = load(path)
    settings = settle(loaded.run, overrides(state=state))
    where = places(loaded.path, loaded.name, settings)
    return Book(loaded.name, where.state, {job.id: job.tags for job in loaded.jobs})


def _books_here() -> "list[Book]":
    """Every ledger beside the working directory; its manifest gives the tags, if it still loads."""
    from batchsync.report.spend import Book

    ledgers = sorted(Path(".batchsync").glob("*.db"))
    if not ledgers:
        raise UsageError("there is no .batchsync/ with ledgers here; name the manifests")
    return [Book(ledger.stem, ledger, _tags(ledger)) for ledger in ledgers]


def _tags(ledger: Path) -> dict[str, dict[str, str]]:
    from batchsync.errors import ManifestError
    from batchsync.manifest import load
    from batchsync.standing import read_standing

    run = read_standing(ledger).latest_run
    if run is None or not Path(run.manifest).exists():
        return {}
    try:
        return {job.id: dict(job.tags) for job in load(Path(run.manifest)).jobs}
    except ManifestError:
        return {}
