"""`batchsync results`."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from batchsync.cli.options import ManifestArgument, OutputDir, Results, State, overrides


class TableFormat(StrEnum):
    """Forms of the results table."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


def results(
    manifest: ManifestArgument,
    *,
    table_format: Annotated[TableFormat, typer.Option("--format", help="Form of the table.")] = (
        TableFormat.CSV
    ),
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Where to; - is stdout.", show_default="beside results.csv"
        ),
    ] = None,
    state: State = None,
    output_dir: OutputDir = None,
    results: Results = None,
) -> None:
    """Write the results table again from the ledger. No network."""
    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.report.table import rows, to_csv, write_whole
    from batchsync.settings import settle
    from batchsync.standing import planned_offline, read_standing

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir, results=results))
    where = places(loaded.path, loaded.name, settings)
    standing = read_standing(where.state)
    target = output or where.results.with_suffix(f".{table_format}")
    to_stdout = str(target) == "-"
    folder = Path.cwd() if to_stdout else target.absolute().parent
    table = rows(planned_offline(loaded, standing), standing.records, standing.costs, folder)
    if table_format is TableFormat.CSV:
        text = to_csv(table)
    elif table_format is TableFormat.JSON:
        text = json.dumps(table, indent=1, ensure_ascii=False) + "\n"
    else:
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table)
    if to_stdout:
        sys.stdout.write(text)
        return
    write_whole(target, text.encode())
    sys.stderr.write(f"{len(table)} rows in {target}\n")
