"""The report as people meet it: a file, opened without a network, by mouse, keyboard or phone."""

import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, expect

from batchsync.manifest import load
from batchsync.report.html.next_steps import Commands
from batchsync.report.html.report import Wanted, make
from tests.browser.driving import PHONE, Complaints, accessibility_findings, scrolls_sideways
from tests.support.media import Media
from tests.support.told import Told, tell

SCRIPT = "<script>alert(1)</script>"
HOSTILE = [
    {"name": SCRIPT},
    {"id": "it's", "name": 'say "hi" <img src=x onerror=alert(2)>'},
    {"id": "emoji-🎬", "tags": {"__proto__": "polluted", "constructor": f"</script>{SCRIPT}"}},
    {"id": "עברית", "name": "مرحبا بالعالم"},
    {"id": "__proto__"},
    {"id": "x" * 100},
]


def _report(folder: Path, told: Told, pictures: int = 20) -> Path:
    manifest = tell(folder, told)
    made = make(
        Wanted(
            load(manifest),
            folder / ".batchsync" / "batch.db",
            folder,
            Commands("batch.yaml"),
            pictures,
            now=time.time(),
        )
    )
    path = folder / "report.html"
    path.write_bytes(made.page)
    return path


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, media: Media) -> Path:
    """1,000 jobs, some of them with names that no page should have to bear."""
    told = Told(1000, failed=0.05, unfinished=20, unconfirmed=2, fields=HOSTILE, clips=[media.clip])
    return _report(tmp_path_factory.mktemp("report"), told)


@pytest.fixture
def show(new_page: Callable[..., Page], report: Path) -> Callable[..., Page]:
    """Opens the report without a network; what it complains of is in `page.complaints`.

    Without charts, as in a browser that is too old for them: that spares a second each time.
    """

    def show(path: Path = report, charts: bool = False, **options: object) -> Page:
        page = new_page(offline=True, **options)
        page.complaints = Complaints(page)
        page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
        if not charts:
            page.add_init_script("delete window.DecompressionStream")
        page.goto(path.as_uri())
        page.locator(f"html[data-ready={'charts' if charts else 'table'}]").wait_for()
        return page

    return show


def _ids(page: Page) -> list[str]:
    return page.locator("#rows .toggle").all_inner_texts()


def _found(page: Page) -> str:
    return page.locator("#found").inner_text()


def _becomes(page: Page, expression: str, value: object) -> None:
    # Playwright's own waiting for an expression makes code of a string, which the page forbids.
    deadline = time.monotonic() + 20
    while (found := page.evaluate(expression)) != value:
        assert time.monotonic() < deadline, found
        page.wait_for_timeout(20)


def test_it_opens_without_a_network_and_without_a_complaint(
    show: Callable[..., Page], report: Path
) -> None:
    page = show(charts=True)
    asked = {address for address in page.complaints.requests if not address.startswith("data:")}

    assert page.complaints.all == []
    assert asked == {report.as_uri()}
    assert page.locator(".js-plotly-plot .main-svg").count() >= 3
    expect(page.locator(".verdict")).to_contain_text("of 1,000 jobs are done")


def test_no_name_is_run_and_none_reaches_into_the_script(show: Callable[..., Page]) -> None:
    page = show()

    expect(page.locator("#rows tr").first).to_contain_text(SCRIPT)
    assert _ids(page)[:6] == ["welcome-00000", "it's", "emoji-🎬", "עברית", "__proto__", "x" * 100]
    assert page.evaluate("[({}).polluted, Object.keys(Object.prototype)]") == [None, []]
    # Only those that the page was made with.
    assert page.locator("script").count() == 3


def test_a_browser_that_can_not_draw_the_charts_has_all_the_rest(
    show: Callable[..., Page],
) -> None:
    page = show()

    expect(page.locator("#chart-credits")).to_have_text("This browser can't draw the charts.")
    expect(page.locator("#rows tr")).to_have_count(50)


def test_search_filters_and_failures_narrow_the_table(show: Callable[..., Page]) -> None:
    page = show()
    page.fill("#search", "EMOJI")
    assert _ids(page) == ["emoji-🎬"]
    expect(page.locator("#found")).to_have_text("1 job that fit, of 1,000")

    page.fill("#search", "no such job anywhere")
    expect(page.locator("#none")).to_be_visible()
    page.click("#clear")
    assert _found(page) == "1–50 of 1,000 jobs"

    chip = page.locator(".chip", has_text="failed")
    failed = int(chip.inner_text().removeprefix("failed "))
    chip.click()
    assert _found(page).endswith(f"{failed} jobs that fit, of 1,000")
    page.select_option("#code", "no_source_face")
    assert set(page.locator("#rows .message").all_inner_texts()) == {
        "No face was detected in the video. Use a video with a visible face."
    }

    page.locator(".job.all").first.click()
    expect(page.locator("#code")).to_have_value("no_source_face")
    expect(page.locator(".chip[aria-pressed=true]")).to_have_count(0)


def test_a_job_named_by_a_failure_is_one_click_away(show: Callable[..., Page]) -> None:
    page = show()
    button = page.locator(".trouble .job").first
    job = button.inner_text()
    button.click()

    assert _ids(page) == [job]
    expect(page.locator("#jobs")).to_be_in_viewport()


def test_a_head_sorts_up_down_and_back(show: Callable[..., Page]) -> None:
    page = show()
    head = page.get_by_role("button", name="Credits")
    credits = page.locator("#rows .k-charged")
    column = page.locator("th[data-key=charged]")
    before = _ids(page)

    def shown() -> list[int]:
        return [int(text.split()[0].replace(",", "")) for text in credits.all_inner_texts()]

    head.click()
    expect(column).to_have_attribute("aria-sort", "ascending")
    assert shown() == sorted(shown())
    head.click()
    expect(column).to_have_attribute("aria-sort", "descending")
    assert shown() == sorted(shown(), reverse=True)
    assert shown()[0] == 1000
    head.click()
    assert _ids(page) == before


def test_the_timeline_shows_what_the_filters_let_through(show: Callable[..., Page]) -> None:
    page = show(charts=True)
    lines = "document.getElementById('chart-timeline').data[0].z.length"
    assert page.evaluate(lines) == 400
    expect(page.locator("#timeline-note")).to_contain_text("400 of 990")

    page.fill("#search", "lang=ja")
    _becomes(page, lines, 124)

    # A closer look at a tenth of the jobs shows each of them.
    page.fill("#search", "")
    _becomes(page, lines, 400)
    page.evaluate("Plotly.relayout('chart-timeline', {'yaxis.range': [98.5, -0.5]})")
    _becomes(page, lines, 99)
    assert page.complaints.all == []


def test_outputs_have_pictures_and_links_that_lead_to_them(
    show: Callable[..., Page], report: Path
) -> None:
    page = show()
    pictures = page.locator("#rows img")
    links = page.locator("#rows a.open")

    assert pictures.count() == 20
    assert pictures.first.evaluate("image => image.decode().then(() => image.naturalWidth)") == 144
    for address in links.evaluate_all("links => links.map((link) => link.getAttribute('href'))"):
        assert (report.parent / unquote(address)).is_file()


def test_all_can_be_done_by_keyboard(show: Callable[..., Page]) -> None:
    page = show()
    keyboard = page.keyboard
    focused = "document.activeElement"
    keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "skip"
    keyboard.press("Enter")
    keyboard.press("Tab")
    assert page.evaluate(f"{focused}.id") == "search"
    keyboard.type("lang=ar")
    for _ in range(4):
        keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "chip"
    keyboard.press("Space")
    assert set(page.locator("#rows .pill").all_inner_texts()) == {"done"}

    page.get_by_role("button", name="Job", exact=True).focus()
    keyboard.press("Enter")
    expect(page.locator("th[data-key=id]")).to_have_attribute("aria-sort", "ascending")

    page.locator("#rows .toggle").first.focus()
    keyboard.press("Enter")
    expect(page.locator(".more")).to_contain_text("media.example.com")
    keyboard.press("Enter")
    expect(page.locator(".more")).to_have_count(0)

    page.locator("#following").focus()
    keyboard.press("Enter")
    expect(page.locator("#page")).to_have_text("Page 2 of 3")


def test_by_day_and_by_night_axe_finds_nothing_serious(show: Callable[..., Page]) -> None:
    brightness = """() => getComputedStyle(document.body).backgroundColor
        .match(/\\d+/g).map(Number).reduce((sum, part) => sum + part) / 3"""
    page = show(charts=True)
    page.locator("#rows .toggle").first.click()
    page.locator(".chip").first.click()
    day, findings = page.evaluate(brightness), accessibility_findings(page)
    page.emulate_media(color_scheme="dark")
    night = page.evaluate(brightness)

    assert [*findings, *accessibility_findings(page)] == []
    assert day > 230
    assert night < 40


def test_a_phone_shows_all_of_it_without_scrolling_sideways(show: Callable[..., Page]) -> None:
    page = show(charts=True, viewport=PHONE, is_mobile=True, has_touch=True)
    page.locator("#rows .toggle").nth(5).click()

    assert not scrolls_sideways(page)
    assert accessibility_findings(page) == []
    expect(page.locator("#order")).to_be_visible()
    page.select_option("#order", "charged down")
    expect(page.locator("#rows .k-charged").first).to_contain_text("1,000")


def test_on_paper_there_are_more_rows_and_no_buttons(show: Callable[..., Page]) -> None:
    page = show()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")

    expect(page.locator("#rows tr")).to_have_count(1000)
    expect(page.locator(".filters")).to_be_hidden()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    expect(page.locator("#rows tr")).to_have_count(50)


def test_without_scripts_the_headline_and_the_failures_are_there(
    new_page: Callable[..., Page], report: Path
) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(report.as_uri())

    expect(page.locator(".verdict")).to_contain_text("of 1,000 jobs are done")
    expect(page.locator(".trouble").first).to_contain_text("no_source_face")
    expect(page.locator("noscript")).to_be_visible()


def test_ten_thousand_jobs_are_light_and_each_can_be_found(
    show: Callable[..., Page], tmp_path: Path
) -> None:
    path = _report(tmp_path, Told(10_000), pictures=0)
    # The pictures may add two megabytes to it.
    assert path.stat().st_size < 8_000_000

    page = show(path, charts=True)
    page.fill("#search", "09999")
    assert [job[-5:] for job in _ids(page)] == ["09999"]
    page.click("#clear")
    page.click("#last")
    expect(page.locator("#page")).to_have_text("Page 200 of 200")
    assert page.complaints.all == []


def test_a_batch_without_jobs_or_runs_has_a_report(
    show: Callable[..., Page], tmp_path: Path
) -> None:
    path = _report(tmp_path, Told(2))
    (tmp_path / ".batchsync" / "batch.db").unlink()
    manifest = load(tmp_path / "batch.yaml")
    wanted = Wanted(manifest, tmp_path / "none.db", tmp_path, Commands("batch.yaml"), 0, 0.0)
    path.write_bytes(make(wanted).page)
    page = show(path, charts=True)

    expect(page.locator(".verdict")).to_have_text("2 jobs; nothing has been run yet.")
    expect(page.locator(".next")).to_contain_text("batchsync run batch.yaml")
    assert accessibility_findings(page) == []
    assert page.complaints.all == []
