"""batchsync: lip-sync and dubbing batches on the Magic Hour API."""

__all__ = ["__version__"]

__version__ = "0.1.0"
