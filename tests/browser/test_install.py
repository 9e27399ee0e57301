"""Chromium's own word on whether it can be installed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page

from tests.browser.phone import Shop


def asked(page: Page, what: str) -> dict[str, Any]:
    answer: dict[str, Any] = page.context.new_cdp_session(page).send(what)
    return answer


def test_chromium_can_install_it(new_phone: Callable[..., Page], shop: Shop) -> None:
    page = new_phone(shop)
    page.goto("/menu")
    found = asked(page, "Page.getAppManifest")
    assert found["errors"] == []
    assert found["url"].endswith("/manifest?lang=en")
    faults = [fault["errorId"] for fault in asked(page, "Page.getInstallabilityErrors")["installabilityErrors"]]
    assert faults in ([], ["in-incognito"]), faults


def test_a_shortcut_puts_the_cursor_into_the_search(new_phone: Callable[..., Page], shop: Shop) -> None:
    ramesh = shop.party("Ramesh")
    page = new_phone(shop)
    page.goto("/?find=1")
    page.keyboard.type("rames")
    page.get_by_role("link", name="Ramesh").click()
    page.wait_for_url(f"**{ramesh}")
