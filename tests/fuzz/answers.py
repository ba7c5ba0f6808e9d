"""`python -m tests.fuzz.answers [-max_total_time=60]`: API answers of any bytes."""

from tests.fuzz.harness import fuzz, refuse_without_atheris

refuse_without_atheris()

import atheris  # noqa: E402 - only once it is known to be there

with atheris.instrument_imports(include=["batchsync"]):
    from batchsync.api import wire
    from batchsync.api.answers import message_of, retry_after
    from batchsync.api.urls import storage_url
    from batchsync.errors import RemoteError
    from batchsync.stages.poll import read

from yarl import URL  # noqa: E402

_BASE = URL("https://api.magichour.ai")


def one_input(data: bytes) -> None:
    """The same bytes as every answer, and as a header and a URL."""
    for reader in (
        wire.read_created,
        wire.read_account,
        lambda body: read(wire.read_project(body, "a")),
        lambda body: wire.read_upload_urls(body, 1),
        lambda body: storage_url(body.decode("utf-8", "replace"), _BASE),
    ):
        try:
            reader(data)
        except RemoteError as error:
            assert str(error)
    assert message_of(data).isprintable()
    wait = retry_after(data.decode("latin-1"))
    assert wait is None or 0 <= wait <= 600


if __name__ == "__main__":
    fuzz(one_input)
