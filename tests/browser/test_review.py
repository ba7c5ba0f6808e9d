"""The review page, as people meet it: played, judged, searched, by keyboard and on a phone."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.sync_api import Page, expect

from batchsync.ledger import SqliteLedger, Transition, read_only
from batchsync.ledger.reviews import Review, read_reviews, record_review
from batchsync.manifest import load
from batchsync.model import JobState
from tests.browser.driving import (
    PHONE,
    Complaints,
    accessibility_findings,
    scrolls_sideways,
)
from tests.support.batches import Batch
from tests.support.cli import until
from tests.support.finished import FAILURE, apart, bring, fill
from tests.support.media import Media
from tests.support.reviewing import review_thread

SCRIPT = "<script>alert(1)</script>"
NASTY = {
    "script": f'{SCRIPT}"><img src=x onerror=alert(2)>',
    "quotes": "\"double\" 'single' `back`",
    "emoji": "👩🏽‍🎤 fanfare 🎺",
    "arabic": "مرحبا بالعالم",
    "long": "a very long name " * 12,
}
Opens = Callable[..., str]


@pytest.fixture
def opens(batch: Batch, media: Media) -> Iterator[Opens]:
    """Fills a batch's ledger and serves its page; jobs are done unless said otherwise."""
    with ExitStack() as stack:

        def serve(
            jobs: list[dict[str, Any]],
            states: Mapping[str, JobState] | None = None,
            output: str = "",
        ) -> str:
            path = batch.write(jobs)
            apart(fill(path, Path(output or media.clip), states))
            return stack.enter_context(review_thread(path))

        yield serve


def enter(page: Page, link: str) -> Page:
    page.goto(link)
    page.wait_for_selector("body[data-ready]")
    return page


def reviews(batch: Batch) -> dict[str, Review]:
    with closing(read_only(batch.ledger)) as connection:
        return read_reviews(connection)


def comes_true(page: Page, condition: str) -> None:
    """Playwright's own way to wait evaluates text in the page, which its policy refuses."""
    until(lambda: page.evaluate(condition), 15)


def title(page: Page) -> str:
    return page.inner_text("#job-name")


def said(page: Page, words: str) -> None:
    expect(page.locator("#said")).to_contain_text(words)


def test_the_range_of_the_source_plays_beside_the_output_and_one_is_heard(
    page: Page, complaints: Complaints, batch: Batch, opens: Opens
) -> None:
    enter(page, opens([batch.job(start_seconds=0.5, end_seconds=2)]))
    comes_true(page, "document.getElementById('output').readyState > 2")
    page.keyboard.press("Space")
    comes_true(page, "document.getElementById('output').currentTime > 0.6")

    apart = page.evaluate("source.currentTime - output.currentTime")
    assert apart == pytest.approx(0.5, abs=0.2)
    assert page.evaluate("[source.muted, output.muted]") == [True, False]
    page.keyboard.press("s")
    assert page.evaluate("[source.muted, output.muted]") == [False, True]
    page.keyboard.press("Space")
    comes_true(page, "output.paused && source.paused && !source.seeking && !output.seeking")
    assert page.evaluate("source.currentTime - output.currentTime") == pytest.approx(0.5, abs=0.01)
    at = page.evaluate("output.currentTime")
    page.keyboard.press("Shift+ArrowLeft")
    assert page.evaluate("output.currentTime") == pytest.approx(max(0, at - 1), abs=0.01)
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press(",")
    assert page.evaluate("output.currentTime") == pytest.approx(0.96, abs=0.01)
    # A .mov and so on are the same to it; nothing but this server was asked.
    assert complaints.all == []
    assert {address.split("/")[2] for address in complaints.requests} == {page.url.split("/")[2]}


def test_a_batch_is_judged_and_undone_by_keys_alone_and_the_ledger_knows_at_once(
    page: Page, batch: Batch, opens: Opens
) -> None:
    enter(page, opens(batch.pairs(4)))
    assert title(page) == "ann-de"
    page.keyboard.press("a")
    said(page, "Approved ann-de")
    assert reviews(batch)["ann-de"].verdict == "approved"
    assert title(page) == "ann-en"
    page.keyboard.press("n")
    page.keyboard.type("lips are late, a quiet ending")
    page.keyboard.press("Enter")
    said(page, "Note kept")
    page.keyboard.press("r")
    said(page, "Rejected ann-en")
    word = reviews(batch)["ann-en"]
    assert (word.verdict, word.note) == ("rejected", "lips are late, a quiet ending")
    page.keyboard.press("u")
    said(page, "Undone: ann-en")
    assert title(page) == "ann-en"
    assert reviews(batch)["ann-en"].verdict is None
    page.keyboard.press("ArrowLeft")
    assert title(page) == "ann-de"
    expect(page.locator("#approve")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("End")
    assert title(page) == "ann-fr"
    assert page.evaluate("document.getElementById('note').value") == ""


def test_the_buttons_do_what_the_keys_do_and_space_still_plays_after_a_click(
    page: Page, batch: Batch, opens: Opens
) -> None:
    enter(page, opens(batch.pairs(2)))
    page.uncheck("#advance")
    page.click("#reject")
    said(page, "Rejected ann-de")
    expect(page.locator("#next")).to_contain_text(
        "retry batch.yaml --rejected --set style.generation_mode=pro"
    )
    comes_true(page, "document.getElementById('output').readyState > 2")
    page.keyboard.press("Space")
    comes_true(page, "!document.getElementById('output').paused")
    assert reviews(batch)["ann-de"].verdict == "rejected"
    page.click("#undo")
    said(page, "Undone")
    page.fill("#note", "  written, then approved by a click ")
    page.click("#approve")
    said(page, "Approved ann-de")
    assert reviews(batch)["ann-de"].note == "written, then approved by a click"
    page.keyboard.press("u")
    said(page, "Undone")
    word = reviews(batch)["ann-de"]
    assert (word.verdict, word.note) == (None, "written, then approved by a click")
    page.keyboard.press("a")
    page.keyboard.press("ArrowRight")
    page.click("#approve")
    expect(page.locator("#next")).to_contain_text("All 2 outputs are approved")


def test_jobs_are_found_by_tag_status_verdict_and_words(
    page: Page, batch: Batch, opens: Opens
) -> None:
    jobs = [
        job | {"tags": {"lang": job["id"][-2:], "show": job["id"][:3]}} for job in batch.pairs(8)
    ]
    link = opens(jobs, {"ann-es": JobState.FAILED, "bob-de": JobState.SUBMITTED})
    record_review(batch.ledger, Review("ann-de", 1, "rejected", "Too Loud", 1.0))  # type: ignore[arg-type]
    enter(page, link)
    found = page.locator("#found")
    for select, value, count in [
        ("#tag-filters select >> nth=0", "de", 2),
        ("#group-filter", "failed", 1),
        ("#group-filter", "in flight", 1),
        ("#verdict-filter", "rejected", 1),
        ("#verdict-filter", "unjudged", 5),
    ]:
        page.select_option(select, value)
        expect(found).to_have_text(f"{count} of 8 jobs")
        page.click("#clear")
        expect(found).to_have_text("8 jobs")
    page.keyboard.press("/")
    page.keyboard.type("too loud")
    expect(found).to_have_text("1 of 8 jobs")
    assert title(page) == "ann-de"
    page.keyboard.type(" nonsense")
    expect(page.locator("#none")).to_be_visible()
    page.click("#clear")
    page.click("button.chip:has-text('1 failed')")
    expect(page.locator("#failure")).to_contain_text("No face was detected")


def test_a_thousand_jobs_are_a_few_elements_and_the_last_is_one_key_away(
    page: Page, batch: Batch, opens: Opens
) -> None:
    jobs = [batch.job(id=f"job-{number:04}") for number in range(1000)]
    enter(page, opens(jobs))
    assert page.locator("[role=option]").count() < 60
    page.keyboard.press("End")
    expect(page.locator("[role=option][aria-selected=true]")).to_contain_text("job-0999")
    expect(page.locator("[role=option][aria-selected=true]")).to_be_in_viewport()
    assert page.locator("[role=option]").count() < 60
    page.focus("#list")
    chosen = page.get_attribute("#list", "aria-activedescendant")
    assert page.get_attribute(f"#{chosen}", "aria-posinset") == "1000"
    page.fill("#search", "job-05")
    expect(page.locator("#found")).to_have_text("100 of 1,000 jobs")


def test_a_phone_shows_both_videos_and_judges_by_touch(
    new_page: Callable[..., Page], batch: Batch, opens: Opens
) -> None:
    page = enter(new_page(viewport=PHONE, has_touch=True, is_mobile=True), opens(batch.pairs(3)))
    assert not scrolls_sideways(page)
    for part in ("#source", "#output", "#approve", "#reject"):
        expect(page.locator(part)).to_be_in_viewport(ratio=0.95)
    page.tap("#approve")
    said(page, "Approved ann-de")
    page.tap("#jobs-open")
    page.tap("[role=option] >> nth=2")
    expect(page.locator("#jobs")).to_be_hidden()
    assert title(page) == "ann-es"
    assert accessibility_findings(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_state_is_legible_and_has_a_name_for_those_who_listen(
    scheme: str, new_page: Callable[..., Page], batch: Batch, opens: Opens
) -> None:
    states = {
        "ann-en": JobState.FAILED,
        "ann-es": JobState.SUBMITTED,
        "ann-fr": JobState.CANCELED,
        "ann-it": JobState.PENDING,
    }
    page = enter(new_page(color_scheme=scheme), opens(batch.pairs(6), states))
    dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).every((v) => v < 60)"
    assert page.evaluate(dark) is (scheme == "dark")
    page.keyboard.press("r")
    said(page, "Rejected")
    for key in ("ArrowLeft", "Home"):
        assert accessibility_findings(page) == []
        page.keyboard.press(key)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert accessibility_findings(page) == []


def test_every_control_is_reached_by_tab_and_shows_that_it_has_the_focus(
    page: Page, batch: Batch, opens: Opens
) -> None:
    enter(page, opens(batch.pairs(2)))
    reached: dict[str, bool] = {}
    for _ in range(40):
        page.keyboard.press("Tab")
        name, seen = page.evaluate(
            "(() => { const at = document.activeElement, style = getComputedStyle(at);"
            " return [at.id || at.className || at.tagName, style.outlineStyle !== 'none'"
            " && parseFloat(style.outlineWidth) >= 2]; })()"
        )
        reached[name] = seen
    wanted = {"search", "list", "play", "seek", "hear", "speed", "reject", "approve", "note"}
    assert wanted <= reached.keys()
    assert [name for name, seen in reached.items() if not seen and name != "BODY"] == []
    page.focus("#approve")
    page.keyboard.press("Space")
    said(page, "Approved ann-de")


def test_hostile_names_are_text_and_nothing_else(
    page: Page, complaints: Complaints, batch: Batch, opens: Opens
) -> None:
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog opened: {dialog.message}"))
    jobs = [
        batch.job(id=key, name=name, tags={"who": name[:60], SCRIPT: "x"})
        for key, name in NASTY.items()
    ]
    enter(page, opens(jobs))
    for name in NASTY.values():
        assert title(page).strip() == name.strip()
        page.keyboard.press("n")
        page.keyboard.insert_text(name)
        page.keyboard.press("Enter")
        said(page, "Note kept")
        page.keyboard.press("ArrowRight")
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert reviews(batch)["script"].note == NASTY["script"]
    assert not scrolls_sideways(page)
    assert complaints.all == []


def test_what_cannot_be_shown_is_said_with_what_to_do(
    page: Page, batch: Batch, media: Media, opens: Opens, tmp_path: Path
) -> None:
    odd = tmp_path / "odd.mp4"
    with av.open(odd, "w") as container:
        stream = container.add_stream("mpeg4", 25)
        stream.width, stream.height = 64, 36
        for _ in range(10):
            container.mux(stream.encode(av.VideoFrame(64, 36, "yuv420p")))
        container.mux(stream.encode(None))
    remote = batch.job(id="remote") | {"video": "https://media.example.com/clip.mp4"}
    gone = batch.job(id="gone") | {"video": str(tmp_path / "gone.mp4")}
    enter(page, opens([batch.job(), remote, gone], output=str(odd)))
    expect(page.locator("#output-message")).to_contain_text("can’t play the file")
    expect(page.locator("#output-message")).to_contain_text(str(odd))
    page.keyboard.press("ArrowRight")
    expect(page.locator("#source-message")).to_contain_text("loads nothing from the network")
    odd.unlink()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#source-message")).to_contain_text("missing")
    page.reload()
    page.wait_for_selector("body[data-ready]")
    assert title(page) == "gone"
    expect(page.locator("#output-message")).to_contain_text("batchsync fetch batch.yaml gone")


def test_a_running_batch_is_seen_as_it_goes_on(
    page: Page, batch: Batch, media: Media, opens: Opens
) -> None:
    states = {"ann-en": JobState.SUBMITTED, "ann-es": JobState.PENDING}
    enter(page, opens(batch.pairs(3), states))
    expect(page.locator("#groups")).to_contain_text("1 waiting")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#output-message")).to_contain_text("rendering")

    async def go_on(job: int) -> None:
        ledger = SqliteLedger.open(batch.ledger, "later")
        if job == 1:
            failed = JobState.FAILED
            await ledger.move(Transition("ann-en", JobState.SUBMITTED, failed, 1, failure=FAILURE))
        else:
            await bring(ledger, load(batch.manifest).jobs[job], media.clip, JobState.DONE)
        await ledger.close()

    apart(go_on(1))
    expect(page.locator("#output-message")).to_contain_text("the job failed")
    expect(page.locator("#failure")).to_contain_text("No face")
    page.keyboard.press("a")
    said(page, "nothing to judge")
    page.keyboard.press("End")
    expect(page.locator("#output-message")).to_contain_text("Not bought yet")
    apart(go_on(2))
    expect(page.locator("#groups")).to_contain_text("2 done")
    comes_true(page, "document.getElementById('output').readyState > 2")
    expect(page.locator("#credits")).to_have_text(re.compile("100 credits charged"))
    page.keyboard.press("Home")
    page.keyboard.press("j")
    assert title(page) == "ann-es"


def test_a_page_whose_server_has_ended_says_so(page: Page, batch: Batch, media: Media) -> None:
    apart(fill(batch.write(batch.pairs(1)), media.clip))
    with review_thread(batch.manifest) as link:
        enter(page, link)
    expect(page.locator("#pulse")).to_contain_text("not connected")
    page.keyboard.press("a")
    said(page, "Not saved")
    expect(page.locator("#approve")).to_have_attribute("aria-pressed", "false")
    page.fill("#note", "an hour's thoughts")
    page.keyboard.press("Enter")
    said(page, "Not saved")
    assert page.input_value("#note") == "an hour's thoughts"
