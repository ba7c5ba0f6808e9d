"""`batchsync schema`."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def schema(
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Write it there.", show_default="stdout"
        ),
    ] = None,
) -> None:
    """Print the JSON Schema of manifests (draft 7), for editors that complete and check.

    \b
    An editor with yaml-language-server finds it by the manifest's first line:
      # yaml-language-server: $schema=./batchsync.schema.json
    """
    from batchsync.report.table import write_whole

    text = schema_text()
    if output is None:
        sys.stdout.write(text)
    else:
        write_whole(output, text.encode())


def schema_text() -> str:
    """The schema, as it is written to files."""
    from batchsync.manifest import json_schema

    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"
