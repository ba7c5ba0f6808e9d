"""`batchsync results`."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchsync.cli.options import ManifestArgument, OutputDir, Results, State, overrides
from batchsync.errors import UsageError
from batchsync.report.formats import TableFormat

if TYPE_CHECKING:
    from batchsync.manifest import Manifest
    from batchsync.places import Places
    from batchsync.report.table import Table


@dataclass(frozen=True, slots=True)
class _Choice:
    """What is wanted of the table, as it was typed."""

    columns: list[str]
    status: list[str]
    by: list[str]

    @property
    def is_whole(self) -> bool:
        return not (self.columns or self.status or self.by)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a table goes: a file or stdout (None), in a form or as a text for people (None)."""

    path: Path | None
    form: TableFormat | None


def results(
    manifest: ManifestArgument,
    *,
    table_format: Annotated[
        TableFormat | None,
        typer.Option(
            "--format", help="Form of the table.", show_default="the suffix of -o, else csv"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            help="Where to; - is stdout.",
            show_default="the results table's place; stdout for a part of it",
        ),
    ] = None,
    columns: Annotated[
        list[str] | None,
        typer.Option(metavar="NAMES", help="Only these columns, with commas. Repeatable."),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option(metavar="WORDS", help="Only jobs in these states: failed,done,… Repeatable."),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Count jobs and credits by a tag or column. Repeatable."),
    ] = None,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
) -> None:
    """Write the results table again from the ledger, or a part or summary of it. No network.

    \b
    batchsync results batch.yaml                          results.csv again
    batchsync results batch.yaml -o results.xlsx          csv, json, jsonl, parquet or xlsx
    batchsync results batch.yaml --status failed --columns job,error_code
    batchsync results batch.yaml --by lang --by show      counts and credits
    """
    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.report.formats import check
    from batchsync.settings import settle

    choice = _Choice(columns or [], status or [], by or [])
    if choice.by and choice.columns:
        raise UsageError("say one of --by and --columns")
    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir, results=results))
    where = places(loaded.path, loaded.name, settings)
    target = _target(output, table_format, choice, where)
    if target.path is not None:
        _spare(target.path, loaded, where)
    if target.form is not None:
        check(target.form)
    folder = target.path.absolute().parent if target.path else Path.cwd()
    _put(_table(loaded, where, folder, choice), target, loaded.name)


def _target(
    output: Path | None, form: TableFormat | None, choice: _Choice, where: "Places"
) -> _Target:
    from batchsync.report.formats import format_of

    if output is not None and str(output) != "-":
        return _Target(output, form or format_of(output))
    if output is None and choice.is_whole:
        form = form or TableFormat.CSV
        csv = form is TableFormat.CSV
        return _Target(where.results if csv else where.results.with_suffix(f".{form}"), form)
    # A part of the table never takes the place of the whole, unless it is named.
    if form is None and not choice.by:
        form = TableFormat.CSV
    if form and not form.is_text and (output is None or sys.stdout.isatty()):
        raise UsageError(f"{form} is nothing to read here: name a file with -o")
    return _Target(None, form)


def _spare(path: Path, loaded: "Manifest", where: "Places") -> None:
    """Refuse to write over what is needed.

    Raises:
        UsageError: that is the manifest or the ledger.
    """
    for name, needed in (("manifest", loaded.path), ("ledger", where.state)):
        if path.resolve() == needed.resolve():
            raise UsageError(f"-o {path} is the {name}; name another file")


def _table(loaded: "Manifest", where: "Places", folder: Path, choice: _Choice) -> "Table":
    from batchsync.report.pivot import pivot
    from batchsync.report.selection import with_columns, with_status
    from batchsync.report.table import rows, table_of
    from batchsync.standing import planned_offline, read_standing

    standing = read_standing(where.state)
    steps = planned_offline(loaded, standing)
    table = table_of(rows(steps, standing.records, standing.costs, folder, standing.reviews))
    if choice.status:
        table = with_status(table, choice.status)
    if choice.by:
        return pivot(table, choice.by)
    return with_columns(table, choice.columns) if choice.columns else table


def _put(table: "Table", target: _Target, title: str) -> None:
    from batchsync.report.formats import encode
    from batchsync.report.table import write_whole

    content = encode(table, target.form, title) if target.form else _as_text(table)
    if target.path is None:
        # As bytes: what a console's encoding lacks must not stop a table on its way to a file.
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_whole(target.path, content)
    noun = "row" if len(table.rows) == 1 else "rows"
    sys.stderr.write(f"{len(table.rows):,} {noun} in {target.path}\n")


def _as_text(table: "Table") -> bytes:
    from batchsync.cli.paper import Paper
    from batchsync.report.pivot import as_rich

    if not table.rows:
        return b"no jobs\n"
    paper = Paper()
    paper.write(as_rich(table))
    return paper.text.encode()
