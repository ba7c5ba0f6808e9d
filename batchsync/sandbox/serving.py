"""One sandbox in the foreground, until a signal ends it."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

from batchsync.sandbox.server import Sandbox
from batchsync.sandbox.settings import SandboxSettings


def serve(
    settings: SandboxSettings, *, say: Callable[[str], None], ready_file: Path | None
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: What the sandbox is to be like.
        say: Takes each line for the user.
        ready_file: Written once the sandbox listens, removed when it ends.

    Raises:
        OSError: It cannot listen at its port.
        ValueError: A fault is not understood.
    """
    asyncio.run(_serve(settings, say, ready_file))


async def _serve(
    settings: SandboxSettings, say: Callable[[str], None], ready_file: Path | None
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with Sandbox(settings) as sandbox:
        if ready_file is not None:
            await asyncio.to_thread(_write_ready, ready_file, sandbox)
        for line in _greeting(sandbox):
            say(line)
        try:
            await ended.wait()
        finally:
            if ready_file is not None:
                await asyncio.to_thread(ready_file.unlink, missing_ok=True)
            _count(sandbox, say)


def _write_ready(path: Path, sandbox: Sandbox) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    content = {
        "base_url": sandbox.base_url,
        "storage_url": sandbox.storage_url,
        "pid": os.getpid(),
    }
    part.write_text(json.dumps(content) + "\n", encoding="utf-8")
    part.replace(path)


def _greeting(sandbox: Sandbox) -> list[str]:
    settings = sandbox.settings
    key = settings.key or "sandbox"
    lines = [
        f"Sandbox at {sandbox.base_url} (storage at {sandbox.storage_url}). Ctrl-C ends it.",
        "No credits are real, and no lips are moved: outputs are the video with the new audio.",
        "In another terminal:",
        f"  export MAGIC_HOUR_BASE_URL={sandbox.base_url} MAGIC_HOUR_API_KEY={key}",
        f"  curl {sandbox.base_url}/_sandbox    # what it has seen",
    ]
    if settings.faults:
        lines.append(f"Faults: {', '.join(settings.faults)}")
    return lines


def _count(sandbox: Sandbox, say: Callable[[str], None]) -> None:
    report = sandbox.report()
    say(
        f"{report['creates']} jobs, {report['spent']} credits spent, "
        f"{len(report['duplicates'])} bought twice."
    )
