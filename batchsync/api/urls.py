"""Which URLs of the service's answers may be followed."""

import ipaddress
import re

from yarl import URL

from batchsync.errors import Rejected

_NUMBERS_ONLY = re.compile(r"(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+))*")


def storage_url(text: str, base: URL) -> URL:
    """A pre-signed URL, kept to the letter: changing its escapes would break the signature.

    An API reached by https must not lead to plain http or into a private network.

    Raises:
        Rejected: the URL may not be followed.
    """
    try:
        url = URL(text, encoded=True)
        host = url.host
    except ValueError as error:
        raise Rejected("the service gave a storage URL that is no URL") from error
    if url.scheme not in ("http", "https") or not host:
        raise Rejected(f"the service gave a storage URL with the scheme {url.scheme!r}")
    if url.user or url.password:
        raise Rejected("the service gave a storage URL with a password in it")
    if base.scheme == "https":
        if url.scheme != "https":
            raise Rejected("the service gave a storage URL without TLS")
        if _is_private(host):
            raise Rejected(f"the service gave a storage URL inside a private network: {host}")
    return url


def _is_private(host: str) -> bool:
    host = host.rstrip(".").lower()
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        # 127.1, 2130706433 and 0x7f000001 are addresses, too, to many resolvers.
        return bool(_NUMBERS_ONLY.fullmatch(host))
