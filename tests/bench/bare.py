"""The bare minimum: an aiohttp loop that sends the requests of a batch and records nothing.

`python -m tests.bench.bare API PAIRS.csv IN_FLIGHT SECONDS STATUS_CALLS`
"""

import asyncio
import csv
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

_KEY = {"Authorization": "Bearer bench"}


class Loop:
    """Sends everything that a batch sends, as often as a batch does."""

    def __init__(self, session: aiohttp.ClientSession, api: str, seconds: float) -> None:
        self._session = session
        self._api = api
        self._seconds = seconds
        self._names: dict[str, asyncio.Future[str]] = {}

    async def job(self, files: Sequence[str], looks: int) -> None:
        """One job from upload to download."""
        await self._upload([file for file in files if file not in self._names])
        video, audio = [await self._names[f] if f in self._names else f for f in files]
        body = {
            "name": "bench",
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
        await self._download(await self._wait(project, looks))

    async def _upload(self, files: Sequence[str]) -> None:
        local = [file for file in files if not file.startswith("https:")]
        if not local:
            return
        loop = asyncio.get_running_loop()
        self._names.update({file: loop.create_future() for file in local})
        kinds = [{"type": "video", "extension": Path(file).suffix[1:]} for file in local]
        items = (await self._ask("POST", "/v1/files/upload-urls", {"items": kinds}))["items"]
        for file, item in zip(local, items, strict=True):
            content = Path(file).read_bytes()
            async with self._session.put(item["upload_url"], data=content) as answer:
                await answer.read()
            self._names[file].set_result(item["file_path"])

    async def _wait(self, project: str, looks: int) -> str:
        while True:
            await asyncio.sleep(self._seconds / looks)
            shown = await self._ask("GET", f"/v1/video-projects/{project}")
            if shown["status"] == "complete":
                return str(shown["downloads"][0]["url"])

    async def _download(self, url: str) -> None:
        async with self._session.get(url) as answer:
            await answer.read()

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        async with self._session.request(
            method, self._api + path, json=body, headers=_KEY
        ) as answer:
            return json.loads(await answer.read())


async def main(api: str, pairs: Path, in_flight: int, seconds: float, status_calls: int) -> None:
    """Run every pair, so many at a time."""
    with pairs.open(encoding="utf-8", newline="") as file:
        jobs = [(row["video"], row["audio"]) for row in csv.DictReader(file)]
    each, more = divmod(status_calls, len(jobs))
    source = iter(enumerate(jobs))

    async def work(loop: Loop) -> None:
        for number, files in source:
            await loop.job(files, max(1, each + (number < more)))

    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:
        loop = Loop(session, api, seconds)
        await asyncio.gather(*(work(loop) for _ in range(in_flight)))


if __name__ == "__main__":
    _, address, table, width, render, calls = sys.argv
    asyncio.run(main(address, Path(table), int(width), float(render), int(calls)))
