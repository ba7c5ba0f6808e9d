"""The tools of the browser tests see what they are to see."""

from playwright.sync_api import Error, Page

from tests.browser.driving import Complaints, accessibility_findings, scrolls_sideways


def test_a_page_that_throws_and_is_refused_a_script_is_heard(
    page: Page, complaints: Complaints
) -> None:
    page.set_content(
        "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\">"
        "<script>alert(1)</script>"
    )

    assert any("script-src" in said for said in complaints.all)


def test_a_picture_without_words_is_found(page: Page) -> None:
    page.set_content("<!doctype html><html lang=en><title>x</title><main><img src='data:,'></main>")

    assert any("image-alt" in finding for finding in accessibility_findings(page))


def test_a_page_wider_than_its_window_is_found(page: Page) -> None:
    page.set_content("<div style='width:5000px'>wide</div>")

    assert scrolls_sideways(page)


def test_no_request_leaves_this_machine(page: Page) -> None:
    try:
        page.goto("http://example.com/")
    except Error as error:
        assert "ERR_FAILED" in str(error)
    else:
        raise AssertionError("the request was let through")
