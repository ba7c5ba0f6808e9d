"""The ledger on SQLite."""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from batchsync.errors import StaleTransition
from batchsync.ledger.file import open_for_reading, open_for_writing
from batchsync.ledger.protocol import (
    ATTEMPT_COLUMNS,
    Attempt,
    Cost,
    FileFacts,
    JobRecord,
    RenderTime,
    RunRecord,
    Transition,
)
from batchsync.ledger.reviews import Review, read_reviews
from batchsync.ledger.writer import Writer
from batchsync.model import LEGAL_TRANSITIONS, Asset, Failure, Job, JobState, Media, Stage


def _named_queries() -> Mapping[str, str]:
    text = (resources.files("batchsync.ledger") / "queries.sql").read_text("utf-8")
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


SQL = _named_queries()

# The two records that a create call waits for: everything else may share a sync with others.
_URGENT = (JobState.SUBMITTING, JobState.SUBMITTED)


class SqliteLedger:
    """A `Ledger` in one SQLite file; WAL mode, every commit synced, one writing thread."""

    def __init__(
        self, connection: sqlite3.Connection, run_id: str, now: Callable[[], float] = time.time
    ) -> None:
        self._writer = Writer(connection)
        self._run_id = run_id
        self._now = now

    @classmethod
    def open(cls, path: Path, run_id: str, now: Callable[[], float] = time.time) -> "SqliteLedger":
        """Open or make the file; blocking.

        Raises:
            LedgerUnusable: it is newer, foreign or damaged.
        """
        return cls(open_for_writing(path), run_id, now)

    async def records(self) -> dict[str, JobRecord]:
        """Every job known, in manifest order."""
        records: dict[str, JobRecord] = await self._writer.do(read_records)
        return records

    async def costs(self) -> dict[str, Cost]:
        """What every job has cost over all its attempts."""
        costs: dict[str, Cost] = await self._writer.do(read_costs)
        return costs

    async def enroll(self, jobs: Sequence[Job]) -> None:
        """Take the manifest's jobs in; those it no longer names stay, marked."""
        ids = [job.id for job in jobs]
        rows = [{"id": job.id, "position": job.position, "at": self._now()} for job in jobs]

        def work(connection: sqlite3.Connection) -> None:
            # A rerun with an unchanged manifest writes nothing.
            if [row[0] for row in connection.execute(SQL["enrolled"])] == ids:
                return
            connection.execute(SQL["strike"])
            connection.executemany(SQL["enroll"], rows)

        await self._writer.do(work)

    async def move(self, transition: Transition) -> None:
        """Record one arrow, synced.

        Raises:
            StaleTransition: the arrow is not legal, or the job stands elsewhere.
            LedgerError: the disk did not take it.
        """
        at = self._now()
        await self._writer.do(
            lambda connection: _move(connection, transition, self._run_id, at),
            urgent=transition.target in _URGENT,
        )

    async def remember_error(self, job: str, failure: Failure) -> None:
        """Note why a job came no further, without moving it."""
        values = {"job": job, "at": self._now(), **_failure_columns(failure)}
        await self._writer.do(
            lambda db: db.execute(SQL["remember_error"], values).rowcount, urgent=False
        )

    async def override(self, job: str, overrides: Mapping[str, Any]) -> None:
        """Remember what `retry --set` said of a job; empty forgets it."""
        row = (json.dumps(overrides) if overrides else None, job)
        await self._writer.do(lambda db: db.execute(SQL["override"], row).rowcount)

    async def owner_of(self, base_url: str, project_id: str) -> tuple[str, int] | None:
        """The job and attempt that a project belongs to, if the ledger knows it."""
        key = (base_url, project_id)
        found = await self._writer.do(lambda db: db.execute(SQL["owner_of"], key).fetchone())
        return (found["job"], found["number"]) if found else None

    async def keep_asset(self, base_url: str, account: str, asset: Asset) -> None:
        """Remember an upload."""
        row = (
            base_url,
            account,
            asset.sha256,
            asset.role,
            asset.extension,
            asset.size,
            asset.file_path,
            asset.uploaded_at,
        )
        await self._writer.do(lambda db: db.execute(SQL["keep_asset"], row).rowcount, urgent=False)

    async def assets(self, base_url: str, account: str, newer_than: float) -> list[Asset]:
        """Uploads that the service still has; `newer_than` in unix seconds."""
        # One from the future was dated by a wrong clock: its age is not known.
        key = (base_url, account, newer_than, self._now())
        found: list[Asset] = await self._writer.do(
            lambda db: [Asset(**row) for row in db.execute(SQL["fresh_assets"], key)]
        )
        return found

    async def keep_files(self, facts: Iterable[FileFacts]) -> None:
        """Remember hashes and probes."""
        rows = [
            (fact.path, fact.size, fact.mtime_ns, fact.sha256, _media_json(fact.media))
            for fact in facts
        ]
        await self._writer.do(
            lambda db: db.executemany(SQL["keep_file"], rows).rowcount, urgent=False
        )

    async def files(self) -> dict[str, FileFacts]:
        """All remembered files by path."""
        files: dict[str, FileFacts] = await self._writer.do(read_files)
        return files

    async def begin_run(self, run: RunRecord) -> None:
        """Record that a process starts to work on the batch."""
        row = (run.id, run.started_at, run.host, run.pid, run.manifest, run.base_url, run.version)
        await self._writer.do(lambda db: db.execute(SQL["begin_run"], row).rowcount)

    async def end_run(self, run_id: str, ended_at: float, exit_code: int, summary: str) -> None:
        """Record how it ended; `summary` is JSON."""
        row = (ended_at, exit_code, summary, run_id)
        await self._writer.do(lambda db: db.execute(SQL["end_run"], row).rowcount)

    async def latest_run(self) -> RunRecord | None:
        """The run that started last."""
        run: RunRecord | None = await self._writer.do(read_latest_run)
        return run

    async def render_times(self, limit: int) -> list[RenderTime]:
        """When the latest renders were submitted and seen to end, newest first."""
        rows = await self._writer.do(
            lambda db: db.execute(SQL["render_times"], (limit,)).fetchall()
        )
        return [RenderTime(json.loads(text), begin, end) for text, begin, end in rows]

    async def reviews(self) -> dict[str, Review]:
        """The latest word on each job's output."""
        reviews: dict[str, Review] = await self._writer.do(read_reviews)
        return reviews

    async def close(self) -> None:
        """Write what is queued and close the file."""
        await self._writer.close()


def _move(connection: sqlite3.Connection, change: Transition, run_id: str, at: float) -> None:
    if change.target not in LEGAL_TRANSITIONS[change.source]:
        raise StaleTransition(f"job {change.job}: {change.source} -> {change.target} is no arrow")
    values = {
        "job": change.job,
        "source": change.source.value,
        "target": change.target.value,
        "attempt": change.attempt,
        "at": at,
        **_failure_columns(change.failure),
    }
    if connection.execute(SQL["move"], values).rowcount != 1:
        row = connection.execute(SQL["state_of"], (change.job,)).fetchone()
        stands = row[0] if row else "unknown to the ledger"
        raise StaleTransition(f"job {change.job} is {stands}, not {change.source}")
    _change_attempt(connection, change, run_id, at)
    history = {**values, "run": run_id, "detail": change.detail}
    connection.execute(SQL["record_history"], history)


def _change_attempt(
    connection: sqlite3.Connection, change: Transition, run_id: str, at: float
) -> None:
    if change.draft is not None:
        row = {
            "job": change.job,
            "run": run_id,
            "submitting_at": at,
            **asdict(change.draft),
            "parameters": json.dumps(change.draft.parameters, sort_keys=True),
        }
        connection.execute(SQL["open_attempt"], row)
    if change.drop_attempt:
        connection.execute(SQL["drop_attempt"], (change.job, change.attempt + 1))
    if change.changes:
        unknown = change.changes.keys() - ATTEMPT_COLUMNS
        if unknown:
            raise StaleTransition(f"no such columns of an attempt: {sorted(unknown)}")
        columns = ", ".join(f"{name} = :{name}" for name in sorted(change.changes))
        connection.execute(
            f"UPDATE attempts SET {columns} WHERE job = :job AND number = :number",  # noqa: S608
            {**change.changes, "job": change.job, "number": change.attempt},
        )


def _failure_columns(failure: Failure | None) -> dict[str, str | None]:
    if failure is None:
        return {"error_stage": None, "error_code": None, "error_message": None}
    return {
        "error_stage": failure.stage.value,
        "error_code": failure.code,
        "error_message": failure.message,
    }


def _media_json(media: Media | None) -> str | None:
    return json.dumps(asdict(media)) if media else None


def read_records(connection: sqlite3.Connection) -> dict[str, JobRecord]:
    """Every job with its latest attempt, in manifest order."""
    cursor = connection.cursor()
    # Plain tuples: looking up 20 columns by name takes as long as reading them.
    cursor.row_factory = None
    return {row[0]: _record(row) for row in cursor.execute(SQL["records"])}


def _record(row: tuple[Any, ...]) -> JobRecord:
    job, position, state, attempt, in_manifest, overrides, stage, code, message, at = row[
        :_FIRST_ATTEMPT_COLUMN
    ]
    return JobRecord(
        job,
        position,
        JobState(state),
        attempt,
        bool(in_manifest),
        None if code is None else Failure(Stage(stage), code, message),
        at,
        None if row[_FIRST_ATTEMPT_COLUMN] is None else _attempt(row),
        json.loads(overrides) if overrides else {},
    )


# Where the attempt's columns begin in the `records` query.
_FIRST_ATTEMPT_COLUMN = 10


def _attempt(row: tuple[Any, ...]) -> Attempt:
    number, run, tag, base_url, parameters, *rest = row[_FIRST_ATTEMPT_COLUMN:]
    return Attempt(number, run, tag, base_url, json.loads(parameters), *rest)


def read_costs(connection: sqlite3.Connection) -> dict[str, Cost]:
    """What every job has cost over all its attempts."""
    return {
        row["job"]: Cost(row["charged"], row["refunded"], row["estimated"], row["held"])
        for row in connection.execute(SQL["costs"])
    }


def read_files(connection: sqlite3.Connection) -> dict[str, FileFacts]:
    """All remembered files by path."""
    return {row["path"]: _file_facts(row) for row in connection.execute(SQL["known_files"])}


def _file_facts(row: sqlite3.Row) -> FileFacts:
    path, size, mtime_ns, sha256, media = row
    return FileFacts(path, size, mtime_ns, sha256, _media(media) if media else None)


@lru_cache(maxsize=4096)
def _media(text: str) -> Media:
    # Files of one series are often of one kind, to the millisecond.
    return Media(**json.loads(text))


def read_latest_run(connection: sqlite3.Connection) -> RunRecord | None:
    """The run that started last, or None."""
    row = connection.execute(SQL["latest_run"]).fetchone()
    return RunRecord(**row) if row else None


def read_only(path: Path) -> sqlite3.Connection:
    """A connection for commands that only look; blocking.

    Raises:
        LedgerUnusable: the file is missing, newer, foreign or damaged.
    """
    return open_for_reading(path)
