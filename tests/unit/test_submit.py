"""What a failed create call means for the money."""

import inspect
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchsync import errors
from batchsync.api.fake import FakeApi
from batchsync.errors import AnswerLost, RemoteError
from batchsync.stages.submit import Barred, Made, NotMade, Outcome, Refused, Unknown, judge, submit

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, RemoteError)
]
# What it means, and with which status the error comes.
TABLE: dict[str, tuple[type[object], int | None]] = {
    "NotSent": (NotMade, None),
    "Throttled": (NotMade, 429),
    "Unavailable": (NotMade, 503),
    "Unauthorized": (Barred, 401),
    "Forbidden": (Barred, 403),
    "PaymentRequired": (Barred, 402),
    "NotFound": (Refused, 404),
    "Rejected": (Refused, 422),
    "AnswerLost": (Unknown, None),
    "Unintelligible": (Unknown, None),
    "Redirected": (Unknown, 302),
    "OutputInvalid": (Unknown, None),
    "UrlExpired": (Refused, 403),
    "RemoteError": (Unknown, None),
}


def test_the_table_is_complete() -> None:
    assert {kind.__name__ for kind in KINDS} == set(TABLE)
    assert {kind for kind, _ in TABLE.values()} | {Made} == set(get_args(Outcome))


@pytest.mark.parametrize("name", TABLE)
def test_each_error_means_one_thing(name: str) -> None:
    meaning, status = TABLE[name]
    error = getattr(errors, name)("x", status=status)

    assert judge(error) == meaning(error)  # type: ignore[call-arg]


@given(st.sampled_from(KINDS), st.none() | st.integers(100, 599))
def test_a_call_is_sent_again_only_after_the_three_that_made_no_job(
    kind: type[RemoteError], status: int | None
) -> None:
    outcome = judge(kind("x", status=status))

    again = kind.__name__ in ("NotSent", "Throttled", "Unavailable")
    assert isinstance(outcome, NotMade) is again
    if status is None and not again and kind.exit_code is errors.ExitCode.SOME_FAILED:
        assert isinstance(outcome, Unknown)


BODY = {
    "start_seconds": 0,
    "end_seconds": 1,
    "assets": {
        "video_source": "youtube",
        "youtube_url": "https://youtu.be/x",
        "audio_file_path": "https://x.example/a.mp3",
    },
}


async def test_a_job_that_was_made_has_an_id_and_a_price() -> None:
    assert await submit(FakeApi(), BODY) == Made("fake-1", 30)


async def test_a_call_is_made_once_whatever_comes_back() -> None:
    api = FakeApi()
    api.fail("create", AnswerLost("x"), after=True)

    assert isinstance(await submit(api, BODY), Unknown)
    assert [name for name, _ in api.calls] == ["create"]
    assert len(api.jobs) == 1


async def test_after_a_mistake_of_ours_a_person_is_asked() -> None:
    """The call may have been made: the safe side is not to make it again."""
    assert isinstance(await submit(FakeApi(), {}), Unknown)
