"""A batch, a service with books of its own, and what must hold between the two at any time.

Nothing here asks batchsync whether it did right: what was bought, with what and for how much, is
read from the service; what batchsync believes is read from its files.
"""

import asyncio
import csv
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from batchsync import mending
from batchsync.api.fake import FakeApi
from batchsync.api.protocol import Fetched, Progress
from batchsync.api.retry import Patience
from batchsync.engine.stop import Stop
from batchsync.errors import BatchsyncError
from batchsync.events import Announcer
from batchsync.manifest import Manifest, load
from batchsync.model import LEGAL_TRANSITIONS, JobState
from batchsync.places import Places, places
from batchsync.report.summary import Summary
from batchsync.run import BatchRun, Options
from batchsync.settings import RunSettings, settle
from tests.support.injection import Fate, Killed, MortalConnection, as_of_death, mortal
from tests.support.media import Media, with_free_box

BASE_URL = "http://localhost:1"
_OPTIONS = frozenset(Options.__dataclass_fields__)
# A run that takes longer hangs: each is a few milliseconds of work.
_HANGS = 20.0


async def _no_time(_: float) -> None:
    await asyncio.sleep(0)


QUICK = Patience(tries=3, first=0.0005, longest=0.001, sleep=_no_time)
ENDED_BADLY = ("error", "canceled")


class Service(FakeApi):
    """The fake service with an output of its own for each project, and a diary of purchases.

    Attributes:
        clip: what every output begins with.
        peaks: credits charged in all, just after each purchase.
    """

    clip: bytes = b""

    def __init__(self, clip: bytes, **given: Any) -> None:
        super().__init__(**given)
        self.clip = clip
        self.peaks: list[int] = []

    def render(self, project_id: str) -> bytes:
        """The bytes of a project's output; all are of one length, and no two alike."""
        return with_free_box(self.clip, project_id.encode().ljust(24))

    def live(self) -> list[str]:
        """Projects that have not ended."""
        return [job.id for job in self.jobs.values() if job.status in ("queued", "rendering")]

    def is_slow(self) -> bool:
        """Whether something renders, or would, that ends only when it is told to."""
        return self.looks is None or any(self.jobs[each].looks is None for each in self.live())

    def of_job(self, job: str) -> list[str]:
        """What was bought for a job, in order."""
        return [each.id for each in self.jobs.values() if self.owner(each.id) == job]

    def owner(self, project_id: str) -> str:
        """The id that a project's name begins with."""
        return str(self.jobs[project_id].body["name"]).partition(" ")[0]

    def tag(self, project_id: str) -> str:
        """The attempt's tag, which a project's name ends with."""
        return str(self.jobs[project_id].body["name"]).rpartition(" ")[2]

    def content(self, project_id: str) -> str:
        """What a project was made from; two equal ones are the same video."""
        body = self.jobs[project_id].body
        files = [
            self.uploads[body["assets"][name]].sha256
            for name in ("video_file_path", "audio_file_path")
        ]
        rest = {key: body[key] for key in body if key not in ("name", "assets")}
        return repr((files, sorted(rest.items(), key=str)))

    async def create(self, body: dict[str, Any]) -> Any:
        """As the fake; what is charged is noted before an answer can get lost."""
        before = len(self.jobs)
        try:
            return await super().create(body)
        finally:
            if len(self.jobs) > before:
                self.peaks.append(self.charged)

    async def get(self, url: str, part: Path, progress: Progress) -> Fetched:
        """As the fake, with the project's own bytes."""
        self.output = self.render(url.partition("?")[0].rpartition("/")[2])
        return await super().get(url, part, progress)


@contextmanager
def no_waiting() -> Iterator[None]:
    """Pauses that are there for a real service's sake are left out."""
    with (
        mock.patch("batchsync.engine.slots._FIRST_PAUSE", 0.0005),
        mock.patch("batchsync.engine.slots._LONGEST_PAUSE", 0.001),
        mock.patch("batchsync.engine.planner._RESUME_SPREAD", 0.0),
        mock.patch("batchsync.engine.pace._RATE", 100_000.0),
        mock.patch("batchsync.engine.pace._LEAST_RATE", 10_000.0),
        mock.patch("batchsync.stages.download.sync_folder", lambda folder: None),
    ):
        yield


@dataclass
class World:
    """One batch in a folder, the service, and a person.

    Attributes:
        jobs: of the manifest, by id, as YAML has them.
        words: how often a person has said of a job that it may be bought (again), and has not
            been taken at that word yet.
        resubmitted: jobs whose lost project a person has given up.
        spoiled: outputs that somebody deleted or damaged.
    """

    folder: Path
    media: Media
    service: Service
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    words: Counter[str] = field(default_factory=Counter)
    resubmitted: set[str] = field(default_factory=set)
    spoiled: set[Path] = field(default_factory=set)
    judged: int = 0

    @property
    def manifest(self) -> Path:
        """The manifest's path."""
        return self.folder / "batch.yaml"

    @property
    def ledger(self) -> Path:
        """The state file."""
        return self.folder / ".batchsync" / "batch.db"

    @property
    def results(self) -> Path:
        """The results table."""
        return self.folder / "outputs" / "batch" / "results.csv"

    def job(self, name: str, language: str, **fields: Any) -> dict[str, Any]:
        """One pair of the session's media."""
        return {
            "id": f"{name}-{language}",
            "video": str(self.media.video(name)),
            "audio": str(self.media.audio(name, language)),
            "start_seconds": 0,
            "end_seconds": 2,
            **fields,
        }

    def write(self) -> None:
        """Write the manifest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"version": 1, "jobs": list(self.jobs.values())}
        self.manifest.write_text(yaml.safe_dump(content, sort_keys=False))

    def said(self, *jobs: str) -> None:
        """A person has said that these may be bought (again); what was lost is given up."""
        for job in jobs:
            self.words[job] = 1
            self.resubmitted.add(job)

    def settings(self, **given: Any) -> RunSettings:
        """Settings that do not wait."""
        # Only what will not end by itself is not waited for: a busy machine is slow.
        timeout = 0.05 if self.service.is_slow() else 10.0
        quick = {"base_url": BASE_URL, "poll_min": 0.0, "poll_max": 0.001, "poll_timeout": timeout}
        return settle({}, {**quick, **given})

    def run(self, fate: Fate | None = None, **given: Any) -> Summary | BatchsyncError | None:
        """One run; options and settings by their names. None if it was killed."""
        options = Options(**{name: given.pop(name) for name in list(given) if name in _OPTIONS})
        settings = self.settings(**given)

        async def work(fate: Fate) -> Summary:
            announce = Announcer()
            batch = BatchRun(
                self._load(),
                settings,
                options,
                lambda _: MortalConnection(self.service, fate),
                announce,
                Stop(announce),
                QUICK,
            )
            return await batch.run()

        return self._live(work, fate)

    def mend(
        self,
        work: Callable[[mending.Desk], Any],
        fate: Fate | None = None,
    ) -> Any:
        """A command at the desk. None if it was killed."""

        async def at_the_desk(_: Fate) -> Any:
            manifest = self._load()
            async with mending.desk(manifest, self._places(manifest), 0.0, "mend") as desk:
                return await work(desk)

        return self._live(at_the_desk, fate)

    def _live(self, work: Callable[[Fate], Any], fate: Fate | None) -> Any:
        fate = fate or Fate()

        complaints: list[dict[str, Any]] = []

        async def bounded() -> Any:
            # What asyncio would log of tasks that nobody looked after; a dead process logs nothing.
            asyncio.get_running_loop().set_exception_handler(
                lambda _, context: None if fate.dead else complaints.append(context)
            )
            async with asyncio.timeout(_HANGS):
                return await work(fate)

        with no_waiting(), as_of_death(self.folder, fate), mortal(fate):
            try:
                result = asyncio.run(bounded())
                assert not complaints, complaints
                return result
            except BatchsyncError as error:
                return error
            except (Killed, BaseExceptionGroup):
                if not fate.dead:
                    raise
                return None

    def _load(self) -> Manifest:
        return load(self.manifest)

    def _places(self, manifest: Manifest) -> Places:
        return places(manifest.path, manifest.name, self.settings())

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the ledger directly."""
        if not self.ledger.exists():
            return []
        with closing(sqlite3.connect(self.ledger)) as connection:
            return connection.execute(sql, values).fetchall()

    def states(self) -> dict[str, str]:
        """The ledger's word on each job."""
        return dict(self.query("SELECT id, state FROM jobs ORDER BY position"))

    def rows(self) -> dict[str, dict[str, str]]:
        """The results table by job."""
        with self.results.open(newline="", encoding="utf-8") as file:
            return {row["job"]: row for row in csv.DictReader(file)}

    # --- what must hold ------------------------------------------------------------------------

    def check(self) -> None:
        """What must hold at any time, between any two steps."""
        self.check_purchases()
        self.check_books()
        self.check_arrows()
        self.check_outputs()

    def check_purchases(self, keep_changed: Sequence[str] = ()) -> None:
        """Each purchase since the last look was the job's first, of another video, or asked for."""
        projects = list(self.service.jobs.values())
        for project in projects[self.judged :]:
            job = self.service.owner(project.id)
            earlier = [
                each for each in self.service.of_job(job) if int(each[5:]) < int(project.id[5:])
            ]
            if earlier and not self._may_follow(project.id, earlier[-1], job in keep_changed):
                raise AssertionError(
                    f"{project.id} was bought for {job} after {earlier[-1]} without a word"
                )
            self.words[job] = 0
        self.judged = len(projects)

    def _may_follow(self, project: str, before: str, kept: bool) -> bool:
        job = self.service.owner(project)
        if self.words[job]:
            return True
        if kept or before in self.service.live():
            return False
        return self.service.content(project) != self.service.content(before)

    def check_books(self) -> None:
        """Every project is in the ledger or its job waits for a person; every charge is right."""
        attempts = {
            tag: (job, number, project, charged)
            for job, number, tag, project, charged in self.query(
                "SELECT job, number, tag, project_id, credits_charged FROM attempts"
            )
        }
        standing = {
            job: (state, number)
            for job, state, number in self.query("SELECT id, state, attempt FROM jobs")
        }
        for project in self.service.jobs.values():
            tag = self.service.tag(project.id)
            assert tag in attempts, f"{project.id} is in no record"
            job, number, known, charged = attempts[tag]
            if known is None:
                waits = standing[job][0] in ("unconfirmed", "submitting")
                given_up = job in self.resubmitted
                assert (waits and standing[job][1] == number) or given_up, f"{project.id} is lost"
                continue
            assert known == project.id
            if charged is not None:
                assert charged == project.charged, f"{project.id}: {charged} {project.charged}"
        known_ids = [project for _, _, project, _ in attempts.values() if project]
        assert set(known_ids) <= self.service.jobs.keys()
        assert len(known_ids) == len(set(known_ids))

    def check_arrows(self) -> None:
        """The history of each job is one unbroken line of legal arrows that ends where it is."""
        stands = dict.fromkeys(self.states(), "pending")
        for job, source, target in self.query(
            "SELECT job, source, target FROM history ORDER BY seq"
        ):
            assert stands[job] == source
            assert JobState(target) in LEGAL_TRANSITIONS[JobState(source)]
            stands[job] = target
        assert stands == self.states()

    def check_outputs(self) -> None:
        """What is said to be done lies there, byte for byte, unless somebody spoiled it."""
        for job, project, output, digest in self.query(
            "SELECT j.id, a.project_id, a.output, a.output_sha256 FROM jobs j JOIN attempts a "
            "ON a.job = j.id AND a.number = j.attempt WHERE j.state = 'done'"
        ):
            if Path(output) in self.spoiled:
                continue
            data = Path(output).read_bytes()
            assert data == self.service.render(project), f"{job} has another's output"
            assert hashlib.sha256(data).hexdigest() == digest

    def check_results(self) -> None:
        """The results table says what the ledger says."""
        rows = self.rows()
        assert list(rows) == list(self.jobs)
        for job, state, number in self.query(
            "SELECT id, state, attempt FROM jobs WHERE in_manifest = 1"
        ):
            row = rows[job]
            word = "pending" if state == "uploaded" else state
            [(charged,)] = self.query(
                "SELECT coalesce(sum(credits_charged), 0) FROM attempts WHERE job = ?", job
            )
            latest = self.query(
                "SELECT project_id FROM attempts WHERE job = ? AND number = ?", job, number
            )
            project = (latest[0][0] if latest else None) or ""
            found = (row["status"], int(row["attempt"]), row["project_id"], row["credits_charged"])
            assert found == (word, number, project, str(charged)), f"{job}: {row}"

    def check_no_strays(self) -> None:
        """Nothing half-done is left lying about."""
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        strays = [
            path
            for path in found
            if path.suffix in (".part", ".tmp") or path.name.endswith(("-wal", "-shm", "-journal"))
        ]
        rendered = [state for state in self.states().values() if state == "rendered"]
        assert not strays or rendered, strays

    def held(self) -> int:
        """Credits that the ledger counts as spent or promised."""
        [(held,)] = self.query(
            "SELECT coalesce(sum(coalesce(credits_charged, credits_estimated)), 0) FROM attempts"
        ) or [(0,)]
        return int(held)

    def snapshot(self) -> Mapping[str, tuple[int, int]]:
        """Every file with its size and mtime."""
        return {
            str(path): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self.folder.rglob("*")
            if path.is_file()
        }

    def check_idle(self) -> None:
        """A run with nothing to do asks nothing of the service and touches no file."""
        calls, files = len(self.service.calls), self.snapshot()
        summary = self.run()
        assert isinstance(summary, Summary), summary
        assert len(self.service.calls) == calls, self.service.calls[calls:]
        assert self.snapshot() == files
