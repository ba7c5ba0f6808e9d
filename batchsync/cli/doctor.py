"""`batchsync doctor`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from batchsync.cli.options import ApiKeyFile, BaseUrl, api_key, overrides
from batchsync.errors import BatchsyncError, ExitCode

# Less than this on the disk of the working directory is worth a word.
_LITTLE_DISK = 2 * 10**9
# The service's clock and ours may differ by this many seconds before signatures and logs suffer.
_CLOCK_SLACK = 60


def doctor(
    base_url: BaseUrl = None,
    api_key_file: ApiKeyFile = None,
    offline: Annotated[bool, typer.Option("--offline", help="Ask the API nothing.")] = False,
) -> None:
    """Check key, account, API, disk, clock and versions, and say what is wrong in words."""
    from batchsync.settings import settle

    settings = settle({}, overrides(base_url=base_url))
    code = ExitCode.OK
    for name, fine, words, meaning in _checks(settings.base_url, api_key_file, offline):
        sys.stdout.write(f"{'ok  ' if fine else 'BAD '} {name:9} {words}\n")
        if not fine and code is ExitCode.OK:
            code = meaning
    sys.exit(code)


_Check = tuple[str, bool, str, ExitCode]


def _checks(base_url: str, api_key_file: Path | None, offline: bool) -> Iterator[_Check]:
    yield _versions()
    yield _media()
    yield _disk()
    yield "base URL", True, base_url, ExitCode.OK
    try:
        key = api_key(base_url, api_key_file)
    except BatchsyncError as error:
        yield "key", False, str(error), error.exit_code
        return
    yield "key", True, f"set, {len(key)} characters", ExitCode.OK
    if not offline:
        yield from _account(base_url, key)


def _versions() -> _Check:
    import platform
    from importlib.metadata import version

    from batchsync import __version__

    names = ("aiohttp", "av", "pydantic", "tenacity")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    words = f"batchsync {__version__}, Python {platform.python_version()}, {libraries}"
    return "versions", True, words, ExitCode.OK


def _media() -> _Check:
    try:
        import av
    except ImportError as error:
        return "media", False, f"PyAV can't be loaded: {error}", ExitCode.INTERNAL
    ffmpeg = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return "media", True, f"FFmpeg's libavcodec {ffmpeg}", ExitCode.OK


def _disk() -> _Check:
    import shutil

    from rich.filesize import decimal

    free = shutil.disk_usage(Path.cwd()).free
    return "disk", free > _LITTLE_DISK, f"{decimal(free)} free here", ExitCode.USAGE


def _account(base_url: str, key: str) -> Iterator[_Check]:
    import asyncio
    from datetime import UTC, datetime

    from batchsync.api.client import HttpApi
    from batchsync.api.wire import Account

    async def ask() -> tuple[Account, datetime | None]:
        async with HttpApi(base_url, key) as api:
            return await api.account(), api.server_time

    try:
        account, server_time = asyncio.run(ask())
    except BatchsyncError as error:
        code = error.exit_code
        yield "account", False, str(error), code
        return
    plan = account.tier or "unknown"
    yield "account", True, f"plan {plan}, {account.credits:,} credits", ExitCode.OK
    if server_time is not None:
        gap = abs((datetime.now(UTC) - server_time).total_seconds())
        words = f"{gap:.0f} s from the service's"
        yield "clock", gap <= _CLOCK_SLACK, words, ExitCode.USAGE
