"""Where the key goes, and where it never does; proxies; the reads."""

import base64
import json
import logging
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from test_client_script import HANG_UP, HOLD, RESET, Answer, answer, free_port, scripted

from batchsync.api import client
from batchsync.api.client import HttpApi
from batchsync.api.protocol import Traffic, UploadItem
from batchsync.errors import (
    BatchsyncError,
    NotSent,
    Redirected,
    Rejected,
    Throttled,
    Unintelligible,
)

KEY = "mhk_live_s3cr3t"
SIGNED = "/bucket/file?signature=5ign3d"


def chain(error: BaseException) -> str:
    """Everything that a log or a traceback would say of an error."""
    texts = ["".join(traceback.format_exception(error))]
    seen: BaseException | None = error
    while seen is not None:
        texts.append(str(seen))
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(texts)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_the_key_goes_to_the_api_as_a_bearer() -> None:
    async with scripted(answer(200, {"credits": 5})) as server, HttpApi(server.url, KEY) as api:
        await api.account()

    request = server.requests[0]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in request.target


async def test_the_key_never_goes_to_storage(tmp_path: Path) -> None:
    source = tmp_path / "a.mp3"
    source.write_bytes(b"abc")
    async with (
        scripted(answer(200, {"credits": 5})) as server,
        scripted(answer(200), answer(200, b"xyz")) as storage,
        HttpApi(server.url, KEY) as api,
    ):
        await api.account()
        await api.put(storage.url + SIGNED, source, 3, lambda _: None)
        await api.get(storage.url + SIGNED, tmp_path / "part", lambda _: None)

    assert len(storage.requests) == 2
    for request in storage.requests:
        assert "authorization" not in request.headers
        assert "cookie" not in request.headers
        assert KEY not in repr(request)
        assert request.target == SIGNED


async def test_the_key_never_goes_to_the_api_host_under_a_storage_url(tmp_path: Path) -> None:
    async with scripted(answer(200, b"xyz")) as server, HttpApi(server.url, KEY) as api:
        await api.get(server.url + SIGNED, tmp_path / "part", lambda _: None)

    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_call_follows_a_redirect(tmp_path: Path, status: int) -> None:
    source = tmp_path / "a.mp3"
    source.write_bytes(b"abc")
    async with scripted(answer(200, {"credits": 1, "items": []})) as elsewhere:
        moved = answer(status, b"", {"Location": elsewhere.url})
        async with scripted(moved) as server, HttpApi(server.url, KEY) as api:
            for call in (
                api.account(),
                api.upload_urls([UploadItem("audio", "mp3")]),
                api.create({}),
                api.project("p"),
                api.put(server.url + SIGNED, source, 3, lambda _: None),
                api.get(server.url + SIGNED, tmp_path / "part", lambda _: None),
            ):
                with pytest.raises(Redirected) as caught:
                    await call
                assert caught.value.status == status
        assert elsewhere.connections == 0


async def test_cookies_are_not_kept() -> None:
    given = answer(200, {"credits": 5}, {"Set-Cookie": "session=abc"})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        await api.account()
        await api.account()

    assert "cookie" not in server.requests[1].headers


@pytest.mark.parametrize(
    "given",
    [
        answer(401, {"message": f"the key {KEY} is bad"}),
        answer(400, {"message": f"Authorization: Bearer {KEY}"}),
        answer(500, KEY.encode()),
        answer(200, {"message": KEY}),
        answer(200, KEY.encode()),
        answer(302, b"", {"Location": f"http://x/{KEY}"}),
        RESET,
        HANG_UP,
        b"HTTP/1.1 garbage\r\n\r\n",
        f"HTTP/1.1 200 OK\r\nX: \x00{KEY}\r\n\r\n".encode(),
        HOLD,
    ],
    ids=range(11),
)
async def test_the_key_is_in_no_error(given: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_CREATE_ANSWER", 0.05)
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        with pytest.raises(BatchsyncError) as caught:
            await api.create({})

    assert KEY not in chain(caught.value)


async def test_a_key_that_the_server_escapes_is_in_no_error_either() -> None:
    key = 'quo"ted/key'
    body = json.dumps({"message": f"bad key {key}"}).encode()
    async with scripted(answer(401, body)) as server, HttpApi(server.url, key) as api:
        with pytest.raises(BatchsyncError) as caught:
            await api.account()

    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "given", [RESET, HANG_UP, b"HTTP/1.1 garbage\r\n\r\n", answer(403), answer(404), answer(302)]
)
async def test_a_signature_is_in_no_error(given: Answer, tmp_path: Path) -> None:
    source = tmp_path / "a.mp3"
    source.write_bytes(b"abc")
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        for call in (
            api.put(server.url + SIGNED, source, 3, lambda _: None),
            api.get(server.url + SIGNED, tmp_path / "part", lambda _: None),
        ):
            with pytest.raises(BatchsyncError) as caught:
                await call
            assert "5ign3d" not in chain(caught.value)


async def test_nothing_is_logged_by_the_way(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with scripted(answer(200, {"credits": 5})) as server, HttpApi(server.url, KEY) as api:
        await api.account()

    assert KEY not in caplog.text


async def test_a_netrc_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password pa55word\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".netrc").write_text(netrc.read_text())
    async with (
        scripted(answer(200, {"credits": 5}), answer(200, b"x")) as server,
        HttpApi(server.url, KEY) as api,
    ):
        await api.account()
        await api.get(server.url + SIGNED, tmp_path / "part", lambda _: None)

    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "authorization" not in server.requests[1].headers


SetEnv = Callable[[str, str], None]


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> SetEnv:
    return monkeypatch.setenv


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_is_used(name: str, proxied: SetEnv) -> None:
    async with scripted(answer(200, {"credits": 5})) as proxy:
        proxied(name, proxy.url)
        async with HttpApi("http://api.example.test", KEY) as api:
            assert (await api.account()).credits == 5

    assert proxy.requests[0].target == "http://api.example.test/v1/account"


async def test_a_proxy_without_a_scheme_is_used_as_other_programs_do(proxied: SetEnv) -> None:
    async with scripted(answer(200, {"credits": 5})) as proxy:
        proxied("HTTP_PROXY", f"127.0.0.1:{proxy.port}")
        async with HttpApi("http://api.example.test", KEY) as api:
            assert (await api.account()).credits == 5


async def test_a_proxys_password_goes_to_the_proxy_alone(proxied: SetEnv) -> None:
    async with scripted(answer(200, {"credits": 5})) as proxy:
        proxied("HTTP_PROXY", f"http://me:pa55@127.0.0.1:{proxy.port}")
        async with HttpApi("http://api.example.test", KEY) as api:
            await api.account()

    secret = base64.b64encode(b"me:pa55").decode()
    assert proxy.requests[0].headers["proxy-authorization"] == f"Basic {secret}"


@pytest.mark.parametrize("exempt", ["127.0.0.1", "*", "example.test,127.0.0.1"])
async def test_hosts_that_are_exempt_are_asked_directly(exempt: str, proxied: SetEnv) -> None:
    async with scripted(answer(500)) as proxy, scripted(answer(200, {"credits": 5})) as server:
        proxied("HTTP_PROXY", proxy.url)
        proxied("NO_PROXY", exempt)
        async with HttpApi(server.url, KEY) as api:
            await api.account()

        assert proxy.connections == 0


async def test_storage_goes_through_the_proxy_too(proxied: SetEnv, tmp_path: Path) -> None:
    async with scripted(answer(200, b"xyz")) as proxy:
        proxied("HTTP_PROXY", proxy.url)
        async with HttpApi("http://api.example.test", KEY) as api:
            await api.get("http://storage.example.test/a?b", tmp_path / "p", lambda _: None)

    assert proxy.requests[0].target == "http://storage.example.test/a?b"
    assert "authorization" not in proxy.requests[0].headers


@pytest.mark.parametrize("given", [answer(403), answer(407), answer(502), answer(503)])
async def test_a_proxy_that_will_not_connect_was_given_nothing(
    given: Answer, proxied: SetEnv
) -> None:
    async with scripted(given) as proxy:
        proxied("HTTPS_PROXY", proxy.url)
        async with HttpApi("https://api.example.test", KEY) as api:
            with pytest.raises(NotSent) as caught:
                await api.create({})

    assert proxy.requests[0].method == "CONNECT"
    assert KEY not in repr(proxy.requests)
    assert KEY not in chain(caught.value)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY"])
async def test_a_proxy_that_is_not_there_was_given_nothing(name: str, proxied: SetEnv) -> None:
    proxied(name, f"http://127.0.0.1:{free_port()}")
    async with HttpApi(f"{name[:-6].lower()}://api.example.test", KEY) as api:
        with pytest.raises(NotSent):
            await api.create({})


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1080", "http://", "http://[bad", "nonsense"])
async def test_a_proxy_of_an_unknown_kind_was_given_nothing(proxy: str, proxied: SetEnv) -> None:
    """A create call that never left must not leave an unconfirmed job."""
    proxied("ALL_PROXY", proxy)
    async with HttpApi("http://api.example.invalid", KEY) as api:
        with pytest.raises(NotSent):
            await api.create({})


async def test_a_project_id_is_quoted_into_the_path() -> None:
    odd = "a/../b?c=d#e%2F ü"
    given = answer(200, {"id": odd, "status": "queued"})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        assert (await api.project(odd)).id == odd

    assert server.requests[0].target == ("/v1/video-projects/a%2F..%2Fb%3Fc%3Dd%23e%252F%20%C3%BC")


async def test_an_answer_about_another_project_is_no_answer() -> None:
    given = answer(200, {"id": "other", "status": "complete"})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        with pytest.raises(Unintelligible, match="another project"):
            await api.project("mine")


async def test_a_base_url_may_have_a_path() -> None:
    given = answer(200, {"credits": 5})
    async with scripted(given) as server, HttpApi(f"{server.url}/gateway/", KEY) as api:
        await api.account()

    assert server.requests[0].target == "/gateway/v1/account"


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("0", 0.0), ("soon", None)])
async def test_a_wait_that_the_server_names_is_passed_on(value: str, seconds: float | None) -> None:
    given = answer(429, b"", {"Retry-After": value})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        with pytest.raises(Throttled) as caught:
            await api.account()

    assert caught.value.retry_after == seconds


async def test_the_servers_clock_is_remembered() -> None:
    given = answer(200, {"credits": 1}, {"Date": "Tue, 01 Sep 2026 10:00:00 GMT"})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        await api.account()

        assert api.server_time is not None
        assert api.server_time.isoformat() == "2026-09-01T10:00:00+00:00"


@pytest.mark.parametrize("date", ["yesterday", "", "Tue, 99 Sep 2026 10:00:00 GMT", "\x81"])
async def test_a_date_that_cannot_be_read_does_no_harm(date: str) -> None:
    given = answer(200, {"credits": 1}, {"Date": date})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        assert (await api.account()).credits == 1


async def test_requests_are_counted_where_they_leave() -> None:
    traffic = Traffic()
    answers = (answer(200, {"id": "p"}), answer(500))
    async with scripted(*answers) as server, HttpApi(server.url, KEY, traffic=traffic) as api:
        await api.create({})
        with pytest.raises(BatchsyncError):
            await api.project("p")

    assert [(request.method, request.target) for request in server.requests] == [
        ("POST", "/v1/lip-sync"),
        ("GET", "/v1/video-projects/p"),
    ]
    assert (traffic.requests["create"], traffic.requests["status"]) == (1, 1)


@pytest.mark.parametrize("count", [0, 1, 3])
async def test_one_place_for_each_file_or_it_is_no_answer(count: int) -> None:
    ticket = {"upload_url": "https://s.example/x", "file_path": "api-assets/x", "expires_at": "?"}
    given = answer(200, {"items": [ticket] * count})
    async with scripted(given) as server, HttpApi(server.url, KEY) as api:
        with pytest.raises(Unintelligible):
            await api.upload_urls([UploadItem("video", "mp4"), UploadItem("audio", "mp3")])

    assert json.loads(server.requests[0].body) == {
        "items": [{"type": "video", "extension": "mp4"}, {"type": "audio", "extension": "mp3"}]
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://storage.example.com/x",
        "https://localhost/x",
        "https://db.internal/x",
        "https://printer.local/x",
        "https://127.0.0.1/x",
        "https://10.0.0.8/x",
        "https://192.168.1.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/x",
        "https://[fd00::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://me:pw@storage.example.com/x",
        "file:///etc/passwd",
        "ftp://storage.example.com/x",
        "//storage.example.com/x",
        "/x",
        "",
        "https://",
        "https://[bad/x",
    ],
)
async def test_a_storage_url_that_leads_astray_is_refused(url: str, tmp_path: Path) -> None:
    async with HttpApi("https://api.example.com", KEY) as api:
        with pytest.raises(Rejected, match="storage URL"):
            await api.get(url, tmp_path / "part", lambda _: None)
    assert list(tmp_path.iterdir()) == []
