"""The shared dictionary in a real Chromium: fetched after the first page, used for every page and fragment after it."""

from __future__ import annotations

from playwright.sync_api import Page, Response


def coding_of(response: Response | None) -> str | None:
    """The coding an answer came in."""
    assert response is not None
    return response.all_headers().get("content-encoding")


def test_the_second_page_comes_with_it(page: Page) -> None:
    with page.expect_event("requestfinished", lambda request: request.url.endswith(".dict")):
        assert coding_of(page.goto("/")) == "br"
    assert coding_of(page.goto("/menu")) == "dcz"
    assert page.locator("h1").inner_text() == "Menu"
    page.goto("/parties/new")
    page.get_by_label("Name").first.fill("Ramesh")
    page.locator("main form button.main").click()
    page.wait_for_url("**/parties/*")
    page.locator("#f-amount").fill("75")
    with page.expect_response(lambda response: response.request.method == "POST") as answer:
        page.locator("button[value=gave]").click()
    assert coding_of(answer.value) == "dcz"
    page.get_by_text("₹75").first.wait_for()


def test_another_language_brings_its_own(page: Page) -> None:
    for lang in ("en", "hi"):
        with page.expect_event("requestfinished", lambda request: request.url.endswith(".dict")) as fetched:
            page.goto(f"/?lang={lang}")
        assert f"/{lang}." in fetched.value.url
        assert coding_of(page.goto("/cash")) == "dcz"
