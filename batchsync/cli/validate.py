"""`batchsync validate`."""

import sys

from batchsync.cli.options import ManifestArgument, Only, OutputDir, State, overrides
from batchsync.errors import ManifestError


def validate(
    manifest: ManifestArgument,
    *,
    only: Only = None,
    state: State = None,
    output_dir: OutputDir = None,
) -> None:
    """Check the manifest and its media files. No network, nothing is written."""
    import asyncio

    from batchsync.manifest import load
    from batchsync.places import places
    from batchsync.settings import settle
    from batchsync.standing import Prospect, Standing, look_ahead, read_standing

    loaded = load(manifest)
    settings = settle(loaded.run, overrides(state=state, output_dir=output_dir))
    where = places(loaded.path, loaded.name, settings)
    # Every job is checked, also those done: only what is known of the files is taken over.
    known = Standing(files=read_standing(where.state).files)

    async def look() -> None:
        found.append(await look_ahead(loaded, where, known, only=tuple(only or ())))

    # Not returned: when a run of asyncio ends, Python 3.11 spells out its result (the signal
    # module puts the task into an error message), which takes 5 s for 100,000 jobs.
    found: list[Prospect] = []
    asyncio.run(look())
    prospect = found[0]
    for warning in (*loaded.warnings, *prospect.plan.warnings):
        sys.stderr.write(f"warning: {warning}\n")
    if prospect.plan.problems:
        raise ManifestError(prospect.plan.problems)
    jobs = len(prospect.plan.steps)
    noun = "job" if jobs == 1 else "jobs"
    sys.stdout.write(f"{manifest}: {jobs} {noun}, no problem found\n")
