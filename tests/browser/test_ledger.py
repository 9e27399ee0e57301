"""The rest of the ledger where there is script: home, cash book, statement, parties."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.phone import Shop, shows_balance


def names(page: Page) -> list[str]:
    """Who is listed, from the top."""
    return page.locator("#parties b").all_inner_texts()


def test_search_as_one_types_across_scripts(page: Page, shop: Shop) -> None:
    for name in ("रमेश", "ரமேஷ்", "Suresh", "Meena"):
        shop.party(name)
    page.goto("/")
    page.evaluate("window.sameDocument = true")
    page.get_by_role("searchbox").press_sequentially("rames")
    expect(page.locator("#parties b")).to_have_count(2)
    page.get_by_role("searchbox").fill("zzz")
    expect(page.locator("#parties .empty")).to_contain_text("zzz")
    page.get_by_role("searchbox").fill("")
    expect(page.locator("#parties b")).to_have_count(4)
    assert page.evaluate("window.sameDocument")


def test_the_chosen_order_holds(page: Page, shop: Shop) -> None:
    for name, amount in (("Chand", "5"), ("Asha", "900"), ("Bablu", "70")):
        shop.write(shop.party(name), "gave", amount)
    page.goto("/")
    page.locator("form.quick summary").click()
    page.get_by_label("Sort").select_option("amount")
    expect(page.locator("#parties b").first).to_have_text("Asha")
    assert names(page) == ["Asha", "Bablu", "Chand"]
    page.get_by_role("link", name="Cash book").click()
    page.get_by_role("link", name="Ledger").click()
    expect(page.locator("#parties b").first).to_have_text("Asha")
    page.locator("form.quick summary").click()
    expect(page.get_by_label("Sort")).to_have_value("amount")


def test_filters_change_the_list_at_once(page: Page, shop: Shop) -> None:
    shop.write(shop.party("Asha"), "gave", "10")
    shop.write(shop.party("Bablu"), "got", "10")
    shop.party("Chand")
    page.goto("/")
    page.locator("form.quick summary").click()
    for chosen, expected in (("owes", ["Asha"]), ("owed", ["Bablu"]), ("settled", ["Chand"])):
        page.locator("select[name=filter]").select_option(chosen)
        expect(page.locator("#parties b")).to_have_count(1)
        expect(page.locator("#parties b")).to_have_text(expected)


def test_more_parties_are_added_below(page: Page, shop: Shop) -> None:
    for number in range(25):
        shop.party(f"Party {number:02}")
    page.goto("/?sort=name")
    expect(page.locator("#parties b")).to_have_count(20)
    page.get_by_text("Show more").click()
    expect(page.locator("#parties b")).to_have_count(25)
    assert names(page) == [f"Party {number:02}" for number in range(25)]


def test_home_says_what_stands_in_the_book(page: Page, shop: Shop) -> None:
    shop.write(shop.party("Asha"), "gave", "1234567.50")
    shop.write(shop.party("Gupta Traders", "supplier"), "got", "500")
    page.goto("/")
    expect(page.locator(".sum")).to_contain_text("₹12,34,567.50")
    expect(page.locator(".sum")).to_contain_text("₹500")
    page.get_by_role("link", name="Suppliers").click()
    expect(page.locator("#parties b")).to_have_text(["Gupta Traders"])
    page.get_by_role("link", name="Add supplier").click()
    page.get_by_label("Name").fill("Amul")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Amul")).to_be_visible()  # its account, before anybody goes back
    page.get_by_role("link", name="Back").click()
    expect(page.locator("#parties b")).to_have_count(2)


def test_cash_book(page: Page, shop: Shop) -> None:
    page.goto("/cash")
    page.get_by_label("Amount").fill("100+20")
    expect(page.locator("#sum")).to_have_text("= 120")
    page.get_by_role("button", name="Cash in").click()
    expect(page.locator(".rows li:not(.mine)")).to_contain_text("₹120")
    expect(page.get_by_label("Amount")).to_have_value("")  # the page as it is with it
    page.get_by_label("Amount").fill("30")
    page.get_by_text("What for, date").click()
    page.get_by_label("What for").select_option("transport")
    page.get_by_role("button", name="Cash out").click()
    expect(page.locator(".sum")).to_contain_text("₹90")
    expect(page.locator(".rows li:not(.mine)")).to_have_count(2)
    page.locator("details.menu summary").first.click()
    page.get_by_role("button", name="Delete").first.click()
    expect(page.locator(".rows del").first).to_be_visible()
    page.get_by_role("link", name="The day before").click()
    expect(page.locator(".rows .empty")).to_be_visible()
    page.get_by_role("link", name="The day after").click()
    expect(page.locator(".rows li")).to_have_count(2)


def test_cash_refusal_keeps_what_was_typed(page: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.add(422)
    page.goto("/cash")
    page.get_by_label("Amount").fill("nothing")
    page.get_by_role("button", name="Cash out").click()
    expect(page.locator("#e-amount")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("nothing")


def test_statement_prints_without_what_is_only_for_the_screen(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh", phone="9876500777")
    shop.write(party, "gave", "50", on="2026-02-03", note="oil")
    shop.write(party, "got", "20", on="2026-02-10")
    page.goto(f"{party}/statement?from=2026-02-01&to=2026-02-28")
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.get_by_role("button", name="Print")).to_be_visible()
    page.get_by_label("From").fill("2026-02-05")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tbody tr").first).to_contain_text("₹50")
    page.emulate_media(media="print")
    for hidden in ("header", "form", ".skip", "[data-print]"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".only-print")).to_contain_text("Asha Store")
    expect(page.locator(".only-print")).to_contain_text("+919876500777")
    expect(page.locator("table")).to_be_visible()
    assert page.locator("table").evaluate("table => getComputedStyle(table).backgroundColor") == "rgb(255, 255, 255)"
    page.goto("/")
    expect(page.locator("nav")).to_be_hidden()


def test_merge_and_move(page: Page, shop: Shop) -> None:
    ramesh, same = shop.party("Ramesh"), shop.party("Ramesh Kumar")
    shop.write(ramesh, "gave", "100")
    shop.write(same, "gave", "11")
    page.goto(f"{same}/edit")
    page.get_by_role("link", name="Same person as somebody else").click()
    page.get_by_role("searchbox").fill("ramesh")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("button", name="Join with Ramesh").click()
    shows_balance(page, "You will get ₹111")
    expect(page.locator("#entries > li[id]")).to_have_count(2)
    page.goto(same)
    shows_balance(page, "You will get ₹111")
    page.get_by_role("link", name="Edit").click()
    page.get_by_role("button", name="Move to suppliers").click()
    expect(page.locator(".back")).to_have_attribute("href", "/?kind=supplier")
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("link", name="Suppliers")).to_have_attribute("aria-current", "page")
    expect(page.locator("#parties b")).to_have_count(1)


def test_a_number_that_is_taken(page: Page, shop: Shop, watch: Watch) -> None:
    watch.expected.add(422)
    shop.party("Ramesh", phone="9876500778")
    gone = shop.party("Suresh", phone="9876500779")
    shop.send(f"{gone}/deletion")
    page.goto("/parties/new?kind=customer")
    page.get_by_label("Name").fill("Somebody")
    page.get_by_label("Phone number").fill("98765 00778")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Open Ramesh")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Somebody")
    page.get_by_label("Phone number").fill("98765 00779")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Bring back Suresh").click()
    expect(page.locator("h1")).to_have_text("Suresh")


def test_delete_and_bring_back(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    page.goto(f"{party}/edit")
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Yes, delete").click()
    expect(page.locator("#parties .empty")).to_be_visible()
    page.goto(party)
    page.get_by_role("button", name="Bring back").click()
    expect(page.locator("#entry-form")).to_be_visible()


PICKER = """
Object.defineProperty(navigator, "contacts", {
  value: { select: async () => [{ name: ["Sunita Devi"], tel: ["+91 98765 00123"] }] },
});
"""


def test_one_contact_is_taken_from_the_phone(new_phone: Callable[..., Page], shop: Shop) -> None:
    page = new_phone(shop)
    page.add_init_script(PICKER)
    page.goto("/parties/new?kind=customer")
    page.get_by_role("button", name="Choose from contacts").click()
    expect(page.get_by_label("Name")).to_have_value("Sunita Devi")
    expect(page.get_by_label("Phone number")).to_have_value("+91 98765 00123")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_have_text("Sunita Devi")


def test_no_contact_button_where_the_browser_has_none(page: Page) -> None:
    page.goto("/parties/new?kind=customer")
    expect(page.locator("[data-contact-picker]")).to_be_hidden()


def test_a_list_is_brought_in(page: Page, shop: Shop) -> None:
    page.goto("/imports/new")
    page.get_by_label("File").set_input_files("tests/data/customers.csv")
    page.get_by_role("button", name="Look at it").click()
    expect(page.locator("table")).to_be_visible()
    page.locator("form.act button").click()
    page.wait_for_load_state()
    while page.get_by_role("link", name="Look again").count():
        page.get_by_role("link", name="Look again").click()
        page.wait_for_load_state()
    expect(page.get_by_role("status")).to_contain_text("Written")
    page.goto("/")
    expect(page.locator("#parties b").first).to_be_visible()
