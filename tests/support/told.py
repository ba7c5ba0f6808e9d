"""A batch that was never run, told as if it had been: its manifest, its ledger and its outputs.

The ledger is written directly, the way a run leaves it, so that ten thousand jobs take a second
or two. Chance is seeded: the same batch comes out each time.
"""

import heapq
import json
import os
import random
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from batchsync.ledger.file import open_for_writing
from batchsync.sandbox.rules import JOB_ERRORS

# 2026-11-20 21:00 UTC, when the told runs begin.
EVENING = 1795208400.0
FOREVER = 10.0**9
_FPS = 25

# Errors of renders that the API's documentation names.
FAILURES = (
    ("poll", "no_source_face", JOB_ERRORS["no_source_face"]),
    ("poll", "processing_timeout", JOB_ERRORS["processing_timeout"]),
    ("poll", "unknown_error", JOB_ERRORS["unknown_error"]),
)


@dataclass
class Told:
    """What is to be told.

    Attributes:
        failed: share of the jobs that fail.
        unfinished: how many of the last jobs a stopped run has left, half of them in flight; at
            most twice the slots.
        unconfirmed: how many jobs lost the answer to their create call.
        fields: of the first jobs' entries in the manifest, instead of the made ones.
        clips: videos that outputs are copies of; without one there are no outputs.
        extra: more of the manifest's top level.
    """

    jobs: int
    failed: float = 0.02
    unfinished: int = 0
    unconfirmed: int = 0
    slots: int = 16
    fields: Sequence[dict[str, Any]] = ()
    clips: Sequence[Path] = ()
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Job:
    id: str
    number: int
    mode: str
    seconds: int
    fields: dict[str, Any]
    arrows: list[tuple[float, str, str]] = field(default_factory=list)
    state: str = "pending"
    attempt: dict[str, Any] | None = None
    failure: tuple[str, str, str] | None = None

    def move(self, at: float, target: str) -> None:
        self.arrows.append((at, self.state, target))
        self.state = target


def tell(folder: Path, told: Told, name: str = "batch") -> Path:
    """Write it all below a folder; the manifest's path."""
    chance = random.Random(7)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [_a_job(number, told, chance) for number in range(told.jobs)]
    manifest = _write_manifest(folder / f"{name}.yaml", jobs, told)
    ends = _simulate(jobs, told, folder / "outputs" / name, chance)
    _write_ledger(folder / ".batchsync" / f"{name}.db", manifest, jobs, ends)
    return manifest


def _a_job(number: int, told: Told, chance: random.Random) -> _Job:
    made = f"{_SHOWS[number // len(_LANGUAGES) % len(_SHOWS)]}-{number:05}"
    own = told.fields[number] if number < len(told.fields) else {}
    mode = chance.choices(("lite", "standard", "pro"), (6, 3, 1))[0]
    return _Job(own.get("id", made), number, mode, chance.randint(4, 20), own)


_SHOWS = ("welcome", "intro", "pricing", "tour", "support", "outro")
_LANGUAGES = ("es", "fr", "de", "ja", "pt", "it", "ar", "hi")


def _write_manifest(path: Path, jobs: list[_Job], told: Told) -> Path:
    entries = []
    for job in jobs:
        language = _LANGUAGES[job.number % len(_LANGUAGES)]
        show = _SHOWS[job.number // len(_LANGUAGES) % len(_SHOWS)]
        entries.append(
            {
                "id": job.id,
                "video": f"https://media.example.com/{show}.mp4?Signature=secret",
                "audio": f"https://media.example.com/{job.number}.{language}.wav",
                "end_seconds": job.seconds,
                "style": {"generation_mode": job.mode},
                "output": f"{job.number:05}.mp4",
                "tags": {"lang": language, "show": show},
                **job.fields,
            }
        )
    content = {"version": 1, "name": path.stem, **told.extra, "jobs": entries}
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    path.write_text(yaml.dump(content, Dumper=dumper, sort_keys=False, allow_unicode=True))
    return path


def _simulate(jobs: list[_Job], told: Told, outputs: Path, chance: random.Random) -> list[float]:
    """Go through a run in one's head; begin and end of it."""
    upload, slots = EVENING + 2, [EVENING] * told.slots
    submit = end = EVENING
    stop = len(jobs) - told.unfinished
    for job in jobs:
        if job.number >= stop + told.unfinished // 2:
            continue
        upload += chance.uniform(0.2, 1.4)
        job.move(upload, "uploaded")
        submit = max(submit + 0.4, upload + 0.5, heapq.heappop(slots))
        # What is left in flight keeps its slot.
        left = job.number >= stop
        rendered = submit + (FOREVER if left else job.seconds * chance.uniform(6, 14))
        heapq.heappush(slots, rendered)
        end = max(end, _go(job, submit, rendered, told, outputs, chance, left))
    return [EVENING, end + 1]


def _go(
    job: _Job,
    submit: float,
    rendered: float,
    told: Told,
    outputs: Path,
    chance: random.Random,
    left: bool,
) -> float:
    price = job.seconds * (2 if job.mode == "pro" else 1)
    job.move(submit - 0.3, "submitting")
    job.attempt = {"credits_estimated": price * 30, "submitting_at": submit - 0.3}
    if job.number < told.unconfirmed:
        job.move(submit + 30, "unconfirmed")
        job.failure = ("submit", "answer_lost", "the connection broke before the answer came")
        return submit + 30
    job.attempt |= {"project_id": f"prj-{job.number}", "submitted_at": submit}
    job.move(submit, "submitted")
    if left:
        return submit
    job.attempt["rendered_at"] = rendered
    if chance.random() < told.failed:
        job.move(rendered, "failed")
        job.failure = chance.choices(FAILURES, (6, 2, 1))[0]
        job.attempt |= {"credits_charged": 0, "credits_refunded": price * 30}
        return rendered
    job.attempt |= {"credits_charged": price * _FPS, "credits_refunded": price * (30 - _FPS)}
    job.move(rendered, "rendered")
    downloaded = rendered + chance.uniform(1, 6)
    job.move(downloaded, "done")
    path = outputs / f"{job.number:05}.mp4"
    job.attempt |= {"downloaded_at": downloaded, "output": str(path), "output_bytes": 1}
    if told.clips:
        _place(told.clips[job.number % len(told.clips)], path)
        job.attempt["output_bytes"] = path.stat().st_size
    return downloaded


def _place(clip: Path, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(clip, path)
    except OSError:
        shutil.copyfile(clip, path)


def _write_ledger(path: Path, manifest: Path, jobs: list[_Job], ends: list[float]) -> None:
    with closing(open_for_writing(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for job in jobs:
            at = job.arrows[-1][0] if job.arrows else EVENING
            connection.execute(
                "INSERT INTO jobs (id, position, state, attempt, error_stage, error_code,"
                " error_message, updated_at) VALUES (?,?,?,?,?,?,?,?)",
                (job.id, job.number, job.state, int(job.attempt is not None),
                 *(job.failure or (None, None, None)), at),
            )  # fmt: skip
            if job.attempt:
                _insert_attempt(connection, job)
        connection.executemany(
            "INSERT INTO history (at, run, job, attempt, source, target)"
            " VALUES (?, 'told', ?, 1, ?, ?)",
            sorted((at, job.id, *arrow) for job in jobs for at, *arrow in job.arrows),
        )
        connection.execute(
            "INSERT INTO runs (id, started_at, ended_at, host, pid, manifest, base_url, version,"
            " exit_code) VALUES ('told', ?, ?, 'h', 1, ?, 'http://127.0.0.1', '1', 0)",
            (*ends, str(manifest)),
        )
        connection.execute("COMMIT")
        # As a run leaves it: one plain file.
        connection.execute("PRAGMA journal_mode = DELETE")


def _insert_attempt(connection: Any, job: _Job) -> None:
    values = {
        "job": job.id,
        "number": 1,
        "run": "told",
        "tag": f"told-{job.number}",
        "base_url": "http://127.0.0.1",
        "parameters": json.dumps({"generation_mode": job.mode}),
        **(job.attempt or {}),
    }
    names = ", ".join(values)
    marks = ", ".join(f":{name}" for name in values)
    connection.execute(f"INSERT INTO attempts ({names}) VALUES ({marks})", values)
