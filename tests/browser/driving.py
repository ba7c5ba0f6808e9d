"""Debian's Chromium, driven by Playwright: how to find it, start it, and listen to a page."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "no Chromium here: `apt-get install chromium` (or Chrome), then `make test-browser`"

# Nothing of the browser's own may go out, and it has to start in a container without a display.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A page that fits a phone; a desk; both with room to see what matters without scrolling.
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}

_LISTEN_FOR_VIOLATIONS = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) => window.__violations.push(
  `${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile ?? ''}:${event.lineNumber}`));
"""


def executable() -> str | None:
    """The browser's path, or None where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What a page said on its console, threw, or was refused by its own policy."""

    page: Page
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.add_init_script(_LISTEN_FOR_VIOLATIONS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.said.append(f"thrown: {error}"))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def _console(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.said.append(f"{message.type}: {message.text}")  # type: ignore[attr-defined]

    @property
    def all(self) -> list[str]:
        """Everything there is to complain of so far."""
        return [*self.said, *self.page.evaluate("window.__violations ?? []")]


def accessibility_findings(page: Page) -> list[str]:
    """Serious and critical findings of axe-core, in one line each; none is what one wants."""
    found = Axe().run(page).response["violations"]
    return [
        f"{finding['id']} ({finding['impact']}): {finding['help']}: "
        + " | ".join(" ".join(map(str, node["target"])) for node in finding["nodes"][:5])
        for finding in found
        if finding["impact"] in ("serious", "critical")
    ]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than the window."""
    wide: bool = page.evaluate(
        "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    )
    return wide
