"""A batch on disk: its manifest, and what a run leaves behind."""

import csv
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from tests.strict import Strict
from tests.support.media import LANGUAGES, VIDEOS, Media


class Batch:
    """One folder with a manifest in it."""

    def __init__(self, folder: Path, media: Media, name: str = "batch") -> None:
        self.folder = folder
        self.media = media
        self.name = name

    @property
    def manifest(self) -> Path:
        """The manifest's path."""
        return self.folder / f"{self.name}.yaml"

    @property
    def outputs(self) -> Path:
        """Where outputs go."""
        return self.folder / "outputs" / self.name

    @property
    def ledger(self) -> Path:
        """The state file."""
        return self.folder / ".batchsync" / f"{self.name}.db"

    @property
    def results(self) -> Path:
        """The results table."""
        return self.outputs / "results.csv"

    def write(self, jobs: Iterable[Mapping[str, Any]], **rest: Any) -> Path:
        """Write the manifest."""
        content = {"version": 1, "jobs": [dict(job) for job in jobs], **rest}
        self.manifest.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        return self.manifest

    def job(self, video: str = "ann", language: str = "de", **fields: Any) -> dict[str, Any]:
        """One pair of the session's media."""
        return {
            "id": f"{video}-{language}",
            "video": str(self.media.video(video)),
            "audio": str(self.media.audio(video, language)),
            "start_seconds": 0,
            "end_seconds": 2,
            **fields,
        }

    def pairs(self, count: int = 24, **fields: Any) -> list[dict[str, Any]]:
        """The first of 24 pairs: four videos in six languages."""
        every = [self.job(video, language, **fields) for video in VIDEOS for language in LANGUAGES]
        return every[:count]

    def write_pairs(self, count: int = 24, **rest: Any) -> Path:
        """Write a manifest of so many pairs."""
        return self.write(self.pairs(count), **rest)

    def rows(self) -> dict[str, dict[str, str]]:
        """The results table by job."""
        with self.results.open(newline="", encoding="utf-8") as file:
            return {row["job"]: row for row in csv.DictReader(file)}

    def states(self) -> dict[str, str]:
        """The ledger's word on each job."""
        return dict(self.query("SELECT id, state FROM jobs ORDER BY position"))

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the ledger directly."""
        with closing(sqlite3.connect(self.ledger)) as connection:
            return connection.execute(sql, values).fetchall()

    def strays(self) -> list[str]:
        """Files that should not be there when no run is at work."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return [
            str(path.relative_to(self.folder))
            for path in found
            if path.suffix == ".part" or path.name.endswith(("-wal", "-shm", "-journal"))
        ]

    def snapshot(self) -> dict[str, tuple[int, int, int]]:
        """Every file and folder with its size, mtime and inode."""
        return {
            str(path.relative_to(self.folder)): (stat.st_size, stat.st_mtime_ns, stat.st_ino)
            for path in sorted(self.folder.rglob("*"))
            for stat in [path.lstat()]
        }

    def wrong_outputs(self, server: Strict) -> list[str]:
        """Jobs of which the file is not byte for byte what the server made."""
        wrong = []
        for job, row in self.rows().items():
            if row["status"] != "done":
                continue
            data = (self.results.parent / row["output"]).read_bytes()
            right = server.output(row["project_id"])
            if data != right or row["output_sha256"] != hashlib.sha256(data).hexdigest():
                wrong.append(job)
        return wrong
