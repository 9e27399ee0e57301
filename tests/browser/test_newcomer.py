"""From the first screen to the first entry, in one's own language."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.phone import shows_balance, sign_in, write
from tests.installation import Installation


@pytest.fixture
def newcomer(new_phone: Callable[..., Page]) -> Page:
    return new_phone()


def test_three_screens_in_hindi_to_an_empty_ledger(newcomer: Page, khata: Installation, number: str) -> None:
    page = newcomer
    page.goto("/")
    page.get_by_role("link", name="हिन्दी").click()
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    screens = [page.url]
    page.locator("[name=phone]").fill(number)
    page.locator("form .main").click()
    page.wait_for_url("**/sign-in/code")
    screens.append(page.url)
    page.locator("[name=code]").fill(khata.code_for(number))
    page.locator("form .main").click()
    page.wait_for_url("**/shops/new")
    screens.append(page.url)
    page.locator("[name=name]").fill("आशा किराना")
    page.locator("form .main").click()
    page.wait_for_url(f"{khata.url}/")
    assert len(screens) == 3
    expect(page.locator("h1")).to_have_text("आशा किराना")
    expect(page.locator("html")).to_have_attribute("lang", "hi")
    expect(page.locator("#parties .empty")).to_be_visible()


def test_first_customer_and_entry(newcomer: Page, khata: Installation, number: str) -> None:
    page = newcomer
    sign_in(page, number, lambda: khata.code_for(number))
    page.get_by_label("Name of the shop").fill("Asha Store")
    page.get_by_label("Other").check()
    page.get_by_label("In your own words").fill("bangles")
    page.get_by_role("button", name="Open the ledger").click()
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("Name").fill("रमेश")
    page.get_by_role("button", name="Save").click()
    write(page, "You gave", "120")
    shows_balance(page, "You will get ₹120")


def test_a_wrong_code_is_said_at_the_field(newcomer: Page, khata: Installation, number: str, watch: Watch) -> None:
    watch.expected.add(422)
    page = newcomer
    sign_in(page, number, lambda: "000000" if khata.code_for(number) != "000000" else "111111")
    expect(page.locator("#e-code")).to_be_visible()
    expect(page.get_by_label("Code of 6 digits")).to_be_focused()


def test_send_again_and_other_number(newcomer: Page, khata: Installation, number: str) -> None:
    page = newcomer
    page.goto("/sign-in")
    page.get_by_label("Your phone number").fill(number)
    page.get_by_role("button", name="Get code").click()
    page.get_by_role("button", name="Send again").click()
    code = khata.code_for(number, after=1)
    page.get_by_label("Code of 6 digits").fill(code)
    page.get_by_role("link", name="Other number").click()
    expect(page.get_by_label("Your phone number")).to_be_visible()
    page.goto("/sign-in/code")
    page.get_by_label("Code of 6 digits").fill(code)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/shops/new")


def test_sign_out_leaves_nothing_open(newcomer: Page, khata: Installation, number: str) -> None:
    page = newcomer
    sign_in(page, number, lambda: khata.code_for(number))
    page.get_by_label("Name of the shop").fill("Asha Store")
    page.get_by_role("button", name="Open the ledger").click()
    page.get_by_role("link", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.goto("/menu")
    expect(page).to_have_url(f"{khata.url}/sign-in")


def test_session_that_ended_elsewhere_leads_to_sign_in(
    newcomer: Page, khata: Installation, number: str, watch: Watch
) -> None:
    watch.expected.add(403)
    page = newcomer
    sign_in(page, number, lambda: khata.code_for(number))
    page.get_by_label("Name of the shop").fill("Asha Store")
    page.get_by_role("button", name="Open the ledger").click()
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("Name").fill("Ramesh")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#entry-form")).to_be_visible()
    end_session_elsewhere(page, khata)
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="You gave").click()
    page.wait_for_url("**/sign-in")


def end_session_elsewhere(page: Page, khata: Installation) -> None:
    """End the session at the server; this browser knows nothing of it."""
    with khata.client() as elsewhere:
        for cookie in page.context.cookies():
            elsewhere.cookies.set(cookie["name"], cookie["value"])
        assert elsewhere.post("/sign-out").headers["Location"] == "/sign-in"
