"""When a call is made again: pauses, hints, tries, total time; no clock is waited for."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_slots import now, timeless

from batchsync.api.fake import FakeApi
from batchsync.api.protocol import Traffic, UploadItem
from batchsync.api.retry import Patience, RetryingApi, is_retryable, poll_pause, repeat
from batchsync.errors import (
    AnswerLost,
    BatchsyncError,
    NotSent,
    Rejected,
    SourceUnfit,
    Throttled,
    Unauthorized,
    Unavailable,
    UrlExpired,
)


@given(st.integers(1, 10_000))
def test_a_pause_has_bounds_whatever_the_tries(tries: int) -> None:
    patience = Patience(first=0.5, longest=45.0)

    assert 0 <= patience.pause(tries) <= min(45.0, 0.5 * 2.0 ** min(tries, 50))


@given(st.integers(1, 100), st.floats(0, 600))
def test_a_wait_that_the_server_names_is_the_least(tries: int, hint: float) -> None:
    assert hint <= Patience().pause(tries, hint) <= hint + 45.0 / 4


def test_pauses_are_not_all_alike() -> None:
    assert len({Patience().pause(5) for _ in range(20)}) > 15


@given(st.integers(0, 5000), st.floats(0.1, 30), st.floats(30, 300))
def test_the_pause_between_looks_stays_within_a_tenth_of_its_bounds(
    looks: int, shortest: float, longest: float
) -> None:
    assert shortest * 0.899 <= poll_pause(looks, shortest, longest) <= longest * 1.101


def test_the_pause_between_looks_grows_by_half() -> None:
    means = [sum(poll_pause(looks, 3, 30) for _ in range(300)) / 300 for looks in (1, 2, 3, 9)]

    assert means == pytest.approx([3, 4.5, 6.75, 30], rel=0.03)


def failing(*errors: BaseException) -> tuple[Callable[[], Any], list[float]]:
    """A call that fails with each error in turn, then says 7; and when it was made."""
    queue = list(errors)
    made: list[float] = []

    async def call() -> int:
        made.append(asyncio.get_running_loop().time())
        if queue:
            raise queue.pop(0)
        return 7

    return call, made


@timeless
async def test_a_call_is_made_until_it_goes_well() -> None:
    call, made = failing(NotSent("a"), AnswerLost("b"), Unavailable("c"))
    notes: list[tuple[BaseException, float]] = []

    result = await repeat(call, Patience(), lambda error, pause: notes.append((error, pause)))

    assert result == 7
    assert len(made) == 4
    assert [str(error) for error, _ in notes] == ["a", "b", "c"]
    assert sum(pause for _, pause in notes) == pytest.approx(now(), abs=0.1)


@timeless
async def test_the_last_error_is_raised_when_the_tries_are_used_up() -> None:
    call, made = failing(*[NotSent(str(number)) for number in range(99)])
    with pytest.raises(NotSent, match=r"^4$"):
        await repeat(call, Patience(tries=5))

    assert len(made) == 5


async def test_no_pause_begins_that_would_end_beyond_the_total(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slept: list[float] = []
    clock = 0.0

    async def sleep(seconds: float) -> None:
        nonlocal clock
        slept.append(seconds)
        clock += seconds

    monkeypatch.setattr("time.monotonic", lambda: clock)
    call, made = failing(*[Throttled("x", retry_after=100.0) for _ in range(99)])
    with pytest.raises(Throttled):
        await repeat(call, Patience(tries=99, total=350.0, sleep=sleep))

    assert 2 <= len(made) <= 4
    assert sum(slept) <= 350


@pytest.mark.parametrize(
    "error",
    [
        Rejected("x", status=422),
        Unauthorized("x", status=401),
        SourceUnfit("x"),
        ValueError("x"),
        KeyError("x"),
    ],
)
async def test_a_final_error_is_raised_at_once(error: Exception) -> None:
    call, made = failing(error)
    with pytest.raises(type(error)):
        await repeat(call, Patience())

    assert len(made) == 1


@timeless
async def test_a_canceled_call_is_not_made_again() -> None:
    call, made = failing(asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await repeat(call, Patience())

    assert len(made) == 1


@timeless
async def test_a_pause_can_be_canceled() -> None:
    call, made = failing(*[Throttled("x", retry_after=500.0)] * 9)
    task = asyncio.create_task(repeat(call, Patience()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert len(made) == 1


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(NotSent("x"), True), (UrlExpired("x"), True), (Rejected("x"), False), (OSError(), False)],
)
def test_only_errors_that_say_so_are_worth_another_try(error: Exception, verdict: bool) -> None:
    assert is_retryable(error) is verdict


def retrying(api: FakeApi, **options: Any) -> tuple[RetryingApi, Traffic]:
    traffic = Traffic()
    return RetryingApi(api, Patience(**options), traffic), traffic


@timeless
async def test_reads_of_the_api_are_repeated() -> None:
    api = FakeApi()
    api.fail("account", Unavailable("x"), NotSent("y"))
    api.fail("upload_urls", AnswerLost("z"), after=True)
    wrapped, traffic = retrying(api)

    assert (await wrapped.account()).credits == 100_000
    assert len(await wrapped.upload_urls([UploadItem("audio", "mp3")])) == 1
    assert traffic.retries == 3


@timeless
async def test_what_has_a_loop_of_its_own_passes_through_once(tmp_path: Any) -> None:
    api = FakeApi()
    wrapped, traffic = retrying(api)
    calls = {
        "create": lambda: wrapped.create({}),
        "status": lambda: wrapped.project("p"),
        "upload": lambda: wrapped.put("u", tmp_path / "x", 1, lambda _: None),
        "download": lambda: wrapped.get("u", tmp_path / "x", lambda _: None),
    }
    for name, call in calls.items():
        api.fail(name, Unavailable(name))
        with pytest.raises(BatchsyncError, match=name):
            await call()

    assert [name for name, _ in api.calls] == list(calls)
    assert traffic.retries == 0
