"""`python -m batchsync`."""

from batchsync.cli import main

if __name__ == "__main__":
    main()
