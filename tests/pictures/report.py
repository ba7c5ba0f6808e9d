"""The report of a batch that was told, as Chromium shows it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.filter import Graph
from playwright.sync_api import Page

from batchsync.manifest import load
from batchsync.report.html.next_steps import Commands
from batchsync.report.html.report import Wanted, make
from tests.browser.driving import chromium
from tests.support.told import EVENING, Told, tell

_WINDOW = {"width": 1180, "height": 1000}
_COLOURS = (("0x27496d", "0xdaa49a"), ("0x1f6f5c", "0xe9d8a6"), ("0x5b3a70", "0xf2b880"))


def main(folder: Path) -> None:
    """Write report.png, its head; and report-time.png, report-jobs.png, what is below."""
    with tempfile.TemporaryDirectory() as place, _shown(_report(Path(place))) as page:
        for name, anchor in (
            ("report", "body"),
            ("report-time", "#h-time"),
            ("report-jobs", "#jobs"),
        ):
            page.locator(anchor).evaluate("place => place.scrollIntoView({behavior: 'instant'})")
            page.wait_for_timeout(300)
            page.screenshot(path=folder / f"{name}.png")


def _report(folder: Path) -> Path:
    clips = [_clip(folder / f"clip{number}.mp4", *pair) for number, pair in enumerate(_COLOURS)]
    told = Told(240, failed=0.05, unconfirmed=1, clips=clips)
    manifest = tell(folder, told, "spring-campaign")
    wanted = Wanted(
        load(manifest),
        folder / ".batchsync" / "spring-campaign.db",
        folder,
        Commands("spring-campaign.yaml"),
        pictures=50,
        now=EVENING + 3600,
    )
    path = folder / "report.html"
    path.write_bytes(make(wanted).page)
    return path


def _clip(path: Path, first: str, second: str) -> Path:
    """One second of two colours that flow into each other."""
    graph = Graph()
    source = graph.add("gradients", f"size=320x180:rate=5:duration=1:c0={first}:c1={second}:seed=3")
    source.link_to(graph.add("buffersink"))
    graph.configure()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 5, {"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(5):
            frame = graph.pull().reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@contextmanager
def _shown(path: Path) -> Iterator[Page]:
    with chromium() as browser:
        # The same picture wherever it is made.
        page = browser.new_page(viewport=_WINDOW, timezone_id="UTC", locale="en-GB")
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=charts]", timeout=60_000)
        yield page
