"""The bare minimum: an aiohttp loop that sends the requests of a batch and records nothing.

It uploads a file once, keeps no ledger, checks nothing, tries nothing again and probes no media;
it reads and writes files whole. What it takes is what aiohttp and the requests take.
"""

import argparse
import asyncio
import csv
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

_KEY = {"Authorization": "Bearer bench"}
# As the vendor's documentation advises.
_BACKOFF = 1.5


class Loop:
    """Sends everything that a batch sends."""

    def __init__(self, session: aiohttp.ClientSession, api: str, output: Path) -> None:
        self._session = session
        self._api = api
        self._output = output
        self._names: dict[str, asyncio.Future[str]] = {}

    async def job(self, row: dict[str, str], waits: Iterator[float]) -> None:
        """One job from upload to download."""
        files = (row["video"], row["audio"])
        await self._upload([file for file in files if file not in self._names])
        video, audio = [await self._names[f] if f in self._names else f for f in files]
        body = {
            "name": row["id"],
            "start_seconds": 0,
            "end_seconds": 1,
            "assets": {
                "video_source": "file",
                "video_file_path": video,
                "audio_file_path": audio,
            },
            "style": {"generation_mode": "lite"},
        }
        project = (await self._ask("POST", "/v1/lip-sync", body))["id"]
        url = await self._wait(project, waits)
        async with self._session.get(url) as answer:
            content = await answer.read()
        (self._output / f"{row['id']}.mp4").write_bytes(content)

    async def _upload(self, files: list[str]) -> None:
        local = [file for file in files if not file.startswith("https:")]
        if not local:
            return
        loop = asyncio.get_running_loop()
        self._names.update({file: loop.create_future() for file in local})
        kinds = [{"type": _kind(file), "extension": Path(file).suffix[1:]} for file in local]
        items = (await self._ask("POST", "/v1/files/upload-urls", {"items": kinds}))["items"]
        for file, item in zip(local, items, strict=True):
            content = Path(file).read_bytes()
            async with self._session.put(item["upload_url"], data=content) as answer:
                await answer.read()
            self._names[file].set_result(item["file_path"])

    async def _wait(self, project: str, waits: Iterator[float]) -> str:
        while True:
            await asyncio.sleep(next(waits))
            shown = await self._ask("GET", f"/v1/video-projects/{project}")
            if shown["status"] == "complete":
                return str(shown["downloads"][0]["url"])

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self._session.request(
            method, self._api + path, json=body, headers=_KEY
        ) as answer:
            answer.raise_for_status()
            return json.loads(await answer.read())


def _kind(file: str) -> str:
    return "video" if file.endswith(".mp4") else "audio"


def even(seconds: float, looks: int) -> Iterator[float]:
    """So many looks at a render of so many seconds, the last of them at its end."""
    return itertools.repeat(seconds / looks)


def growing(first: float, longest: float) -> Iterator[float]:
    """The documented policy."""
    while True:
        yield first
        first = min(longest, first * _BACKOFF)


async def run(options: argparse.Namespace) -> None:
    """Run every pair, so many at a time."""
    options.output.mkdir(parents=True, exist_ok=True)
    with options.pairs.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    each, more = divmod(options.looks, len(rows))
    source = iter(enumerate(rows))

    async def work(loop: Loop) -> None:
        for number, row in source:
            if options.looks:
                waits = even(options.render, max(1, each + (number < more)))
            else:
                waits = growing(options.first, options.longest)
            await loop.job(row, waits)

    connector = aiohttp.TCPConnector(limit=options.in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:
        loop = Loop(session, options.api, options.output)
        await asyncio.gather(*(work(loop) for _ in range(options.in_flight)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bare", description=__doc__)
    parser.add_argument("api")
    parser.add_argument("pairs", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--first", type=float, default=3.0, help="first wait, seconds")
    parser.add_argument("--longest", type=float, default=30.0, help="longest wait, seconds")
    parser.add_argument(
        "--looks", type=int, default=0, help="status requests in all, spread evenly"
    )
    parser.add_argument("--render", type=float, default=0.0, help="with --looks: of a job, seconds")
    asyncio.run(run(parser.parse_args()))
