"""Where jobs wait, render and end."""

import asyncio
import logging
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, nullcontext
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Final

from batchsync.sandbox.assets import PREFIX, AssetShelf
from batchsync.sandbox.faults import Fate
from batchsync.sandbox.observer import Observer
from batchsync.sandbox.orders import Order
from batchsync.sandbox.projects import ENDED, Project, ProjectBook, Rendition
from batchsync.sandbox.rendering import Cut, MediaError, render
from batchsync.sandbox.rules import ESTIMATE_FPS, frames_between
from batchsync.sandbox.samples import write_video
from batchsync.sandbox.settings import SandboxSettings
from batchsync.sandbox.standins import StandIns

_FAST_FILE: Final = "fast.mp4"
_FAST_SIZE: Final = (64, 36)

logger = logging.getLogger(__name__)


class RenderFarm:
    """Runs each job as a task, and the renders themselves in threads."""

    def __init__(
        self,
        settings: SandboxSettings,
        book: ProjectBook,
        shelf: AssetShelf,
        observer: Observer,
        folder: Path,
    ) -> None:
        self._settings = settings
        self._book = book
        self._shelf = shelf
        self._observer = observer
        self._folder = folder
        self._standins = StandIns(folder)
        self._threads = ThreadPoolExecutor(settings.workers, thread_name_prefix="sandbox-render")
        self._stop = Event()
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._renders: dict[str, asyncio.Task[Rendition]] = {}
        limit = settings.max_concurrent
        self._slots: AbstractAsyncContextManager[None] = (
            nullcontext() if limit is None else asyncio.Semaphore(limit)
        )

    def submit(self, project: Project) -> None:
        """Begin with a job as soon as there is a place for it."""
        task = asyncio.create_task(self._run(project), name=f"render {project.id}")
        self._jobs[project.id] = task
        task.add_done_callback(lambda _: self._jobs.pop(project.id, None))

    def resume(self) -> None:
        """Begin again with what an earlier process left unfinished."""
        for project in [one for one in self._book if one.status not in ENDED]:
            self.submit(project)

    def abandon(self, project_id: str) -> None:
        """Stop caring for a job."""
        if task := self._jobs.get(project_id):
            task.cancel()

    def content(self, order: Order) -> str:
        """A digest of what an order renders: the same for the same files under other paths."""
        parts = (self._identity(order.video), self._identity(order.audio))
        text = f"{parts} {order.start} {order.end} {order.max_fps} {order.mode}"
        return sha256(text.encode()).hexdigest()

    def file(self, rendition: Rendition) -> Path:
        """Where an output lies."""
        return self._folder / rendition.file

    async def close(self) -> None:
        """Stop all jobs; unfinished ones stay as they are in the book."""
        self._stop.set()
        tasks = [*self._jobs.values(), *self._renders.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _run(self, project: Project) -> None:
        async with self._slots:
            with self._observer.rendering.one():
                self._book.begin(project.id)
                await self._work(project)

    async def _work(self, project: Project) -> None:
        least = asyncio.sleep(self._seconds(project))
        if project.fate is not None:
            await least
            await self._meet(project, project.fate)
            return
        outcome, _ = await asyncio.gather(self._rendition(project), least, return_exceptions=True)
        if isinstance(outcome, Rendition):
            self._book.complete(project.id, outcome)
        elif isinstance(outcome, MediaError):
            self._book.fail(project.id, outcome.code)
        else:
            logger.error("render of %s failed", project.id, exc_info=outcome)
            self._book.fail(project.id, "unknown_error")

    async def _meet(self, project: Project, fate: Fate) -> None:
        if fate.end == "stuck":
            await asyncio.Event().wait()
        elif fate.end == "cancel":
            self._book.cancel(project.id)
        else:
            self._book.fail(project.id, fate.code or "unknown_error")

    def _seconds(self, project: Project) -> float:
        # Drawn by the number of the job, not from one generator: the order in which renders
        # begin depends on timing and would make the draws so too.
        dice = random.Random(f"{self._settings.seed}:{project.number}")  # noqa: S311
        return dice.uniform(*self._settings.render_range)

    async def _rendition(self, project: Project) -> Rendition:
        """The output of a job; jobs with the same content share one render."""
        if self._settings.fast:
            return await self._fast(project.order)
        task = self._render_once(
            project.content, lambda: self._render(project.order, f"{project.content}.mp4")
        )
        # Shielded: a job that is abandoned must not end the render that others wait for.
        return await asyncio.shield(task)

    async def _fast(self, order: Order) -> Rendition:
        await asyncio.shield(self._render_once(_FAST_FILE, self._write_fast))
        fps = min(float(ESTIMATE_FPS), order.max_fps or ESTIMATE_FPS)
        return Rendition(_FAST_FILE, frames_between(order.start, order.end, fps), fps, *_FAST_SIZE)

    def _render_once(self, key: str, work: Callable[[], Rendition]) -> asyncio.Task[Rendition]:
        task = self._renders.get(key)
        # What failed is tried again: the disk may have been full, the file uploaded anew.
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._renders[key] = asyncio.create_task(self._in_thread(work))
        return task

    async def _in_thread(self, work: Callable[[], Rendition]) -> Rendition:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _render(self, order: Order, name: str) -> Rendition:
        cut = self._cut(order)
        part = self._folder / f"part-{name}"
        try:
            made = render(cut, part, self._stop.is_set)
            part.replace(self._folder / name)
        finally:
            part.unlink(missing_ok=True)
        return Rendition(name, made.frames, made.fps, made.width, made.height)

    def _write_fast(self) -> Rendition:
        width, height = _FAST_SIZE
        write_video(
            self._folder / _FAST_FILE, seconds=1, fps=5, width=width, height=height, voice="alto"
        )
        return Rendition(_FAST_FILE, 5, 5, width, height)

    def _cut(self, order: Order) -> Cut:
        start, end = order.start, order.end
        if order.video.startswith(PREFIX):
            video = self._shelf.file(order.video)
        else:
            # A stand-in is as long as the range, wherever that lies: nobody knows what was there.
            start, end = 0.0, end - start
            video = self._standins.video(order.video, end)
        audio = (
            self._shelf.file(order.audio)
            if order.audio.startswith(PREFIX)
            else self._standins.audio(order.audio, order.end - order.start)
        )
        return Cut(video, audio, start, end, order.max_fps)

    def _identity(self, reference: str) -> str:
        return self._shelf.digest(reference) or reference
