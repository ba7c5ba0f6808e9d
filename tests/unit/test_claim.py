"""What proves that a project is the one that a lost create call made, and what does not."""

from typing import Any

import pytest

from batchsync.api.wire import Project
from batchsync.stages.claim import Claim

CLAIM = Claim("bs-7f3a12", "intro\u200b es", 0.0, 12.5)
RIGHT = {
    "id": "p",
    "status": "queued",
    # As it comes back: one printable line.
    "name": "intro es · bs-7f3a12",
    "start_seconds": 0,
    "end_seconds": 12.5,
}


def project(**changes: Any) -> Project:
    return Project.model_validate({**RIGHT, **changes})


def test_name_tag_and_range_together_are_proof() -> None:
    assert CLAIM.proves(project())
    assert CLAIM.proves(project(end_seconds=12.500001, start_seconds=None))


@pytest.mark.parametrize(
    "changes",
    [
        {"name": None},
        {"name": "bs-7f3a12"},
        {"name": "intro es"},
        {"name": "intro es · bs-7f3a13"},
        {"name": "intro es · bs-7f3a12 (copy)"},
        {"name": "another intro es · bs-7f3a12"},
        {"end_seconds": 12.6},
        {"start_seconds": 1},
    ],
)
def test_anything_less_is_no_proof(changes: dict[str, Any]) -> None:
    assert not CLAIM.proves(project(**changes))


def test_a_mismatch_is_told_to_a_person() -> None:
    assert CLAIM.mismatch(project(end_seconds=9)) == "its end is 9 s, not 12.5 s"
    assert "bs-7f3a12 is not in that name" in str(CLAIM.mismatch(project(name="another")))
    assert CLAIM.mismatch(project(name=None)) is None
