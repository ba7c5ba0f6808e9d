"""What stands where a script of the official SDK has its client."""

import os
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from batchsync.library import generating
from batchsync.library.connecting import Key

P = ParamSpec("P")
R = TypeVar("R")


class _Given:
    """A key and an address, kept for the calls to come.

    Args:
        token: the API key; MAGIC_HOUR_API_KEY without it.
        base_url: of the API; MAGIC_HOUR_BASE_URL without it.
        state_directory: keeps the ledgers; see `generate`.
    """

    def __init__(
        self,
        *,
        token: str | None = None,
        base_url: str | None = None,
        state_directory: str | os.PathLike[str] | None = None,
    ) -> None:
        self._key = Key(token)
        self._base_url = base_url
        self._state_directory = state_directory

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._base_url or 'the Magic Hour API'}>"

    def _added_to(self, keywords: dict[str, object]) -> dict[str, object]:
        own = {
            "api_key": self._key.given,
            "base_url": self._base_url,
            "state_directory": self._state_directory,
        }
        return {**own, **keywords}


def _method(function: Callable[P, R]) -> Callable[Concatenate[_Given, P], R]:
    @wraps(function)
    def call(self: _Given, /, *args: P.args, **keywords: P.kwargs) -> R:
        return function(*args, **self._added_to(keywords))  # type: ignore[arg-type]

    return call


class Client(_Given):
    """`generate`, with the key and the address said once, as the official SDK's client has it."""

    generate = _method(generating.generate)


class AsyncClient(_Given):
    """`agenerate`, likewise; its method is called `generate`, as in the SDK."""

    generate = _method(generating.agenerate)
