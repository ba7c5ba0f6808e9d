"""Manifests: YAML with positions, its schema, and its expansion into jobs."""

from batchsync.manifest.batch import Manifest, load
from batchsync.manifest.joblist import given
from batchsync.manifest.schema import json_schema

__all__ = ["Manifest", "given", "json_schema", "load"]
