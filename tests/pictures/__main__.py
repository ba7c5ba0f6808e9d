"""`python -m tests.pictures [FOLDER]`: make every surface's pictures anew."""

import importlib
import pkgutil
import sys
from pathlib import Path

import tests.pictures

_FOLDER = Path(__file__).parents[2] / "docs" / "images"


def main() -> None:
    """Call `main(folder)` of each module beside this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for module in pkgutil.iter_modules(tests.pictures.__path__):
        if module.name.startswith("_"):
            continue
        print(f"{module.name} …")
        importlib.import_module(f"tests.pictures.{module.name}").main(folder)
    print(f"pictures are in {folder}")


if __name__ == "__main__":
    main()
