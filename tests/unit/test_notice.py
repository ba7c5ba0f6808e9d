"""A word to people at the end of a run; it never changes how the run ended."""

from typing import Any

import apprise
import pytest

from batchsync.errors import ExitCode, UsageError
from batchsync.events import Event, Note
from batchsync.report import notice
from batchsync.settings import RunSettings
from tests.unit.test_summary import a_summary

URL = "json://localhost:1/"


class Mailbox:
    """Stands for Apprise; keeps what is sent, or fails as told."""

    sent: list[dict[str, Any]]
    answer: Any = True

    def add(self, _: list[str]) -> None:
        pass

    async def async_notify(self, **message: Any) -> bool:
        if isinstance(self.answer, Exception):
            raise self.answer
        self.sent.append(message)
        return bool(self.answer)


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> type[Mailbox]:
    kind = type("Box", (Mailbox,), {"sent": []})
    monkeypatch.setattr(apprise, "Apprise", kind)
    return kind


async def _send(code: ExitCode, when: str) -> list[Event]:
    said: list[Event] = []
    settings = RunSettings.model_validate({"notify": [URL], "notify_on": when})
    await notice.send(a_summary(exit=code), settings, said.append)
    return said


@pytest.mark.parametrize(
    ("code", "when", "wanted"),
    [
        (ExitCode.OK, "failure", False),
        (ExitCode.OK, "success", True),
        (ExitCode.OK, "always", True),
        (ExitCode.SOME_FAILED, "failure", True),
        (ExitCode.SOME_FAILED, "success", False),
        (ExitCode.INCOMPLETE, "always", True),
    ],
)
async def test_a_notice_is_sent_when_it_is_wanted(
    mailbox: type[Mailbox], code: ExitCode, when: str, wanted: bool
) -> None:
    assert await _send(code, when) == []
    assert bool(mailbox.sent) is wanted


@pytest.mark.parametrize("answer", [False, RuntimeError("the chat server is down")])
async def test_a_notice_that_fails_is_only_said(mailbox: type[Mailbox], answer: Any) -> None:
    mailbox.answer = answer
    [said] = await _send(ExitCode.SOME_FAILED, "failure")
    assert isinstance(said, Note)
    assert said.level == "warning"


# Some of Apprise's plugins use modules that Python is about to drop.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_url_that_nobody_knows_is_refused_before_the_night_and_not_shown() -> None:
    settings = RunSettings(notify=("nonsense://secret-token",))
    with pytest.raises(UsageError, match="number 1") as refused:
        notice.check(settings)
    assert "secret-token" not in str(refused.value)


def test_without_apprise_the_way_to_get_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notice, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"pip install 'batchsync\[notify\]'"):
        notice.check(RunSettings(notify=(URL,)))
