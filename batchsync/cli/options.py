"""Options that several commands share. Flag > environment > manifest > default."""

from pathlib import Path
from typing import Annotated, Any

import typer

from batchsync.cli import completing

ManifestArgument = Annotated[
    Path,
    typer.Argument(
        metavar="MANIFEST",
        help="The YAML file that lists the jobs.",
        autocompletion=completing.manifests,
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="GLOB", help="Only jobs whose id fits, e.g. 'intro-*'. Repeatable."),
]
State = Annotated[
    str | None,
    typer.Option(
        envvar="BATCHSYNC_STATE",
        metavar="PATH",
        help="The ledger.",
        show_default=".batchsync/<name>.db beside the manifest",
    ),
]
OutputDir = Annotated[
    str | None,
    typer.Option(
        envvar="BATCHSYNC_OUTPUT_DIR",
        metavar="DIR",
        help="Where outputs go.",
        show_default="outputs/<name> beside the manifest",
    ),
]
Results = Annotated[
    str | None,
    typer.Option(
        envvar="BATCHSYNC_RESULTS",
        metavar="PATH",
        help="The results table.",
        show_default="results.csv in the output directory",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        envvar=["BATCHSYNC_BASE_URL", "MAGIC_HOUR_BASE_URL"],
        metavar="URL",
        help="The API.",
        show_default="https://api.magichour.ai",
    ),
]
ApiKeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="BATCHSYNC_API_KEY_FILE",
        metavar="PATH",
        help="A file with the key in it, instead of MAGIC_HOUR_API_KEY.",
    ),
]
KeepChanged = Annotated[
    bool,
    typer.Option(
        envvar="BATCHSYNC_KEEP_CHANGED",
        help="Leave finished jobs alone, even if their files or parameters changed since.",
    ),
]
LimitDownload = Annotated[
    str | None,
    typer.Option(
        envvar="BATCHSYNC_LIMIT_DOWNLOAD",
        metavar="RATE",
        help="Bytes per second of all downloads together: 500K, 50M, 1G.",
        show_default="no limit",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")]

_NO_KEY = """no API key: set MAGIC_HOUR_API_KEY, or name a file with --api-key-file
  get a key at https://magichour.ai/developer
  to try batchsync without one, at no cost:
    batchsync sandbox                  (in another terminal)
    export MAGIC_HOUR_BASE_URL=http://localhost:8765"""


def api_key(base_url: str, key_file: Path | None) -> str:
    """The key for an API.

    Raises:
        KeyMissing: none was given, and the API is not on this machine.
        UsageError: the file can't be read, or what is in it is no key.
    """
    from batchsync.credentials import find_key

    return find_key(base_url, None, key_file, _NO_KEY)


def where_flags(
    state: str | None, output_dir: str | None, results: str | None, base_url: str | None
) -> tuple[str, ...]:
    """The flags that say where things are, for the command to go on with.

    Without them, that command would open another ledger, and buy what was bought already. What
    the environment says needs no repeating.
    """
    import os

    named = {
        "--state": (state, "BATCHSYNC_STATE"),
        "--output-dir": (output_dir, "BATCHSYNC_OUTPUT_DIR"),
        "--results": (results, "BATCHSYNC_RESULTS"),
        "--base-url": (base_url, "BATCHSYNC_BASE_URL", "MAGIC_HOUR_BASE_URL"),
    }
    words: list[str] = []
    for flag, (value, *variables) in named.items():
        if value and value not in [os.environ.get(str(name)) for name in variables]:
            words += [flag, value]
    return tuple(words)


def overrides(**values: Any) -> dict[str, Any]:
    """What flags and environment said; numbers arrive as text, and are checked with the rest."""
    return {name: value for name, value in values.items() if value is not None}
