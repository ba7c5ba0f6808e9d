"""Whatever a server answers: an error of the tree, in time; and a job is never bought again.

Three ways in: the readers alone, the HTTP client against a server that sends arbitrary bytes, and
whole runs against a service whose answers are arbitrary JSON.
"""

import asyncio
import csv
import io
import json
import os
import string
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchsync.api import wire
from batchsync.api.answers import api_error, message_of, plain_words, retry_after, storage_error
from batchsync.api.client import HttpApi
from batchsync.api.protocol import UploadItem
from batchsync.errors import BatchsyncError, ManifestError, RemoteError, UsageError
from batchsync.manifest import load
from batchsync.report.summary import Summary
from batchsync.settings import settle
from batchsync.stages.poll import read
from batchsync.stages.submit import judge, submit
from tests.support.model import Service, World

KEY = "fuzz-key-0123456789"
_MORE = 20 if "BATCHSYNC_SOAK" in os.environ else 1


def _examples(count: int) -> Any:
    return settings(
        max_examples=count * _MORE, deadline=None, suppress_health_check=list(HealthCheck)
    )


FIELDS = st.sampled_from(
    [
        *("id", "status", "name", "credits_charged", "estimated_frame_cost", "total_frame_cost"),
        *("fps", "width", "height", "start_seconds", "end_seconds", "error", "code", "message"),
        *("downloads", "download", "url", "items", "upload_url", "file_path", "credits", "tier"),
    ]
)
WORDS = st.sampled_from(
    [
        *("complete", "error", "canceled", "queued", "rendering", "draft", "COMPLETE", ""),
        *("https://x.invalid/a", "file:///etc/passwd", "//x", "http://[", "..", "a/b", "\x00"),
        *("api-assets/1/a.mp4", "\ud800", "1e999", "-1", "NaN"),
    ]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**30, -(10**30), 2**63, 2**53 + 1, -1])
    | st.floats()
    | WORDS
    | st.text(max_size=12)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=6),
    max_leaves=12,
)
OBJECTS = st.dictionaries(FIELDS, VALUES, max_size=10)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


JSON = (OBJECTS | VALUES).map(_json)
CUT = st.tuples(JSON, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
BODIES = JSON | CUT | st.binary(max_size=60) | st.sampled_from([b"[" * 9_000, b'{"a":' * 3_000])


@given(BODIES, st.integers(0, 3), st.text(max_size=8))
@_examples(150)
def test_readers_know_what_they_read_or_say_so(body, asked, project_id):
    for reader in (
        wire.read_created,
        wire.read_account,
        lambda data: wire.read_project(data, project_id),
        lambda data: wire.read_upload_urls(data, asked),
    ):
        try:
            found = reader(body)
        except RemoteError as error:
            assert str(error)
            continue
        if isinstance(found, wire.Created):
            assert found.id not in ("", ".", "..")
            assert found.credits_charged is None or 0 <= found.credits_charged <= 2**53
        if isinstance(found, wire.Project):
            read(found)
    words = message_of(body)
    assert words.isprintable()
    assert len(words) <= 300


@given(st.integers(100, 999), st.text(max_size=40), st.text(max_size=40))
@_examples(100)
def test_every_status_and_header_is_some_error(status, header, message):
    for error in (
        api_error(status, {"Retry-After": header}, plain_words(message)),
        storage_error(status, {"Retry-After": header}),
    ):
        assert error.status == status
        assert error.retry_after is None or 0 <= error.retry_after <= 600
        judge(error)
    wait = retry_after(header)
    assert wait is None or wait >= 0


# --- the client, against raw bytes ---------------------------------------------------------------

STATUS_LINES = st.sampled_from(
    [
        *(b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 206 Partial", b"HTTP/1.1 301 Gone"),
        *(b"HTTP/1.1 416 Range", b"HTTP/1.1 429 Slow", b"HTTP/1.1 502 Bad", b"HTTP/1.1 999 Odd"),
        *(b"HTTP/1.1 100 Continue", b"HTTP/1.0 200 OK", b"HTTP/9.9 200 OK", b"HTTP/1.1 -1 No"),
        *(b"ICY 200 OK", b"", b"\x16\x03\x01\x02"),
    ]
)
HEADERS = st.sampled_from(
    [
        *(b"Content-Length: 5", b"Content-Length: 99999", b"Content-Length: -1"),
        *(b"Content-Length: x", b"Transfer-Encoding: chunked", b"Content-Encoding: gzip"),
        *(b"Content-Encoding: br", b"Content-Type: text/html", b"Retry-After: 1e99"),
        *(b"Location: http://127.0.0.1:9/", b"Content-Range: bytes 0-1/2", b"Content-Range: x"),
        *(b"Connection: close", b"Set-Cookie: a=b", b"Date: never", b": ", b"no colon"),
        *(b"X: " + b"y" * 9_000, b"Content-Type: \xff\xfe"),
    ]
)
ANSWERS = st.binary(max_size=80) | st.builds(
    lambda line, headers, body: b"\r\n".join([line, *headers, b"", body]),
    STATUS_LINES,
    st.lists(HEADERS, max_size=4),
    BODIES,
)


@asynccontextmanager
async def _server(answer: bytes):
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            seen.append(head)
            writer.write(answer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], seen
    finally:
        server.close()
        await server.wait_closed()


@given(ANSWERS, st.booleans())
@_examples(75)
def test_the_client_survives_any_bytes(answer, resumed):
    async def ask(folder: Path) -> None:
        part, source = folder / "a.part", folder / "a.mp3"
        source.write_bytes(b"abc")
        if resumed:
            part.write_bytes(b"begun")
        async with _server(answer) as (port, seen), HttpApi(f"http://localhost:{port}", KEY) as api:
            # By another name, so that this is the storage's host and not the API's.
            storage = f"http://127.0.0.1:{port}/x?signature=s"
            for call in (
                api.account(),
                api.upload_urls([UploadItem("audio", "mp3")]),
                api.project("an/id"),
                api.put(storage, source, 3, lambda _: None),
                api.get(storage, part, lambda _: None),
            ):
                try:
                    await call
                except RemoteError as error:
                    assert KEY not in str(error)
            before = len(seen)
            await submit(api, {"name": "a"})
            assert len(seen) <= before + 1
            for head in seen:
                at_api = b"Host: localhost" in head
                assert (KEY.encode() in head) == at_api

    async def bounded() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with asyncio.timeout(10):
                await ask(Path(folder))

    asyncio.run(bounded())


# --- whole runs ----------------------------------------------------------------------------------


class Odd(Service):
    """Answers what it is told to, after having done what it was asked."""

    answers: dict[str, list[bytes]]

    def _instead(self, call: str) -> bytes | None:
        waiting = self.answers.get(call, [])
        return waiting.pop(0) if waiting else None

    async def account(self) -> Any:
        right = await super().account()
        odd = self._instead("account")
        return right if odd is None else wire.read_account(odd)

    async def upload_urls(self, items: Any) -> Any:
        right = await super().upload_urls(items)
        odd = self._instead("upload_urls")
        return right if odd is None else wire.read_upload_urls(odd, len(items))

    async def create(self, body: dict[str, Any]) -> Any:
        right = await super().create(body)
        odd = self._instead("create")
        return right if odd is None else wire.read_created(odd)

    async def project(self, project_id: str) -> Any:
        if project_id not in self.jobs:
            # An id that an odd answer gave.
            odd = self._instead("status") or _json({"id": project_id, "status": "rendering"})
            return wire.read_project(odd, project_id)
        right = await super().project(project_id)
        odd = self._instead("status")
        if odd is None:
            return right
        try:
            value = json.loads(odd)
        except (ValueError, RecursionError):
            return wire.read_project(odd, project_id)
        if isinstance(value, dict):
            # Arbitrary in all but its id: one about another project is refused at once.
            odd = _json({**value, "id": project_id})
        return wire.read_project(odd, project_id)


CALLS = st.sampled_from(["account", "upload_urls", "create", "status", "status"])


@given(st.lists(st.tuples(CALLS, BODIES), min_size=1, max_size=6), st.booleans())
@_examples(20)
def test_no_answer_makes_a_run_fall_over_or_buy_again(media, answers, patient):
    with tempfile.TemporaryDirectory() as folder:
        service = Odd(media.clip.read_bytes(), fps=25)
        service.answers = {}
        for call, body in answers:
            service.answers.setdefault(call, []).append(body)
        world = World(Path(folder) / "batch", media, service)
        for language in ("de", "es"):
            job = world.job("ann", language)
            world.jobs[job["id"]] = job
        world.write()
        for _ in range(3):
            outcome = world.run(poll_timeout=0.1)
            assert isinstance(outcome, Summary), repr(outcome)
            service.answers.pop("account", None)
        assert len(service.jobs) <= 2
        assert all(len(service.of_job(job)) <= 1 for job in world.jobs)
        known = {project for (project,) in world.query("SELECT project_id FROM attempts")}
        states = world.states()
        assert "submitting" not in states.values()
        for project in service.jobs:
            job = service.owner(project)
            # Known, or waiting for a person; or the odd answer gave it another id.
            assert project in known or states[job] in (
                "unconfirmed",
                "submitted",
                "failed",
                "canceled",
                "rendered",
            )
        world.check_arrows()
        # A stalled job goes on with the next run, once the answers are right again.
        service.answers.clear()
        world.run(poll_timeout=0.1)
        assert len(service.jobs) <= 2
        world.check_results()


# --- manifests and tables of any shape (of any text: unit/test_manifest_properties) ---------------

KEYS = st.sampled_from(
    [
        *("version", "name", "include", "vars", "defaults", "jobs", "jobs_from", "run", "x-a"),
        *("id", "video", "audio", "matrix", "exclude", "tags", "style", "generation_mode"),
        *("start_seconds", "end_seconds", "max_fps_limit", "output", "width", "video_source"),
        *("max_credits", "halt", "notify", "base_url", "poll_min", 1, None, True, 1.5),
    ]
)
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.binary(max_size=3)
    | st.sampled_from(
        ["a.mp4", "a.mp3", "auto", "${A}", "${{ matrix.a }}", "${{ job.id }}", "1:30"]
    )
)
SHAPES = st.recursive(
    PLAIN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


def _problems_or_jobs(path: Path) -> None:
    try:
        loaded = load(path, environ={"A": "x"})
    except ManifestError as error:
        assert error.problems
        return
    assert loaded.jobs
    try:
        settle(loaded.run, {})
    except UsageError as error:
        assert str(error)


@given(
    st.dictionaries(KEYS, SHAPES, max_size=5), st.lists(st.dictionaries(KEYS, SHAPES), max_size=2)
)
@_examples(75)
def test_values_of_any_type_anywhere_in_a_manifest(rest, jobs):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.yaml"
        path.write_text(yaml.safe_dump({**rest, "version": 1, "jobs": jobs or rest}))
        _problems_or_jobs(path)


CELLS = st.sampled_from(["a.mp4", "b.mp3", "", "auto", "1:30", "=1+1", "${A}", "no", "1e400"])
COLUMNS = st.sampled_from(
    ["id", "video", "audio", "style.generation_mode", "tags.a", "tags", "style", "end_seconds", "."]
)


@given(
    st.lists(COLUMNS, max_size=5),
    st.lists(st.lists(CELLS | st.text(string.printable, max_size=6), max_size=6), max_size=4),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    st.sampled_from([",", ";", "\t"]),
)
@_examples(75)
def test_tables_of_any_columns_and_cells(columns, rows, encoding, delimiter):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([["id", "video", "audio", *columns], *rows])
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "t.csv").write_bytes(text.getvalue().encode(encoding))
        path = Path(folder) / "m.yaml"
        path.write_text("version: 1\njobs_from: [t.csv]\n")
        _problems_or_jobs(path)


@pytest.mark.parametrize("depth", [5, 9])
def test_a_bomb_of_aliases_ends_in_time(depth, tmp_path):
    lines = ["version: 1", "x-0: &a0 [" + ", ".join(["a"] * 9) + "]"]
    for level in range(1, depth):
        lines.append(f"x-{level}: &a{level} [" + ", ".join([f"*a{level - 1}"] * 9) + "]")
    lines.append(f"jobs: [{{id: a, video: v.mp4, audio: a.mp3, tags: *a{depth - 1}}}]")
    path = tmp_path / "m.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(BatchsyncError):
        load(path, environ={})
