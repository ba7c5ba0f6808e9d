"""One browser for the session; a fresh page for each test, which no request can leave.

Fixtures: `browser`; `new_page(**options)` for pages of a given width, colour scheme and so on;
`page`, a desk's; `complaints`, what that page said. Helpers stand in `driving`:
`accessibility_findings(page)`, `scrolls_sideways(page)`, `PHONE`, `DESK`.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser import driving

HERE = Path(__file__).parent

# Milliseconds: a browser on a busy machine is slow, which is no fault of the page.
_PATIENCE = 30_000
expect.set_options(timeout=_PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here needs the browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, started once."""
    if driving.executable() is None:
        pytest.skip(driving.HOW_TO_GET_IT)
    with driving.chromium() as started:
        yield started


def _this_machine_only(route: Route) -> None:
    """Files and this machine's servers; anything else would leave it, and is refused."""
    address = urlsplit(route.request.url)
    if address.scheme in ("file", "data", "blob", "about") or address.hostname == "127.0.0.1":
        route.continue_()
    else:
        route.abort()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens pages, each with a context of its own; options are those of `browser.new_context`."""
    contexts = []

    def open_page(**options: object) -> Page:
        context = browser.new_context(**{"viewport": driving.DESK, **options})
        contexts.append(context)
        context.set_default_timeout(_PATIENCE)
        context.route("**/*", _this_machine_only)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page as wide as a desk's."""
    return new_page()


@pytest.fixture
def complaints(page: Page) -> driving.Complaints:
    """What `page` says from now on; `requests` are the addresses it asked for."""
    return driving.Complaints(page)
