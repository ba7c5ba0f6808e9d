"""The official SDK on a batch, called as its documentation shows: `lip_sync.generate` for each job.

Uploads, polling (each 0.5 s, or MAGIC_HOUR_POLL_INTERVAL) and downloads are its own. What is ours:
so many calls at a time, and a count of those that raised. It prints that count as JSON.
"""

import argparse
import asyncio
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from magic_hour import AsyncClient, Client  # type: ignore[import-untyped]

_KEY = "bench"


def _call(row: dict[str, str], output: Path) -> dict[str, Any]:
    return {
        "assets": {
            "video_source": "file",
            "video_file_path": row["video"],
            "audio_file_path": row["audio"],
        },
        "name": row["id"],
        "start_seconds": 0.0,
        "end_seconds": 1.0,
        "style": {"generation_mode": "lite"},
        "wait_for_completion": True,
        "download_outputs": True,
        "download_directory": str(output),
    }


def with_threads(api: str, calls: Iterable[dict[str, Any]], width: int) -> list[str]:
    """The client in a pool of threads; what came of each call."""
    client = Client(token=_KEY, base_url=api)

    def generate(call: dict[str, Any]) -> str:
        try:
            return str(client.v1.lip_sync.generate(**call).status)
        except Exception as error:
            return type(error).__name__

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(generate, calls))


async def with_asyncio(api: str, calls: Iterable[dict[str, Any]], width: int) -> list[str]:
    """The async client, as many at a time; what came of each call."""
    client = AsyncClient(token=_KEY, base_url=api)
    room = asyncio.Semaphore(width)

    async def generate(call: dict[str, Any]) -> str:
        async with room:
            try:
                return str((await client.v1.lip_sync.generate(**call)).status)
            except Exception as error:
                return type(error).__name__

    return list(await asyncio.gather(*(generate(call) for call in calls)))


def main(options: argparse.Namespace) -> None:
    """Run every pair."""
    # The SDK does not make the folder.
    options.output.mkdir(parents=True, exist_ok=True)
    with options.pairs.open(encoding="utf-8", newline="") as file:
        calls = [_call(row, options.output) for row in csv.DictReader(file)]
    if options.mode == "threads":
        ends = with_threads(options.api, calls, options.width)
    else:
        ends = asyncio.run(with_asyncio(options.api, calls, options.width))
    json.dump(Counter(ends), sys.stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sdk", description=__doc__)
    parser.add_argument("mode", choices=("threads", "asyncio"))
    parser.add_argument("api")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--width", type=int, default=24)
    main(parser.parse_args())
