"""What the harnesses share."""

import importlib.util
import sys
from collections.abc import Callable
from typing import NoReturn

# Bytes; a slip in reading shows in small files, and large ones are slow.
_LONGEST_INPUT = 4096


def refuse_without_atheris() -> None:
    """Leave with words where atheris is missing."""
    if importlib.util.find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed: pip install atheris\n")
        sys.exit(2)


def fuzz(one_input: Callable[[bytes], None]) -> NoReturn:
    """Call `one_input` with ever new bytes; what it raises is a finding."""
    import atheris

    limit = f"-max_len={_LONGEST_INPUT}"
    atheris.Setup([sys.argv[0], limit, "-timeout=10", *sys.argv[1:]], one_input)
    atheris.Fuzz()
    sys.exit(0)
