"""The garbage collector, at rest while many objects are made."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_resting() -> Iterator[None]:
    """Do without cycle collection for a while, then leave what was made out of it for good.

    Millions of new objects and not one cycle among them: the collector would walk them all again
    and again, a quarter of the time of a large batch, and find nothing.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.enable()
