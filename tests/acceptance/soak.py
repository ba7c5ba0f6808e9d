"""Kills the real command over and over, and counts what that cost: `make soak`.

`python -m tests.acceptance.soak --kills 200` runs batch after batch against a strict server in a
process of its own, with transient faults, and kills each run with SIGKILL at a random instant.
When the batch has survived its kills, the run that follows has to find everything; then the jobs
that are unconfirmed are resolved as a person would, and the server's books are compared.
"""

import argparse
import hashlib
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.batches import Batch
from tests.support.cli import Cli, Ended, Served, strict_process
from tests.support.media import Media, make_media

_IDEMPOTENT = ("account", "upload_urls", "upload", "status", "download")
# None of them leaves it open whether a job was made: only kills can make a job unconfirmed.
FAULTS = (
    *(f"{place}:{name}=0.03" for place in _IDEMPOTENT for name in ("503", "reset", "reset-after")),
    *("create:503=0.05", "create:429-after=0.03", "create:slow=0.2"),
    *("download:truncate=0.15", "download:slow=0.2", "upload-url:expired=0.05"),
    "download-url:expired=0.05",
)
_QUICK = {"BATCHSYNC_MAX_IN_FLIGHT": "4"}


@dataclass
class Toll:
    """What the kills of one batch, or of many, came to."""

    kills: int = 0
    hits: int = 0
    unconfirmed: int = 0
    adopted: int = 0
    in_the_air: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Toll") -> None:
        """Add up."""
        self.kills += other.kills
        self.hits += other.hits
        self.in_the_air |= other.in_the_air
        self.unconfirmed += other.unconfirmed
        self.adopted += other.adopted
        self.wrong += other.wrong

    def __str__(self) -> str:
        return (
            f"{self.kills} kills · {self.hits} hit POSTs in the air · "
            f"{self.unconfirmed} unconfirmed, of which {self.adopted} had been made · "
            f"{len(self.wrong)} wrongs"
        )


def survive(
    batch: Batch, kills: int, seed: int, say: Callable[[str], None] = lambda _: None
) -> Toll:
    """Kill the runs of a batch, let it finish, and compare the books."""
    flags = [f"--fault={fault}" for fault in FAULTS]
    flags += [f"--seed={seed}", "--pad=200000", "--render-seconds=0.2"]
    with strict_process(batch.media.clip, batch.folder / "server", *flags) as server:
        cli = Cli(batch.folder, server.base_url)
        toll = Toll()
        dice = random.Random(seed)
        try:
            for number in range(kills):
                # One run in four dies while it still starts, reads and plans.
                early = number % 4 == 3
                say(_kill_one(cli, server, batch, dice, early, toll))
            _settle(cli, server, batch, toll)
        finally:
            cli.close()
        return toll


def _kill_one(
    cli: Cli, server: Served, batch: Batch, dice: random.Random, early: bool, toll: Toll
) -> str:
    run = cli.start("run", batch.manifest.name, "-q", **_QUICK)
    seen, instant = server.ask("/_count"), time.monotonic() + dice.uniform(0.05, 1.5)
    requests = dice.randint(1, 12)
    deadline = time.monotonic() + 3
    while run.alive and time.monotonic() < deadline:
        if (early and time.monotonic() > instant) or server.ask("/_count") - seen >= requests:
            break
        time.sleep(0.002)
    time.sleep(dice.uniform(0, 0.02))
    alive = run.alive
    run.send(signal.SIGKILL)
    ended = run.end()
    if not alive and ended.code not in (0, 7):
        toll.wrong.append(f"a run ended by itself with {ended.code}: {ended.err}")
    left = _submitting(batch) - toll.in_the_air
    toll.kills += 1
    toll.hits += bool(left)
    toll.in_the_air |= left
    when = "early" if early else f"after {requests} requests"
    return f"{time.strftime('%X')} killed {when if alive else 'too late'}: {sorted(left)}"


def _submitting(batch: Batch) -> set[str]:
    """Jobs of which the dead process had said that it is about to send them."""
    with tempfile.TemporaryDirectory() as name:
        # A copy: to open the ledger itself would mend what the kill has left.
        for path in batch.ledger.parent.glob(f"{batch.ledger.name}*"):
            shutil.copy(path, name)
        copy = Path(name) / batch.ledger.name
        if not copy.exists():
            return set()
        with closing(sqlite3.connect(copy)) as connection:
            # A kill amid the very first transaction leaves no tables.
            if not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                return set()
            rows = connection.execute("SELECT id FROM jobs WHERE state = 'submitting'").fetchall()
            return {row[0] for row in rows}


def _settle(cli: Cli, server: Served, batch: Batch, toll: Toll) -> None:
    ended = cli("run", batch.manifest.name, "--json", **_QUICK)
    _expect(toll, ended.code in (0, 7), f"the last run: {ended.code} {ended.err}")
    if ended.code not in (0, 7):
        return
    states = batch.states()
    unconfirmed = {job for job, state in states.items() if state == "unconfirmed"}
    toll.unconfirmed = len(unconfirmed)
    _expect(toll, set(states.values()) <= {"done", "unconfirmed"}, f"states: {states}")
    _expect(toll, unconfirmed == toll.in_the_air, f"{unconfirmed} for {toll.in_the_air}")
    _expect(toll, bool(unconfirmed) == (ended.code == 7), f"exit {ended.code}")
    report = server.ask("/_report")
    _compare(batch, report, unconfirmed, toll)
    for job in sorted(unconfirmed):
        made = [each for each, project in report["projects"].items() if project["job"] == job]
        word = ["--adopt", made[0]] if made else ["--resubmit"]
        toll.adopted += bool(made)
        for _ in range(5):  # as a person would, whom a 503 has refused
            resolved = cli("resolve", batch.manifest.name, job, *word)
            if resolved.code == 0:
                break
        _expect(toll, resolved.code == 0, f"resolve {job}: {resolved.said}")
    ended = cli("run", batch.manifest.name, "--json", **_QUICK)
    _expect(toll, ended.code == 0, f"after resolve: {ended.code} {ended.err}")
    report = server.ask("/_report")
    _compare(batch, report, set(), toll)
    _expect(toll, report["creates"] == len(states), f"{report['creates']} bought")
    _compare_credits(ended, report, toll)


def _compare(batch: Batch, report: dict[str, Any], unconfirmed: set[str], toll: Toll) -> None:
    known = {row[0] for row in batch.query("SELECT project_id FROM attempts")}
    projects = report["projects"]
    lost = [each for each in projects if each not in known]
    lost = [each for each in lost if projects[each]["job"] not in unconfirmed]
    _expect(toll, report["duplicates"] == {}, f"bought twice: {report['duplicates']}")
    _expect(toll, not lost, f"lost renders: {lost}")
    _expect(toll, report["key_at_storage"] == 0, "the storage saw the key")
    _expect(toll, not report["bad_uploads"], f"uploads: {report['bad_uploads']}")
    _expect(toll, not report["refused_bodies"], f"bodies: {report['refused_bodies']}")
    _expect(toll, not batch.strays(), f"strays: {batch.strays()}")
    for job, row in batch.rows().items():
        if row["status"] == "done":
            data = (batch.results.parent / row["output"]).read_bytes()
            right = projects[row["project_id"]]
            fits = hashlib.sha256(data).hexdigest() == row["output_sha256"] == right["sha256"]
            _expect(toll, fits and right["job"] == job, f"wrong output: {job}")


def _compare_credits(ended: Ended, report: dict[str, Any], toll: Toll) -> None:
    charged = ended.json["credits"]["charged"]
    _expect(toll, charged == report["spent"], f"{charged} booked, {report['spent']} spent")


def _expect(toll: Toll, fine: bool, wrong: str) -> None:
    if not fine:
        toll.wrong.append(wrong)


def main() -> int:
    """Soak, and say what it came to; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.acceptance.soak", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="default: another each time")
    parser.add_argument("--jobs", type=int, default=24, choices=range(1, 25), metavar="1-24")
    parser.add_argument("-v", "--verbose", action="store_true")
    arguments = parser.parse_args()
    seed = random.randrange(1 << 32) if arguments.seed is None else arguments.seed
    print(f"seed {seed}")
    total = Toll()
    with tempfile.TemporaryDirectory(prefix="batchsync-soak-") as name:
        media: Media = make_media(Path(name) / "media")
        while total.kills < arguments.kills:
            folder = Path(name) / f"batch-{seed + total.kills}"
            folder.mkdir()
            batch = Batch(folder, media)
            batch.write_pairs(arguments.jobs)
            kills = min(20, arguments.kills - total.kills)
            say = print if arguments.verbose else lambda _: None
            total.add(survive(batch, kills, seed + total.kills, say))
            print(total, flush=True)
    for wrong in total.wrong:
        print(f"WRONG {wrong}")
    return 1 if total.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
