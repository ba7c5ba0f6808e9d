"""How programs reach the service."""

import os
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from pydantic import SecretStr

from batchsync import __version__
from batchsync.api.protocol import Api, Traffic
from batchsync.credentials import KEY_FILE_VARIABLE, KEY_VARIABLE, find_key
from batchsync.run import Connect
from batchsync.settings import RunSettings

_NO_KEY = f"""no API key: give api_key=, or set {KEY_VARIABLE}
  get a key at https://magichour.ai/developer
  to try batchsync without one, at no cost, start `batchsync sandbox` in a terminal, and give
  base_url="http://localhost:8765", or set MAGIC_HOUR_BASE_URL to that"""


class Key:
    """An API key that shows itself to nobody; None is looked for in the environment."""

    def __init__(self, text: str | None) -> None:
        if text is not None and not isinstance(text, str):
            raise TypeError(f"api_key is a text, not {type(text).__name__}")
        self._secret = SecretStr(text or "")

    @property
    def given(self) -> str | None:
        """The key as it was given."""
        return self._secret.get_secret_value() or None

    def for_api(self, base_url: str) -> str:
        """The key itself.

        Raises:
            KeyMissing: there is none, and the API is not on this machine.
            UsageError: it can't be a key.
        """
        file = os.environ.get(KEY_FILE_VARIABLE)
        return find_key(base_url, self.given, Path(file) if file else None, _NO_KEY)


def connector(settings: RunSettings, key: Key) -> Connect:
    """Opens the API once there is something to ask of it."""

    def connect(traffic: Traffic) -> AbstractAsyncContextManager[Api]:
        # aiohttp is loaded only where there is something to ask.
        from batchsync.api.client import HttpApi  # noqa: PLC0415

        return HttpApi(
            settings.base_url,
            key.for_api(settings.base_url),
            traffic=traffic,
            transfers=settings.uploads * 2 + settings.downloads + 2,
            user_agent=f"batchsync/{__version__}",
            limit_upload=settings.limit_upload,
            limit_download=settings.limit_download,
        )

    return connect
