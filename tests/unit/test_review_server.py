"""The review's server: who may ask, what is served, what is kept."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar

from batchsync.errors import LedgerUnusable, UsageError
from batchsync.ledger import SqliteLedger, Transition
from batchsync.ledger.reviews import reviews_in
from batchsync.manifest import Manifest, load
from batchsync.model import JobState
from batchsync.places import places
from batchsync.review.server import page_files
from batchsync.review.serving import USUAL_PORT, Address, listen, serving
from batchsync.review.steps import Commands
from batchsync.settings import settle
from tests.support.batches import Batch
from tests.support.finished import bring, fill, ledger_of
from tests.support.media import Media

S = JobState


class Visitor:
    """A browser of sorts: the page's headers, its cookies, and no politeness."""

    def __init__(self, address: Address, session: ClientSession) -> None:
        self.address = address
        self.origin = address.link.partition("/?")[0]
        self._session = session

    async def ask(
        self,
        path: str,
        method: str = "GET",
        body: Any = None,
        raw: str | None = None,
        **headers: str,
    ) -> tuple[ClientResponse, bytes]:
        own = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        content = raw if body is None else json.dumps(body)
        kind = {} if body is None else {"Content-Type": "application/json"}
        url = self.origin + path
        async with self._session.request(
            method, url, data=content, headers={**own, **kind, **sent}
        ) as answer:
            return answer, await answer.read()

    def forget(self) -> None:
        self._session.cookie_jar.clear()

    async def status(self, path: str, method: str = "GET", body: Any = None, **more: str) -> int:
        answer, _ = await self.ask(path, method, body, **more)
        return answer.status

    async def judge(self, **fields: Any) -> tuple[int, Any]:
        word = {"job": "ann-de", "attempt": 1, "verdict": "rejected", "note": "", **fields}
        answer, body = await self.ask("/api/verdict", "PUT", word)
        return answer.status, json.loads(body)

    async def batch(self) -> Any:
        return json.loads((await self.ask("/api/batch"))[1])

    async def enter(self) -> "Visitor":
        assert await self.status("/?token=" + self.address.guard.token) == 200
        return self


@asynccontextmanager
async def visiting(manifest: Manifest, enter: bool = True) -> AsyncIterator[Visitor]:
    where = places(manifest.path, manifest.name, settle(manifest.run, {}))
    sock, _ = listen("127.0.0.1", 0)
    async with (
        serving(manifest, where, 500, Commands("batch.yaml"), sock) as address,
        ClientSession(cookie_jar=CookieJar(unsafe=True)) as session,
    ):
        visitor = Visitor(address, session)
        yield await visitor.enter() if enter else visitor


@pytest.fixture
async def manifest(batch: Batch, media: Media) -> Manifest:
    return await fill(batch.write_pairs(3), media.clip, {"ann-es": S.FAILED})


async def test_nothing_is_told_without_the_link(manifest: Manifest) -> None:
    async with visiting(manifest, enter=False) as visitor:
        for path in ("/", "/?token=", "/?token=x", "/?token=é", "/main.js", "/api/batch",
                     "/api/events", "/media?job=ann-de&side=output", "/nothing"):  # fmt: skip
            answer, body = await visitor.ask(path)
            assert answer.status == 401, path
            assert b"needs the link" in body
            assert "Set-Cookie" not in answer.headers
        assert (await visitor.ask("/api/verdict", "PUT", {}))[0].status == 401
        await visitor.enter()
        assert await visitor.status("/api/batch") == 200


async def test_the_link_is_good_again_and_again_and_a_ticket_once(manifest: Manifest) -> None:
    async with visiting(manifest, enter=False) as visitor:
        links = [visitor.address.link_once(), visitor.address.link]
        answers = []
        for link in links * 2:
            visitor.forget()
            answers.append(await visitor.status(link.removeprefix(visitor.origin)))
        assert answers == [200, 200, 401, 200]


async def test_the_cookie_is_for_this_page_alone(manifest: Manifest) -> None:
    async with visiting(manifest, enter=False) as visitor:
        answer, _ = await visitor.ask("/?token=" + visitor.address.guard.token)
        cookie = answer.headers["Set-Cookie"]
        assert f"review-{visitor.address.port}=" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert visitor.address.guard.token not in cookie


FOREIGN: list[Mapping[str, Any]] = [
    {"Host": "rebound.example.com"},
    {"Host": "rebound.example.com:8790"},
    {"Host": "127.0.0.1.example.com"},
    {"Host": "[::1"},
    {"Origin": "http://evil.example.com"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:9999", "Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Sec_Fetch_Site": "cross-site"},
]


async def test_what_another_page_asks_is_refused_even_with_the_cookie(
    manifest: Manifest, batch: Batch
) -> None:
    word = {"job": "ann-de", "attempt": 1, "verdict": "approved", "note": ""}
    async with visiting(manifest) as visitor:
        for headers in FOREIGN:
            asked = [
                await visitor.status("/api/batch", **headers),
                await visitor.status("/media?job=ann-de&side=output", **headers),
                await visitor.status("/api/verdict", "PUT", word, **headers),
            ]
            assert asked == [403, 403, 403], headers
    assert reviews_in(batch.ledger) == {}


async def test_a_form_or_a_bare_script_of_another_page_cannot_judge(manifest: Manifest) -> None:
    async with visiting(manifest) as visitor:
        word = {"job": "ann-de", "attempt": 1, "verdict": "approved", "note": ""}
        assert await visitor.status("/api/verdict", "PUT", word, Content_Type="text/plain") == 403
        assert await visitor.status("/api/verdict", "POST", word) == 405


async def test_a_tunnel_may_end_at_another_port(manifest: Manifest) -> None:
    async with visiting(manifest) as visitor:
        there = {"Host": "localhost:9000", "Origin": "http://localhost:9000"}
        assert await visitor.status("/api/batch", **there) == 200


async def test_every_answer_forbids_what_the_page_does_not_need(manifest: Manifest) -> None:
    async with visiting(manifest) as visitor:
        for path in ("/", "/style.css", "/api/batch", "/media?job=ann-de&side=output", "/nothing"):
            answer, _ = await visitor.ask(path)
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert "require-trusted-types-for 'script'" in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


async def test_videos_come_in_the_ranges_that_are_asked_for(
    manifest: Manifest, media: Media
) -> None:
    clip = media.clip.read_bytes()
    path = "/media?job=ann-de&side=output"
    async with visiting(manifest) as visitor:
        whole, body = await visitor.ask(path)
        assert (whole.status, body) == (200, clip)
        assert whole.headers["Content-Type"] == "video/mp4"
        assert whole.headers["Accept-Ranges"] == "bytes"
        part, body = await visitor.ask(path, Range="bytes=10-19")
        assert (part.status, body) == (206, clip[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(clip)}"
        assert (await visitor.ask(path, Range="bytes=-5"))[1] == clip[-5:]
        assert await visitor.status(path, Range=f"bytes={len(clip)}-") == 416
        _, body = await visitor.ask("/media?job=ann-de&side=source")
        assert body == media.video("ann").read_bytes()


async def test_media_are_named_by_job_and_side_and_never_by_a_path(
    manifest: Manifest, batch: Batch
) -> None:
    (batch.folder / "secret.mp4").write_bytes(b"secret")
    async with visiting(manifest) as visitor:
        for path in (
            "/media",
            "/media?job=ann-de",
            "/media?job=ann-de&side=audio",
            "/media?job=../secret&side=output",
            "/media?job=ann-de&side=../secret.mp4",
            "/media?job=ann-es&side=output",
            "/media?job=%00&side=output",
            "/media/../secret.mp4",
            "/%2e%2e/secret.mp4",
            "/..%2fsecret.mp4",
            "/page/index.html",
            "/__init__.py",
            "/server.py",
        ):
            answer, body = await visitor.ask(path)
            assert answer.status == 404, path
            assert b"secret" not in body


async def test_what_is_no_video_by_its_name_is_not_served_whatever_the_ledger_says(
    batch: Batch, tmp_path: Path
) -> None:
    private = tmp_path / "passwords.txt"
    private.write_text("hunter2")
    manifest = await fill(batch.write_pairs(1), private)
    async with visiting(manifest) as visitor:
        assert await visitor.status("/media?job=ann-de&side=output") == 404
        assert (await visitor.batch())["rows"][0]["output"]["bytes"] is None


async def test_an_output_that_is_gone_is_told_with_the_way_to_get_it_back(
    batch: Batch, tmp_path: Path
) -> None:
    manifest = await fill(batch.write_pairs(1), tmp_path / "gone.mp4")
    async with visiting(manifest) as visitor:
        output = (await visitor.batch())["rows"][0]["output"]
        assert output["bytes"] is None
        assert output["again"] == "batchsync fetch batch.yaml ann-de"
        assert await visitor.status("/media?job=ann-de&side=output") == 404


async def test_a_verdict_is_in_the_ledger_when_it_is_answered(
    manifest: Manifest, batch: Batch
) -> None:
    async with visiting(manifest) as visitor:
        status, row = await visitor.judge(verdict="rejected", note="late lips\r\n  twice \x1b[31m ")
        assert (status, row["verdict"], row["note"]) == (200, "rejected", "late lips\n  twice [31m")
        word = reviews_in(batch.ledger)["ann-de"]
        assert (word.verdict, word.note) == ("rejected", row["note"])
        said = (await visitor.batch())["headline"]["next"]
        assert said[-1]["command"] == (
            "batchsync retry batch.yaml --rejected --set style.generation_mode=pro"
        )
        status, row = await visitor.judge(verdict=None)
        assert (row["verdict"], row["note"]) == (None, "")


BAD_WORDS: list[dict[str, Any]] = [
    {"job": "nobody"},
    {"job": 3},
    {"job": "x" * 1000},
    {"attempt": 2},
    {"attempt": 0},
    {"attempt": "1"},
    {"verdict": "splendid"},
    {"verdict": True},
    {"note": None},
    {"note": "x" * 4001},
    {"at": 0},
    {"job": "ann-es"},
]


async def test_a_word_that_makes_no_sense_is_refused(manifest: Manifest, batch: Batch) -> None:
    async with visiting(manifest) as visitor:
        for fields in BAD_WORDS:
            status, answer = await visitor.judge(**fields)
            assert status in (400, 404, 409), fields
            assert answer["message"]
    assert reviews_in(batch.ledger) == {}


NO_WORDS = (
    "",
    "no json",
    "[]",
    '{"job": "ann-de"',
    "[" * 5000,
    # A lone surrogate, which no database takes.
    '{"job": "ann-de", "attempt": 1, "verdict": null, "note": "\\ud800"}',
)


async def test_what_is_no_word_at_all_is_refused(manifest: Manifest) -> None:
    async with visiting(manifest) as visitor:
        for text in NO_WORDS:
            answer, _ = await visitor.ask(
                "/api/verdict", "PUT", raw=text, Content_Type="application/json"
            )
            assert answer.status == 400, text


async def test_a_verdict_on_an_attempt_that_was_made_anew_meanwhile_is_refused(
    manifest: Manifest, batch: Batch, media: Media
) -> None:
    async with visiting(manifest) as visitor:
        await visitor.judge()
        ledger = SqliteLedger.open(batch.ledger, "again")
        await ledger.move(Transition("ann-de", S.DONE, S.PENDING, 1))
        assert (await visitor.judge())[0] == 409
        await bring(ledger, manifest.jobs[0], media.clip, S.DONE, 2)
        await ledger.close()
        assert (await visitor.judge())[0] == 409
        row = (await visitor.batch())["rows"][0]
        assert (row["attempt"], row["verdict"]) == (2, None)
        assert (await visitor.judge(attempt=2, verdict="approved"))[0] == 200


async def events(visitor: Visitor, since: int) -> AsyncIterator[Any]:
    url = f"{visitor.origin}/api/events?since={since}"
    async with visitor._session.get(url) as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        async for line in answer.content:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])


async def test_changes_are_told_as_they_happen_and_only_what_changed(
    manifest: Manifest, batch: Batch, media: Media
) -> None:
    async with visiting(manifest) as visitor, asyncio.timeout(20):
        begin = await visitor.batch()
        async with aclosing(events(visitor, begin["version"])) as stream:  # type: ignore[type-var]
            listening = asyncio.ensure_future(anext(stream))
            ledger = SqliteLedger.open(batch.ledger, "later")
            await ledger.move(Transition("ann-es", S.FAILED, S.PENDING, 1))
            await ledger.close()
            change = await listening
            assert [row["id"] for row in change["rows"]] == ["ann-es"]
            assert change["headline"]["groups"] == {"done": 2, "waiting": 1}
            await visitor.judge(verdict="approved")
            change = await anext(stream)
            assert [(row["id"], row["verdict"]) for row in change["rows"]] == [
                ("ann-de", "approved")
            ]


async def test_a_listener_who_was_away_is_told_what_was_missed(manifest: Manifest) -> None:
    async with visiting(manifest) as visitor, asyncio.timeout(20):
        version = (await visitor.batch())["version"]
        await visitor.judge()
        await visitor.judge(job="ann-en")
        async with aclosing(events(visitor, version)) as stream:  # type: ignore[type-var]
            assert {row["id"] for row in (await anext(stream))["rows"]} == {"ann-de", "ann-en"}


async def test_the_end_closes_all_listeners_at_once(manifest: Manifest) -> None:
    loop = asyncio.get_running_loop()
    async with visiting(manifest) as visitor, asyncio.timeout(20):
        streams = [events(visitor, 0) for _ in range(5)]
        for stream in streams:
            await anext(stream)
        begin = loop.time()
    assert loop.time() - begin < 2
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_a_batch_that_was_never_run_is_shown_with_the_command_to_start(batch: Batch) -> None:
    manifest = load(batch.write_pairs(2))
    async with visiting(manifest) as visitor:
        told = await visitor.batch()
        assert [row["state"] for row in told["rows"]] == ["pending", "pending"]
        assert told["headline"]["next"] == [
            {"said": "Start 2 jobs", "command": "batchsync run batch.yaml"}
        ]
        assert told["headline"]["credits"] == {
            "charged": 0, "held": 0, "refunded": 0, "cap": 500
        }  # fmt: skip
        assert (await visitor.judge())[0] == 409
    assert not batch.ledger.parent.exists()


async def test_a_ledger_that_is_spoilt_meanwhile_is_said_and_the_rest_stays(
    manifest: Manifest, batch: Batch
) -> None:
    async with visiting(manifest) as visitor:
        before = await visitor.batch()
        batch.ledger.write_bytes(b"spoilt" * 1000)
        after = await visitor.batch()
        assert "no batchsync ledger" in after["trouble"]
        assert after["rows"] == before["rows"]
        assert (await visitor.judge())[0] == 503


async def test_a_spoilt_or_foreign_ledger_stops_it_at_the_start(batch: Batch) -> None:
    manifest = load(batch.write_pairs(1))
    ledger_of(manifest).parent.mkdir()
    ledger_of(manifest).write_bytes(b"spoilt" * 1000)
    with pytest.raises(LedgerUnusable):
        async with visiting(manifest):
            pass


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "example.com", ""])
def test_it_listens_to_this_machine_alone(host: str) -> None:
    with pytest.raises(UsageError, match="SSH tunnel"):
        listen(host, 0)


def test_a_port_in_use_is_an_error_if_asked_for_and_else_another_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, notice = listen("127.0.0.1", 0)
    with first:
        port = first.getsockname()[1]
        assert notice is None
        with pytest.raises(UsageError, match=f"port {port} is in use"):
            listen("localhost", port)
        monkeypatch.setattr("batchsync.review.serving.USUAL_PORT", port)
        second, notice = listen("127.0.0.1", None)
        with second:
            assert second.getsockname()[1] != port
            assert notice == f"port {port} is in use; another is taken"
    assert USUAL_PORT == 8790


def test_the_page_has_all_its_parts_and_none_from_elsewhere() -> None:
    files = {name: body.decode() for name, (body, _) in page_files().items()}
    asked = re.findall(r'(?:href|src)="([^#"]+)"', files["index.html"])
    for text in files.values():
        asked += re.findall(r'from "\./([^"]+)"', text)
        elsewhere = text.replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//cdn|@import|url\(", elsewhere)
        assert not re.search(r"(inner|outer|Adjacent)HTML|document\.write|\beval\(", text)
    assert set(asked) == files.keys() - {"index.html"}
