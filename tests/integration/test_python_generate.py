"""`generate` at work: asked again, at once, in vain, and after what went wrong."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import batchsync
from batchsync import Client, Generated, errors
from batchsync.events import Event, JobMoved
from tests.strict import KEY, Strict
from tests.support.media import Media

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(media: Media, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Arguments for one pair, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MAGIC_HOUR_API_KEY", raising=False)
    monkeypatch.delenv("BATCHSYNC_STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    def arguments(server: Strict, **changes: Any) -> dict[str, Any]:
        return {
            "assets": {
                "audio_file_path": media.audio(),
                "video_file_path": media.video(),
                "video_source": "file",
            },
            "start_seconds": 0.0,
            "end_seconds": 2.0,
            "api_key": KEY,
            "base_url": server.base_url,
            "poll_min": 0.02,
            "poll_max": 0.1,
            **changes,
        }

    return arguments


def test_the_same_call_never_buys_twice(
    serve: Callable[..., Strict], ask: Ask, tmp_path: Path
) -> None:
    server = serve()
    assets = ask(server)["assets"]

    first = batchsync.generate(**ask(server, assets=assets, name="Ann"))
    second = batchsync.generate(**ask(server, assets=assets, name="Ann at 12:01"))
    other = batchsync.generate(**ask(server, idempotency_key="take 2"))

    assert (first.id, first.downloaded_paths) == (second.id, second.downloaded_paths)
    assert other.id != first.id
    assert other.downloaded_paths != first.downloaded_paths
    assert (len(server.projects), server.requests["download"]) == (2, 2)
    assert server.bodies[0]["name"].startswith("Ann · bs-")
    assert assets == ask(server)["assets"], "the SDK changes its caller's dict"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".mp4") == sorted(
        path for made in (first, other) for path in made.downloaded_paths or ()
    )


def test_an_output_that_is_gone_or_wanted_elsewhere_is_downloaded_again(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve()
    [path] = batchsync.generate(**ask(server)).downloaded_paths or ()

    Path(path).unlink()
    again = batchsync.generate(**ask(server))
    moved = batchsync.generate(**ask(server, download_directory="new/folder"))

    assert again.downloaded_paths == [path]
    assert moved.downloaded_paths == [f"new/folder/{path}"]
    assert Path(path).read_bytes() == Path("new/folder", path).read_bytes()
    assert Path(path).read_bytes() == server.output(again.id)
    assert len(server.projects) == 1


def test_what_is_not_waited_for_is_collected_later(serve: Callable[..., Strict], ask: Ask) -> None:
    server = serve(render_seconds=30)
    left = batchsync.generate(**ask(server, wait_for_completion=False))
    [project] = server.projects.values()
    project.seconds = 0

    seen = batchsync.generate(**ask(server, download_outputs=False))
    done = batchsync.generate(**ask(server))

    assert left.status in ("queued", "rendering")
    assert (left.downloaded_paths, left.downloads) == (None, ())
    assert (seen.status, seen.downloaded_paths, len(seen.downloads)) == ("complete", None, 1)
    assert (done.id, done.downloaded_paths is not None) == (left.id, True)
    assert (left.credits_charged, done.credits_charged) == (60, 50)
    assert len(server.projects) == 1


async def test_calls_for_the_same_at_the_same_time_share_one_render(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve(render_seconds=0.2)

    made = await asyncio.gather(*(batchsync.agenerate(**ask(server)) for _ in range(3)))

    assert len({each.id for each in made}) == len(server.projects) == 1


async def test_a_canceled_call_goes_on_when_it_is_made_again(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve(render_seconds=30)
    submitted = asyncio.Event()

    def see(event: Event) -> None:
        if isinstance(event, JobMoved) and event.target == "submitted":
            submitted.set()

    task = asyncio.create_task(batchsync.agenerate(**ask(server, on_event=see)))
    await submitted.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    [project] = server.projects.values()
    project.seconds = 0

    assert (await batchsync.agenerate(**ask(server))).id == project.id
    assert len(server.projects) == 1


def test_a_render_that_the_service_gives_up_is_an_answer_and_made_anew_when_asked_again(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve(fates={"ann": "error:no_source_face"})

    broken = batchsync.generate(**ask(server, name="ann"))
    server.rules.fates = {}
    whole = batchsync.generate(**ask(server, name="ann"))

    assert (broken.status, broken.credits_charged, broken.downloaded_paths) == ("error", 0, None)
    assert broken.error is not None
    assert broken.error.code == "no_source_face"
    assert (whole.status, whole.error, len(server.projects)) == ("complete", None, 2)


def test_a_lost_answer_needs_a_word_and_is_never_sent_again_by_itself(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve(faults=("create:lost=1",))

    for _ in range(2):
        with pytest.raises(errors.Unconfirmed, match=r"look for bs-.*adopt=PROJECT_ID"):
            batchsync.generate(**ask(server))
    [project] = server.projects.values()
    adopted = batchsync.generate(**ask(server, adopt=project.id))

    assert (adopted.id, adopted.status) == (project.id, "complete")
    assert batchsync.generate(**ask(server, adopt=project.id)).id == project.id
    assert len(server.projects) == 1


def test_a_lost_answer_may_be_bought_again_by_a_persons_word(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve(faults=("create:lost=1",))
    with pytest.raises(errors.Unconfirmed):
        batchsync.generate(**ask(server))
    server._faults.clear()

    made = batchsync.generate(**ask(server, resubmit_unconfirmed=True))

    assert (made.status, len(server.projects)) == ("complete", 2)


@pytest.mark.parametrize(
    ("rules", "kind", "words"),
    [
        ({"deny": {"account": 401, "create": 401}}, errors.Unauthorized, "key is not accepted"),
        ({"deny": {"create": 403}}, errors.Forbidden, "HTTP 403"),
        ({"deny": {"create": 402}}, errors.PaymentRequired, "HTTP 402"),
        ({"deny": {"create": 422}}, errors.Rejected, "HTTP 422"),
        ({"render_seconds": 30}, errors.Incomplete, "poll: still rendering.*call again"),
    ],
)
def test_what_the_service_refuses_is_raised_by_its_name(
    serve: Callable[..., Strict], ask: Ask, rules: dict[str, Any], kind: type[Exception], words: str
) -> None:
    server = serve(**rules)

    with pytest.raises(kind, match=words):
        batchsync.generate(**ask(server, poll_timeout=0.2))

    server.rules.deny = {}
    server.rules.render_seconds = 0
    for project in server.projects.values():
        project.seconds = 0
    assert batchsync.generate(**ask(server)).status == "complete"
    assert len(server.projects) == 1


def test_a_finished_render_is_returned_when_the_service_can_not_be_asked(
    serve: Callable[..., Strict], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    first = batchsync.generate(**ask(server))
    server.rules.deny = {"status": 404}

    second = batchsync.generate(**ask(server))

    assert (second.id, second.status, second.downloads) == (first.id, "complete", ())
    assert (second.credits_charged, second.downloaded_paths) == (50, first.downloaded_paths)


def test_what_is_wrong_is_said_before_anything_is_sent(
    serve: Callable[..., Strict], ask: Ask
) -> None:
    server = serve()

    with pytest.raises(errors.ManifestError, match=r"generate\(\): end_seconds: ends at 9 s"):
        batchsync.generate(**ask(server, end_seconds=9))
    with pytest.raises(TypeError, match="did you mean 'poll_timeout'"):
        batchsync.generate(**ask(server, poll_time=9))
    with pytest.raises(TypeError, match=r"generate\(\) takes no 'state'"):
        batchsync.generate(**ask(server, state="a.db"))
    with pytest.warns(DeprecationWarning, match="no effect") as caught:
        batchsync.generate(**ask(server, width=640))
    assert caught[0].filename == __file__
    assert len(server.projects) == 1


def test_a_client_holds_key_and_address_and_shows_neither_key_nor_urls(
    serve: Callable[..., Strict], ask: Ask, tmp_path: Path
) -> None:
    server = serve()
    client = Client(token=KEY, base_url=server.base_url, state_directory=tmp_path / "kept")
    arguments = ask(server)
    del arguments["api_key"], arguments["base_url"]

    made = client.generate(**arguments)

    assert isinstance(made, Generated)
    assert made.downloads[0].url.startswith("http://127.0.0.1")
    shown = f"{client!r} {vars(client)} {made!r}"
    assert KEY not in shown
    assert "sig=" not in shown
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in files
    assert sorted(path.suffix for path in (tmp_path / "kept").iterdir()) == [".csv", ".db", ".lock"]


def test_a_working_directory_is_not_searched_and_a_move_of_it_changes_nothing(
    serve: Callable[..., Strict], ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(render_seconds=0.1)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("batchsync.run.sweep", pytest.fail)

    def move(_: Event) -> None:
        monkeypatch.chdir(tmp_path / "elsewhere")

    [path] = batchsync.generate(**ask(server, on_event=move)).downloaded_paths or ()

    assert (tmp_path / path).exists()
    assert not list((tmp_path / "elsewhere").iterdir())
    shutil.rmtree(tmp_path / "elsewhere")


def test_the_same_call_from_another_folder_never_buys_twice(
    serve: Callable[..., Strict], ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve()
    first = batchsync.generate(**ask(server))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    second = batchsync.generate(**ask(server))

    assert (first.id, len(server.projects)) == (second.id, 1)
