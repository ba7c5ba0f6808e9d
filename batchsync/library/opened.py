"""A batch laid open for a program: its jobs, its settings, its places."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self, Unpack

from batchsync.library.connecting import Key
from batchsync.library.jobspec import JobSpec
from batchsync.library.keywords import (
    PLACES,
    BatchKeywords,
    RunKeywords,
    check_names,
    environment,
    settled,
)
from batchsync.library.working import Matter
from batchsync.manifest import Manifest, given, load
from batchsync.run import Options


class Opened:
    """What `Batch.load` and `Batch.from_jobs` make."""

    def __init__(
        self, manifest: Manifest, key: Key, keywords: BatchKeywords, has_manifest: bool
    ) -> None:
        self._manifest = manifest
        self._key = key
        self._keywords = keywords
        self._has_manifest = has_manifest
        # Looked at once: what is changed later must not take a batch to another ledger.
        self._environment = environment()
        # Here, so that a wrong value is said where it is written.
        self._places = self._matter({}).places

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        api_key: str | None = None,
        **settings: Unpack[BatchKeywords],
    ) -> Self:
        """Open a manifest.

        Args:
            path: of the YAML file.
            api_key: the key; MAGIC_HOUR_API_KEY without it. Asked for when there is work to do.
            **settings: as in the manifest's `run:`; they win over it and over the environment.

        Raises:
            ManifestError: with every problem found, each with file, line and column.
            UsageError: a setting is out of range.
            TypeError: there is no such setting.
        """
        check_names("load", settings)
        return cls(load(Path(path)), Key(api_key), settings, True)

    @classmethod
    def from_jobs(
        cls,
        jobs: Iterable[Mapping[str, Any] | JobSpec],
        *,
        name: str,
        folder: str | os.PathLike[str] = ".",
        defaults: Mapping[str, Any] | None = None,
        api_key: str | None = None,
        **settings: Unpack[BatchKeywords],
    ) -> Self:
        """Make a batch of jobs; the same name in the same folder is the same batch again.

        Args:
            jobs: dicts with the fields of a manifest's jobs, or `JobSpec`s.
            name: of the batch; its ledger is `<folder>/.batchsync/<name>.db`.
            folder: relative paths start from it; the working directory by default.
            defaults: fields of every job that does not say otherwise.
            api_key: the key; MAGIC_HOUR_API_KEY without it. Asked for when there is work to do.
            **settings: as in a manifest's `run:`.

        Raises:
            ManifestError: with every problem found, each with the place in the list.
            UsageError: a setting is out of range.
            TypeError: there is no such setting.
        """
        check_names("from_jobs", settings)
        home = Path(os.path.abspath(folder))
        fields = (job.fields() if isinstance(job, JobSpec) else job for job in jobs)
        manifest = given(fields, name=name, folder=home, defaults=defaults)
        return cls(manifest, Key(api_key), settings, False)

    def __repr__(self) -> str:
        jobs = f"{len(self._manifest.jobs)} jobs"
        return f"<{type(self).__name__} {self.name!r}: {jobs}, ledger {self.state}>"

    @property
    def name(self) -> str:
        """Name of the batch."""
        return self._manifest.name

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Ids of all jobs, in order."""
        return tuple(job.id for job in self._manifest.jobs)

    @property
    def state(self) -> Path:
        """The ledger's file."""
        return self._places.state

    @property
    def output_dir(self) -> Path:
        """Where outputs go."""
        return self._places.output_dir

    @property
    def results_path(self) -> Path:
        """The results table that each run writes."""
        return self._places.results

    def _matter(self, settings: RunKeywords) -> Matter:
        merged = settled(self._manifest.run, self._environment, self._keywords, settings)
        return Matter(self._manifest, merged, self._key, self._has_manifest)

    def _options(
        self,
        only: Iterable[str],
        wait: bool,
        download: bool,
        keep_changed: bool,
        resubmit_unconfirmed: bool,
    ) -> Options:
        path = str(self._manifest.path)
        flags = []
        for name in PLACES:
            if value := self._keywords.get(name):
                flags += ["--" + name.replace("_", "-"), str(value)]
        return Options(
            wait=wait,
            fetch=download,
            only=globs(only),
            keep_changed=keep_changed,
            resubmit_unconfirmed=resubmit_unconfirmed,
            command=("batchsync", "run", path, *flags),
            manifest=path,
            flags=tuple(flags),
        )


def globs(only: Iterable[str]) -> tuple[str, ...]:
    """What `only` names."""
    # A text is a list of its letters, too, and nobody means that.
    return (only,) if isinstance(only, str) else tuple(only)
