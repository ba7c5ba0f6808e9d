"""Pre-signed URLs: who holds one may do one thing with one path until it expires."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from pathlib import Path
from secrets import token_bytes
from urllib.parse import urlencode

from batchsync.sandbox.answers import refuse_storage


class UrlSigner:
    """Signs URLs of the storage host and checks them."""

    def __init__(self, secret: bytes, clock: Callable[[], float]) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, origin: str, method: str, path: str, seconds: float) -> tuple[str, float]:
        """A URL for one method and path, and when it expires."""
        expires = self._clock() + seconds
        stamp = f"{expires:.3f}"
        query = urlencode({"expires": stamp, "signature": self._signature(method, path, stamp)})
        return f"{origin}{path}?{query}", expires

    def check(self, method: str, path: str, query: Mapping[str, str]) -> None:
        """Let a request pass that carries a good signature.

        Raises:
            Refusal: 403 in the storage's form.
        """
        # HEAD is a GET without its body, here as in object stores' gateways.
        method = "GET" if method == "HEAD" else method
        stamp = query.get("expires", "")
        expected = self._signature(method, path, stamp)
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            raise refuse_storage(403, "SignatureDoesNotMatch", "The signature does not match")
        if float(stamp) <= self._clock():
            raise refuse_storage(403, "AccessDenied", "Request has expired")

    def _signature(self, method: str, path: str, stamp: str) -> str:
        signed = f"{method}\n{path}\n{stamp}".encode()
        return hmac.new(self._secret, signed, hashlib.sha256).hexdigest()


def keep_secret(path: Path) -> bytes:
    """The secret of a data directory, so that URLs hold over a restart."""
    if not path.exists():
        path.write_bytes(token_bytes(32))
        path.chmod(0o600)
    return path.read_bytes()
