"""The outbox page, and what pages show of it: it fits, is read aloud, and is reached without a pointer."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.line import Line
from tests.browser.phone import Shop, wait_for_desk, write


@pytest.mark.parametrize("lang", ["en", "hi"])
@pytest.mark.parametrize(("width", "height"), [(240, 320), (320, 568)])
def test_it_fits_and_is_read_aloud(
    new_phone: Callable[..., Page], shop: Shop, line: Line, lang: str, width: int, height: int
) -> None:
    shop.send("/me", name="Asha", lang=lang)
    ramesh = shop.party("Venkateswaralu Ramachandran Narasimhachari")
    page = new_phone(shop, base_url=line.url, viewport={"width": width, "height": height})
    page.goto(ramesh)
    wait_for_desk(page)
    line.cut()
    page.locator("#f-amount").fill("1234567.50")
    page.locator("button[value=gave]").click()
    expect(page.locator("#entries .mine")).to_be_visible()
    for path in (ramesh, "/outbox", "/daybook"):
        page.goto(path)
        wait_for_desk(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        violations = Axe().run(page).response["violations"]
        assert not violations, [(one["id"], [node["html"] for node in one["nodes"]]) for one in violations]
    shop.send("/me", name="Asha", lang="en")


def test_the_outbox_is_reached_and_used_by_keys_alone(new_phone: Callable[..., Page], shop: Shop, line: Line) -> None:
    page = new_phone(shop, base_url=line.url)
    page.goto(shop.party("Ramesh"))
    wait_for_desk(page)
    line.cut()
    write(page, "You gave", "5")
    page.locator("[data-count]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/outbox")
    expect(page.locator("#waiting > li")).to_have_count(1)
    page.locator("#waiting summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#waiting > li")).to_have_count(0)
