"""`batchsync config`."""

import sys

from batchsync.cli.options import Json, ManifestArgument


def config(manifest: ManifestArgument, *, as_json: Json = False) -> None:
    """Print the manifest fully expanded: every job with every field, and nothing to look up.

    \b
    What comes out is a manifest itself. Its paths are relative to the folder of the original;
    saved there, it means the same jobs.
    Values that came from the environment by ${NAME} stand in it as they are: look at it before
    you pass it on. run.notify is left out, as its URLs hold passwords.
    """
    from batchsync.manifest import load
    from batchsync.manifest.expanded import expanded, to_json, to_yaml

    loaded = load(manifest)
    for warning in loaded.warnings:
        sys.stderr.write(f"warning: {warning}\n")
    whole = expanded(loaded)
    sys.stdout.write(to_json(whole) if as_json else to_yaml(whole))
