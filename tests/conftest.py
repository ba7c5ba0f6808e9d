"""What every test may use: small media made once, a strict server, a place for a batch."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.strict import Rules, Strict, strict_thread
from tests.support.batches import Batch
from tests.support.media import Media, make_media


@pytest.fixture(scope="session", autouse=True)
def _no_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What is kept for a user is kept elsewhere while tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Media:
    """Four videos and six narrations for each, shared by all workers of a session."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if hasattr(request.config, "workerinput") else base
    return make_media(shared / "media")


@pytest.fixture
def serve(media: Media) -> Iterator[Callable[..., Strict]]:
    """Starts strict servers, which end with the test."""
    with ExitStack() as stack:
        clip = media.clip.read_bytes()
        yield lambda **rules: stack.enter_context(strict_thread(clip, Rules(**rules)))


@pytest.fixture
def batch(tmp_path: Path, media: Media) -> Batch:
    """A folder for one batch."""
    return Batch(tmp_path, media)


# How long a draw takes says something of the machine, and nothing of the code.
settings.register_profile(
    "suite", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")
