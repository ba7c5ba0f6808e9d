"""A word to people when a run has ended, through Apprise (`pip install batchsync[notify]`)."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

from batchsync.errors import ExitCode, UsageError
from batchsync.events import Event, Note
from batchsync.report.summary import Summary
from batchsync.report.text import summary_text
from batchsync.settings import RunSettings

# Seconds: a run that has ended must not hang on a chat server.
_PATIENCE = 30.0


def check(settings: RunSettings) -> None:
    """Make sure that notices can be sent at all, before a night's work and not after it.

    Raises:
        UsageError: Apprise is not installed, or does not know one of the URLs.
    """
    if not settings.notify:
        return
    if find_spec("apprise") is None:
        raise UsageError("run.notify needs Apprise: pip install 'batchsync[notify]'")
    import apprise  # noqa: PLC0415 - half a second that only those who want notices pay

    for number, url in enumerate(settings.notify, start=1):
        # The URL itself is a secret.
        if apprise.Apprise.instantiate(url, suppress_exceptions=True) is None:
            raise UsageError(f"run.notify: Apprise does not know URL number {number}")


async def send(summary: Summary, settings: RunSettings, announce: Callable[[Event], None]) -> None:
    """Send the summary, if it is wanted; a notice that fails is only logged."""
    if not settings.notify or not _is_wanted(summary, settings.notify_on):
        return
    import apprise  # noqa: PLC0415

    notifier = apprise.Apprise()
    notifier.add(list(settings.notify))
    title = f"batchsync {summary.batch}: {summary.to_json()['exit']['name']}"
    try:
        async with asyncio.timeout(_PATIENCE):
            sent = await notifier.async_notify(
                title=title, body=summary_text(summary, summary.results)
            )
    except Exception as error:  # whatever a plugin raises, the run has ended well or not without it
        announce(Note("warning", f"the notice could not be sent: {type(error).__name__}"))
        return
    if not sent:
        announce(Note("warning", "the notice could not be sent to all its URLs"))


def _is_wanted(summary: Summary, when: str) -> bool:
    return when == "always" or (summary.exit is ExitCode.OK) is (when == "success")
