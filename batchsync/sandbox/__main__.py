"""`python -m batchsync.sandbox`."""

import typer

from batchsync.sandbox.command import sandbox

if __name__ == "__main__":
    typer.run(sandbox)
