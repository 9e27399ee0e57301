"""The shared dictionary in a real Chromium: fetched after the first page, used for every page after it, and for what
the service worker asks for."""

from __future__ import annotations

from playwright.sync_api import Page, Response

from tests.browser.phone import wait_for_desk
from tests.installation import wait_for


def coding_of(response: Response | None) -> str | None:
    """The coding an answer came in."""
    assert response is not None
    return response.all_headers().get("content-encoding")


def test_the_second_page_comes_with_it(page: Page) -> None:
    with page.expect_event("requestfinished", lambda request: request.url.endswith(".dict")):
        assert coding_of(page.goto("/")) == "br"
    wait_for(lambda: coding_of(page.goto("/menu")) == "dcz", "the dictionary at work")
    assert page.locator("h1").inner_text() == "Menu"
    wait_for_desk(page)
    kept = "caches.keys().then((names) => names.find((name) => name.startsWith('pages')))"
    assert page.evaluate(kept), "the service worker keeps pages"
    asked = "fetch('/outbox').then((answer) => answer.text()).then((text) => text.includes('Try now'))"

    def comes_with_it() -> bool:
        with page.expect_response("**/outbox") as answer:
            assert page.evaluate(asked)
        return coding_of(answer.value) == "dcz"

    wait_for(comes_with_it, "the dictionary at work for the service worker")


def test_another_language_brings_its_own(page: Page) -> None:
    for lang in ("en", "hi"):
        page.goto(f"/?lang={lang}")
        wait_for_desk(page)

        def comes_with_it() -> bool:
            with page.expect_response("**/menu") as answer:
                page.evaluate("fetch('/menu')")
            return coding_of(answer.value) == "dcz"

        wait_for(comes_with_it, f"the dictionary of {lang}")
