"""Who may ask: this machine, this page, whoever has the link. And what a browser may do with it.

Any web page that the user has open can send requests to a port of this machine, and any other
user of the machine can connect to it. See "Threat model" in docs/review.md.
"""

import hmac
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Names under which a browser reaches this machine itself. A name of the attacker's that resolves
# to 127.0.0.1 (DNS rebinding) is not among them. Any port: an SSH tunnel may end at another.
_OWN_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
_READING = frozenset({"GET", "HEAD"})

_POLICY = "; ".join(
    [
        "default-src 'none'",
        *(f"{kind}-src 'self'" for kind in ("script", "style", "img", "media", "connect")),
        *(f"{what} 'none'" for what in ("base-uri", "form-action", "frame-ancestors")),
        # Text that is not ours never becomes markup: the browser itself refuses innerHTML.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
    "Server": "batchsync",
}

_ASK = (
    "This page needs the link that `batchsync review` printed in the terminal;\n"
    "it ends in ?token=… and works until that command ends.\n"
)


class Guard:
    """The secrets of one server, and its judgement on each request."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self._session = secrets.token_urlsafe(32)
        self._tickets: set[str] = set()

    def ticket(self) -> str:
        """A token for one use: what is handed to a browser can be read in the process list."""
        ticket = secrets.token_urlsafe(32)
        self._tickets.add(ticket)
        return ticket

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Refuse what did not come from the page; give who brings the link a cookie."""
        if refusal := _foreign(request):
            return web.Response(status=403, text=f"refused: {refusal}\n")
        came_by_link = request.path == "/" and self._has_link(request)
        if not (came_by_link or self._has_cookie(request)):
            return web.Response(status=401, text=_ASK)
        response = await handler(request)
        if came_by_link:
            response.set_cookie(
                _cookie_name(request), self._session, httponly=True, samesite="Strict", path="/"
            )
        return response

    def _has_link(self, request: web.Request) -> bool:
        if _same(request.query.get("token", ""), self.token):
            return True
        given = request.query.get("ticket", "")
        used = next((ticket for ticket in self._tickets if _same(given, ticket)), None)
        if used is None:
            return False
        self._tickets.discard(used)
        return True

    def _has_cookie(self, request: web.Request) -> bool:
        return _same(request.cookies.get(_cookie_name(request), ""), self._session)


def _foreign(request: web.Request) -> str | None:
    """Why a request can't have come from the page itself, or None."""
    host = request.headers.get("Host", "")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        name = None
    if name not in _OWN_NAMES:
        return "this server answers to 127.0.0.1 and localhost alone"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{host}":
        return "another page asked"
    # Browsers say who asks; another port of this machine is "same-site", and as foreign.
    site = request.headers.get("Sec-Fetch-Site", "none")
    opened = request.path == "/" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    if site not in ("same-origin", "none") and not opened:
        return "another page asked"
    if request.method not in _READING:
        if origin is None:
            return "no origin"
        if request.content_type != "application/json":
            return "only JSON is taken"
    return None


def _cookie_name(request: web.Request) -> str:
    # All ports of a host share their cookies: two reviews must not take each other's.
    own = request.transport.get_extra_info("sockname")[1] if request.transport else 0
    return f"batchsync-review-{own}"


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), right.encode())


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """On every answer, whatever made it."""
    response.headers.update(HEADERS)
