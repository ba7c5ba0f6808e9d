"""A bad job or a bad account."""

import pytest

from batchsync.engine.breaker import Breaker
from batchsync.errors import ExitCode, Forbidden, NotSent, PaymentRequired, Unauthorized

FORBIDDEN = Forbidden("HTTP 403: no", status=403)


@pytest.fixture
def closed() -> list[tuple[ExitCode, str]]:
    return []


@pytest.fixture
def breaker(closed: list[tuple[ExitCode, str]]) -> Breaker:
    return Breaker(lambda code, reason: closed.append((code, reason)))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Unauthorized("x", status=401), ExitCode.DENIED),
        (PaymentRequired("x", status=402), ExitCode.OUT_OF_CREDITS),
    ],
)
def test_one_answer_about_the_account_is_enough(
    breaker: Breaker, closed: list[tuple[ExitCode, str]], error: Unauthorized, code: ExitCode
) -> None:
    breaker.accepted()
    breaker.barred(error)

    assert [each for each, _ in closed] == [code]
    assert "x" in closed[0][1]


def test_some_403s_and_nothing_taken_is_the_account(
    breaker: Breaker, closed: list[tuple[ExitCode, str]]
) -> None:
    breaker.barred(FORBIDDEN)
    breaker.barred(FORBIDDEN)
    assert not closed
    breaker.barred(FORBIDDEN)

    assert closed[0][0] is ExitCode.DENIED


def test_403s_after_a_job_was_taken_are_about_the_jobs(
    breaker: Breaker, closed: list[tuple[ExitCode, str]]
) -> None:
    assert not breaker.knows_account_is_good
    breaker.accepted()
    for _ in range(50):
        breaker.barred(FORBIDDEN)

    assert breaker.knows_account_is_good
    assert not closed


def test_an_outage_is_told_by_jobs_in_a_row_that_were_given_up(
    breaker: Breaker, closed: list[tuple[ExitCode, str]]
) -> None:
    for _ in range(2):
        breaker.exhausted(NotSent("down"))
    breaker.accepted()
    for _ in range(2):
        breaker.exhausted(NotSent("down"))
    assert not closed
    breaker.exhausted(NotSent("down"))

    assert closed[0][0] is ExitCode.INCOMPLETE
