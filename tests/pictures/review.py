"""The picture of the review page: a small campaign, half judged, with a video playing."""

import asyncio
import tempfile
from pathlib import Path

import yaml

from batchsync.ledger import RunRecord, SqliteLedger
from batchsync.ledger.reviews import Review, Verdict, record_review
from batchsync.manifest import load
from batchsync.model import Job, JobState
from batchsync.sandbox.rendering import Cut, render
from batchsync.sandbox.samples import write_audio, write_video
from tests.browser.driving import chromium
from tests.support.cli import until
from tests.support.finished import apart, bring, ledger_of
from tests.support.reviewing import review_thread

# So that two runs of the script give one picture.
_EVENING = 1_782_931_500.0
_SIZE = {"width": 1280, "height": 860}
_VIDEOS = {"welcome": "mandelbrot", "intro": "gradients", "outro": "testsrc2"}
_VOICES = {"de": "tenor", "es": "baritone", "fr": "soprano", "ja": "alto"}
_STATES = {"outro-ja": JobState.FAILED}
_WORDS = (
    ("welcome-de", Verdict.APPROVED, ""),
    ("welcome-es", Verdict.APPROVED, ""),
    ("welcome-fr", Verdict.REJECTED, "lips late from 0:02 on"),
    ("intro-de", Verdict.APPROVED, ""),
)
_SHOWN = "welcome-fr"


def main(folder: Path) -> None:
    """Write `review.png` into a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        manifest = _make(Path(scratch))
        with review_thread(manifest) as link, chromium() as browser:
            page = browser.new_page(viewport=_SIZE, locale="en-GB", timezone_id="UTC")
            page.goto(link)
            page.wait_for_selector("body[data-ready]")
            page.click(f"[role=option]:has-text('{_SHOWN}')")
            until(lambda: page.evaluate("source.readyState > 2 && output.readyState > 2"))
            page.evaluate("seek.value = 2.2, seek.dispatchEvent(new Event('input'))")
            until(lambda: page.evaluate("!source.seeking && !output.seeking"))
            page.screenshot(path=folder / "review.png")


def _make(folder: Path) -> Path:
    for show, pattern in _VIDEOS.items():
        write_video(folder / f"{show}.mp4", seconds=6, width=640, height=360, pattern=pattern)
    for lang, voice in _VOICES.items():
        write_audio(folder / f"{lang}.mp3", seconds=4, voice=voice)
    jobs = [
        {
            "id": f"{show}-{lang}",
            "video": f"{show}.mp4",
            "audio": f"{lang}.mp3",
            "start_seconds": 1,
            "end_seconds": 5,
            "tags": {"lang": lang, "show": show},
        }
        for show in _VIDEOS
        for lang in _VOICES
    ]
    path = folder / "spring.yaml"
    path.write_text(yaml.safe_dump({"version": 1, "jobs": jobs, "run": {"max_credits": 5000}}))
    apart(_fill(path))
    for job, verdict, note in _WORDS:
        record_review(ledger_of(load(path)), Review(job, 1, verdict, note, _EVENING))
    return path


async def _fill(path: Path) -> None:
    manifest = load(path)
    ledger = SqliteLedger.open(ledger_of(manifest), "made")
    await ledger.enroll(manifest.jobs)
    run = RunRecord("made", _EVENING, None, "host", 1, str(path), "http://127.0.0.1", "1", None)
    await ledger.begin_run(run)
    for job in manifest.jobs:
        output = await asyncio.to_thread(_dub, job, path.parent / f"{job.id}.mp4")
        await bring(ledger, job, output, _STATES.get(job.id, JobState.DONE))
    await ledger.end_run("made", _EVENING + 300, 3, "{}")
    await ledger.close()


def _dub(job: Job, target: Path) -> Path:
    render(Cut(job.video.path, job.audio.path, job.start_seconds, 5.0, None), target)
    return target
