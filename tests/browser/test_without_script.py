"""The whole main job with JavaScript off: real links, real forms, a new page after each write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.phone import Shop, entry_id, shows_balance, sign_in
from tests.installation import Installation


def test_from_sign_in_to_sign_out(
    new_phone: Callable[..., Page], khata: Installation, number: str, watch: Watch, pictures: Path
) -> None:
    watch.expected.add(422)
    page = new_phone(java_script_enabled=False)
    sign_in(page, number, lambda: khata.code_for(number))
    page.get_by_label("Name of the shop").fill("Asha Store")
    page.get_by_label("Grocery").check()
    page.get_by_role("button", name="Open the ledger").click()
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("Name").fill("Ramesh")
    page.get_by_role("button", name="Save").click()
    _write_and_correct(page)
    _photograph(page, pictures)
    _settle(page)
    _look_around(page)
    page.get_by_role("link", name="Menu").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your phone number")).to_be_visible()


def _write_and_correct(page: Page) -> None:
    page.get_by_label("Amount").fill("12..")
    page.get_by_role("button", name="You gave").click()
    expect(page.locator("#e-amount")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("12..")
    refused = entry_id(page)
    page.get_by_label("Amount").fill("१२०+८०*२")
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹280")
    assert entry_id(page) != refused
    page.locator("#entries a").first.click()
    page.get_by_label("Amount").fill("300")
    page.get_by_role("button", name="Save").click()
    shows_balance(page, "You will get ₹300")
    page.locator("#entries a").first.click()
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Yes, delete").click()
    shows_balance(page, "Settled")
    page.locator("#entries a").first.click()
    page.get_by_role("button", name="Bring back").click()
    shows_balance(page, "You will get ₹300")


def _photograph(page: Page, pictures: Path) -> None:
    """The server makes small what the phone could not."""
    Image.new("RGB", (2000, 1500), "white").save(pictures / "bill.png")
    page.locator("#entry-form summary").click()
    page.get_by_label("Photo of the bill").set_input_files(pictures / "bill.png")
    page.get_by_label("Note").fill("with bill")
    page.get_by_label("Amount").fill("20")
    page.get_by_role("button", name="You got").click()
    expect(page.locator("#entries li").first).to_contain_text("Photo")


def _settle(page: Page) -> None:
    page.get_by_role("link", name="Settle up").click()
    page.get_by_role("button", name="Settle up").click()
    shows_balance(page, "Settled")


def _look_around(page: Page) -> None:
    page.get_by_role("link", name="Statement").click()
    expect(page.locator("tbody tr")).to_have_count(5)
    page.get_by_role("link", name="Back").click()
    page.get_by_role("link", name="Back").click()
    page.get_by_role("searchbox").fill("rames")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("#parties b")).to_have_text(["Ramesh"])
    page.locator("form.quick summary").click()
    page.get_by_label("Sort").select_option("name")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="Cash book").click()
    page.get_by_label("Amount").fill("75")
    page.get_by_role("button", name="Cash in").click()
    expect(page.locator(".rows li").first).to_contain_text("₹75")


def test_older_and_more_are_links(new_phone: Callable[..., Page], shop: Shop) -> None:
    party = shop.party("Asha")
    for number in range(1, 53):
        shop.write(party, "gave", str(number))
    for number in range(20):
        shop.party(f"Party {number:02}")
    page = new_phone(shop, java_script_enabled=False)
    page.goto(party)
    page.get_by_role("link", name="Show older").click()
    expect(page.locator("#entries > li[id]")).to_have_count(2)
    expect(page.locator("#balance")).to_be_visible()
    page.goto("/?sort=name")
    page.get_by_role("link", name="Show more").click()
    expect(page.locator("#parties b")).to_have_count(1)
    expect(page.locator("h1")).to_have_count(1)


def test_a_list_is_brought_in(new_phone: Callable[..., Page], shop: Shop) -> None:
    page = new_phone(shop, java_script_enabled=False)
    page.goto("/imports/new")
    page.get_by_label("File").set_input_files("tests/data/contacts.vcf")
    page.get_by_label("Contacts (vCard)").check()
    page.get_by_role("button", name="Look at it").click()
    page.locator("form.act button").click()
    while page.get_by_role("link", name="Look again").count():
        page.get_by_role("link", name="Look again").click()
    expect(page.get_by_role("status")).to_contain_text("Written")


def test_what_needs_script_is_not_shown(new_phone: Callable[..., Page], shop: Shop) -> None:
    page = new_phone(shop, java_script_enabled=False)
    page.goto("/parties/new?kind=customer")
    expect(page.locator("[data-contact-picker]")).to_be_hidden()
    page.goto(f"{shop.party('Ramesh')}/statement")
    expect(page.locator("[data-print]")).to_be_hidden()
