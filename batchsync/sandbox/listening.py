"""Sockets for a host name: all its addresses, one port."""

import errno
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

_ANY_PORT_TRIES: Final = 20
_LOCAL: Final = ("127.0.0.1", "::1")


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen at a host.

    `localhost` and `127.0.0.1` both mean both addresses of this machine, since the API takes one
    of the names and the storage the other.

    Raises:
        OSError: The port is taken, or the host is not this machine.
    """
    addresses = _LOCAL if host in {"localhost", *_LOCAL} else (host,)
    for _ in range(_ANY_PORT_TRIES - 1):
        try:
            return _bind_all(addresses, port)
        except OSError as error:
            # Some free port of IPv4 may be taken in IPv6: then take another.
            if port or error.errno != errno.EADDRINUSE:
                raise
    return _bind_all(addresses, port)


def _bind_all(addresses: Iterable[str], port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        for address in addresses:
            with suppress(_NoSuchAddress):
                sockets.append(_bind(address, port))
                port = sockets[0].getsockname()[1]
    except OSError:
        for sock in sockets:
            sock.close()
        raise
    return sockets


class _NoSuchAddress(Exception):
    """This machine has no IPv6."""


def _bind(address: str, port: int) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(
        address, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    try:
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _NoSuchAddress from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        sock.listen(1024)
    except OSError as error:
        sock.close()
        if address == "::1" and error.errno == errno.EADDRNOTAVAIL:
            raise _NoSuchAddress from error
        raise
    return sock
