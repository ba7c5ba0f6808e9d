"""A batch of one: how `generate` does what it is asked."""

import asyncio
import os
from dataclasses import dataclass, replace
from pathlib import Path

from platformdirs import user_state_path

from batchsync.api.protocol import Traffic
from batchsync.api.retry import Patience, repeat
from batchsync.api.wire import Project
from batchsync.errors import KeyMissing, RemoteError
from batchsync.ledger.protocol import JobRecord
from batchsync.library.connecting import Key, connector
from batchsync.library.errand import Errand
from batchsync.library.keywords import (
    PLACES,
    RunKeywords,
    check_names,
    environment,
    settled,
)
from batchsync.library.observing import Observer, checked
from batchsync.library.occupied import standing_of
from batchsync.library.outcome import failure_in, is_shown, shown
from batchsync.library.pair import (
    Asked,
    Pair,
    identified,
    in_words_of_arguments,
)
from batchsync.library.rendered import Generated
from batchsync.library.working import Matter, adopt_project, carry_out, retry_jobs
from batchsync.mending import Choice
from batchsync.model import JobState
from batchsync.run import Options
from batchsync.settings import RunSettings
from batchsync.standing import Standing

STATE_VARIABLE = "BATCHSYNC_STATE_DIRECTORY"

# The render is paid for and ended, and only its latest figures are asked for.
_PATIENCE = Patience(tries=4, total=15.0)


@dataclass(frozen=True, slots=True)
class Wishes:
    """The arguments of `generate` that say how to go about it."""

    wait: bool
    download: bool
    directory: str | os.PathLike[str] | None
    mark: str | None
    adopt: str | None
    resubmit: bool
    state_directory: str | os.PathLike[str] | None
    key: Key
    base_url: str | None
    keywords: RunKeywords


def errand_for(asked: Asked, wishes: Wishes, observer: Observer | None) -> Errand[Generated]:
    """What has to be run to get it.

    Raises:
        TypeError: there is no such setting, or the observer can't be called.
    """
    check_names("generate", wishes.keywords, refused=PLACES)
    asked.warn_ignored(3)
    # The folder that the caller is in now, wherever the process may be taken later.
    home = Path.cwd()
    return Errand(
        lambda errand: _generate(errand, asked, wishes, home), checked(observer) is not None
    )


async def _generate(
    errand: Errand[Generated], asked: Asked, wishes: Wishes, home: Path
) -> Generated:
    settings = _settings(wishes)
    pair = await asyncio.to_thread(identified, asked, home, settings.base_url, wishes.mark)
    matter = Matter(pair.manifest, _placed(settings, wishes, home, pair), wishes.key)
    standing = await _mended(matter, pair, wishes)
    known = replace(standing, files={**standing.files, **pair.facts})
    with in_words_of_arguments():
        options = replace(_options(matter, pair, wishes, standing), pinned=pair.facts)
        summary = await carry_out(errand, matter, options, known)
    standing = await _standing(matter)
    record = standing.records.get(pair.job.id)
    if record is None or not is_shown(record, wishes.wait, wishes.download):
        raise failure_in(record, summary)
    project = await _latest(matter, record)
    cost = standing.costs[pair.job.id]
    return shown(record, cost.held, project, _paths(pair, wishes, record))


def _settings(wishes: Wishes) -> RunSettings:
    # The environment says where the ledgers of batches are; this one has a place of its own.
    around = environment(without=("state", "output_dir", "results"))
    settings = settled({}, around, {"base_url": wishes.base_url}, wishes.keywords)
    unsaid = {} if "lock_wait" in wishes.keywords else {"lock_wait": settings.poll_timeout}
    return settings.model_copy(update={**unsaid, "keep_going": False})


def _placed(settings: RunSettings, wishes: Wishes, home: Path, pair: Pair) -> RunSettings:
    named = wishes.state_directory or os.environ.get(STATE_VARIABLE)
    # The user's, not the working directory's: the same script, started elsewhere, must not buy
    # the same again.
    folder = home / named if named else user_state_path("batchsync", appauthor=False) / "generate"
    name = pair.manifest.name
    places = {
        "state": str(folder / f"{name}.db"),
        "results": str(folder / f"{name}.csv"),
        "output_dir": str(home / (wishes.directory or "")),
    }
    return settings.model_copy(update=places)


async def _standing(matter: Matter) -> Standing:
    return await asyncio.to_thread(standing_of, matter.places.state)


async def _mended(matter: Matter, pair: Pair, wishes: Wishes) -> Standing:
    """The standing, once a word on what is unconfirmed, and the wish to try again, are heard."""
    standing = await _standing(matter)
    record = standing.records.get(pair.job.id)
    if record is None:
        return standing
    if wishes.adopt is not None and record.state in (JobState.UNCONFIRMED, JobState.SUBMITTING):
        await adopt_project(matter, pair.job.id, wishes.adopt)
    elif record.state in (JobState.FAILED, JobState.CANCELED):
        await retry_jobs(matter, Choice(failed=True, canceled=True))
    else:
        return standing
    return await _standing(matter)


def _options(matter: Matter, pair: Pair, wishes: Wishes, standing: Standing) -> Options:
    record = standing.records.get(pair.job.id)
    target = matter.places.output_dir / pair.job.output
    lost = (
        record is not None
        and record.state is JobState.DONE
        and record.attempt is not None
        and record.attempt.output == str(target)
        and not target.exists()
    )
    return Options(
        wait=wishes.wait,
        fetch=wishes.download,
        # What is not to be downloaded need not be moved either.
        keep_changed=not wishes.download,
        resubmit_unconfirmed=wishes.resubmit,
        refetch=(pair.job.id,) if lost and wishes.download else None,
        # Somebody's working directory is no place to search through.
        sweep=False,
    )


async def _latest(matter: Matter, record: JobRecord) -> Project | None:
    """The project as the service shows it now, or None if it can't be asked."""
    project_id = record.attempt.project_id if record.attempt else None
    if project_id is None:
        return None
    try:
        async with connector(matter.settings, matter.key)(Traffic()) as api:
            return await repeat(lambda: api.project(project_id), _PATIENCE)
    except (RemoteError, KeyMissing):
        return None


def _paths(pair: Pair, wishes: Wishes, record: JobRecord) -> list[str] | None:
    """As the SDK gives them: below the directory as it was said."""
    if record.state is not JobState.DONE or not wishes.download:
        return None
    return [os.path.join(wishes.directory or "", pair.job.output)]  # noqa: PTH118
