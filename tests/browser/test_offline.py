"""A phone whose network goes away: what it opens, keeps, shows and sends; and what it shows to nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import fresh_number
from tests.browser.line import Line
from tests.browser.phone import Shop, shows_balance, wait_for_desk, write
from tests.browser.test_shared_phone import EVERYTHING_KEPT, counter, take_over
from tests.installation import Installation, wait_for

__all__ = ["counter"]


@pytest.fixture
def phone(new_phone: Callable[..., Page], shop: Shop, line: Line) -> Page:
    """A phone behind the line, with the ledger open and everything kept that it needs."""
    page = new_phone(shop, base_url=line.url)
    open_ledger(page)
    return page


def open_ledger(page: Page) -> None:
    """The ledger, from a phone that has had the time to keep what it needs."""
    page.goto("/")
    wait_for_desk(page)
    kept = """async () => {
      const [tag] = document.querySelector("[data-tag]").dataset.tag.split(":");
      const name = (await caches.keys()).find((one) => one.startsWith("pages") && one.endsWith(` ${tag}`));
      return name ? (await (await caches.open(name)).keys()).length : 0;
    }"""
    wait_for(lambda: page.evaluate(kept) >= 4, "the pages that a phone keeps")


@pytest.fixture
def own(khata: Installation) -> Iterator[Shop]:
    """A shop with a session of its own, which the test ends."""
    with khata.client() as client:
        khata.open_shop(client, fresh_number())
        yield Shop(client)


def waiting(page: Page, count: int) -> None:
    """The page says how many wait."""
    expect(page.locator("[data-count]")).to_contain_text(f"Waiting to be sent: {count}")


def sent(page: Page) -> None:
    """Nothing waits any more."""
    page.goto("/outbox")
    expect(page.get_by_text("Nothing waits on this phone")).to_be_visible()


def test_a_day_with_no_network(new_phone: Callable[..., Page], shop: Shop, line: Line, khata: Installation) -> None:
    ramesh = shop.party("Ramesh")
    shop.party("Sita")
    phone = new_phone(shop, base_url=line.url)
    open_ledger(phone)
    phone.goto(ramesh)
    wait_for_desk(phone)
    write(phone, "You gave", "200")
    shows_balance(phone, "You will get ₹200")
    line.cut()
    write(phone, "You got", "50")
    expect(phone.locator("#balance")).to_contain_text("₹150")
    waiting(phone, 1)
    phone.reload()
    expect(phone.locator(".age")).to_be_visible()
    expect(phone.locator("#balance")).to_contain_text("₹150")
    expect(phone.locator("#entries li").first).to_contain_text("Waiting")
    phone.goto("/")
    expect(phone.locator("#parties a", has_text="Ramesh")).to_contain_text("₹150")
    expect(phone.locator(".sum").first).to_contain_text("₹150")
    # A new customer, and entries of theirs, on pages that were never seen.
    phone.get_by_role("link", name="Add customer").click()
    phone.get_by_label("Name").fill("Offline Kumar")
    phone.get_by_role("button", name="Save").click()
    expect(phone.get_by_role("heading", name="Offline Kumar")).to_be_visible()
    write(phone, "You gave", "75")
    expect(phone.locator("#balance")).to_contain_text("₹75")
    waiting(phone, 3)
    phone.goto("/")
    expect(phone.locator("#parties")).to_contain_text("Offline Kumar")
    phone.goto("/daybook")  # never seen: everybody can be written for from there
    expect(phone.locator("main")).to_contain_text("No network")
    phone.get_by_role("searchbox").fill("sita")
    phone.get_by_role("link", name="Sita").click()
    write(phone, "You gave", "5")
    waiting(phone, 4)
    phone.goto("/outbox")
    expect(phone.locator("#waiting > li")).to_have_count(4)
    try_now = phone.get_by_role("button", name="Try now")
    expect(try_now).to_be_visible()
    line.mend()
    try_now.dispatch_event("click")
    expect(phone.get_by_text("Nothing waits on this phone")).to_be_visible()
    phone.goto("/")
    expect(phone.locator(".sum").first).to_contain_text("₹230")
    assert "balances and journal agree" in khata.flask("verify").stdout


def test_a_page_from_the_phone_waits_for_nothing(phone: Page, line: Line) -> None:
    """Its style stands inside, and its policy lets that through; htmx comes once it is painted."""
    line.cut()
    phone.goto("/")
    wait_for_desk(phone)
    assert phone.locator("head > style").count() == 1
    loaded = phone.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    assert not [name for name in loaded if name.endswith(".css")]
    assert phone.locator("main .rows").evaluate("(list) => getComputedStyle(list).listStyleType") == "none"
    asked_for_htmx, parsed = phone.evaluate("""() => [
      performance.getEntriesByType("resource").find(({ name }) => name.includes("htmx")).startTime,
      performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
    ]""")
    assert asked_for_htmx > parsed, "the script waits for a frame before it goes on"


def test_two_tabs_with_no_network_keep_all_that_is_written(phone: Page, shop: Shop, line: Line) -> None:
    """Each remembers what it has opened: the other one's rows are none of it, and take no place of theirs."""
    ramesh = shop.party("Ramesh")
    other = phone.context.new_page()
    for tab in (phone, other):
        tab.goto(ramesh)
        wait_for_desk(tab)
    line.cut()
    for tab, amount in ((phone, "10"), (other, "20"), (phone, "30"), (other, "40")):
        write(tab, "You gave", amount)
    phone.reload()
    expect(phone.locator("#entries .mine")).to_have_count(4)
    expect(phone.locator("#balance")).to_contain_text("₹100")
    assert phone.locator("#entries .mine bdi").all_text_contents() == ["₹40", "₹30", "₹20", "₹10"]
    line.mend()
    sent(phone)
    phone.goto(ramesh)
    shows_balance(phone, "You will get ₹100")


def test_a_kept_page_is_replaced_by_what_is_true_now(phone: Page, shop: Shop) -> None:
    ramesh = shop.party("Ramesh")
    phone.goto(ramesh)
    phone.goto("/")
    shop.write(ramesh, "gave", "40")
    phone.goto(ramesh)
    shows_balance(phone, "You will get ₹40")
    expect(phone.locator(".age")).to_have_count(0)


def test_what_is_typed_outlives_a_fresh_page(phone: Page, shop: Shop, line: Line) -> None:
    ramesh = shop.party("Ramesh")
    phone.goto(ramesh)
    wait_for_desk(phone)
    line.cut()
    phone.goto(ramesh)
    phone.get_by_label("Amount").fill("12")
    line.mend()
    shop.write(ramesh, "gave", "40")
    phone.evaluate("dispatchEvent(new Event('online'))")
    expect(phone.get_by_label("Amount")).to_have_value("12")


def test_what_is_refused_is_set_aside_and_corrected(phone: Page, shop: Shop, line: Line) -> None:
    ramesh = shop.party("Ramesh")
    phone.goto(ramesh)
    wait_for_desk(phone)
    line.cut()
    phone.locator("#entry-form summary").click()
    phone.get_by_label("Date").fill("2999-01-01")
    write(phone, "You gave", "5")
    write(phone, "You gave", "7")
    phone.goto("/outbox")
    try_now = phone.get_by_role("button", name="Try now")
    expect(try_now).to_be_visible()
    line.mend()
    try_now.dispatch_event("click")  # it may have been sent by itself a moment ago, and the button is gone
    expect(phone.locator("#waiting > li")).to_have_count(1)
    expect(phone.locator("#waiting > li")).to_contain_text("This date is in the future.")
    phone.get_by_label("Date").fill("2026-01-05")
    phone.get_by_role("button", name="Correct and send again").click()
    expect(phone.get_by_text("Nothing waits on this phone")).to_be_visible()
    phone.goto(ramesh)
    shows_balance(phone, "You will get ₹12")


def test_throwing_away_asks_twice(phone: Page, shop: Shop, line: Line) -> None:
    phone.goto(shop.party("Ramesh"))
    wait_for_desk(phone)
    line.cut()
    write(phone, "You gave", "5")
    phone.goto("/outbox")
    phone.get_by_text("Throw away", exact=True).click()
    phone.get_by_role("button", name="Yes, throw away").click()
    expect(phone.get_by_text("Nothing waits on this phone")).to_be_visible()


def test_two_phones_change_one_entry(phone: Page, shop: Shop, line: Line) -> None:
    ramesh = shop.party("Ramesh")
    entry = shop.write(ramesh, "gave", "50")
    phone.goto(entry)
    wait_for_desk(phone)
    line.cut()
    phone.get_by_label("Amount").fill("60")
    phone.get_by_role("button", name="Save").click()
    phone.wait_for_url("**/parties/*")
    shop.send(entry, direction="gave", amount="70", on="2026-01-05", version="1")
    line.mend()
    phone.goto("/outbox")
    expect(phone.locator("#waiting > li")).to_contain_text("In the ledger now · You gave 70.00")
    phone.get_by_role("button", name="Correct and send again").click()
    expect(phone.get_by_text("Nothing waits on this phone")).to_be_visible()
    phone.goto(ramesh)
    shows_balance(phone, "You will get ₹60")


def test_one_entry_changed_twice(phone: Page, shop: Shop, line: Line) -> None:
    ramesh = shop.party("Ramesh")
    entry = shop.write(ramesh, "gave", "50")
    phone.goto(ramesh)
    phone.goto(entry)
    wait_for_desk(phone)
    line.cut()
    for amount in ("60", "70"):
        phone.goto(entry)
        phone.get_by_label("Amount").fill(amount)
        phone.get_by_role("button", name="Save").click()
        expect(phone.locator("#balance")).to_contain_text(f"₹{amount}")
    line.mend()
    sent(phone)
    phone.goto(ramesh)
    shows_balance(phone, "You will get ₹70")


def test_signing_out_with_no_network_leaves_nothing_to_read(
    new_phone: Callable[..., Page], own: Shop, line: Line
) -> None:
    ramesh = own.party("Ramesh")
    phone = new_phone(own, base_url=line.url)
    open_ledger(phone)
    phone.goto(ramesh)
    wait_for_desk(phone)
    write(phone, "You gave", "250")
    phone.goto("/menu")
    line.cut()
    phone.get_by_role("button", name="Sign out").click()
    expect(phone.get_by_role("heading", name="No network")).to_be_visible()
    kept = phone.evaluate(EVERYTHING_KEPT)
    assert "Ramesh" not in kept
    assert "a key" not in kept
    phone.goto(ramesh)
    expect(phone.locator("body")).not_to_contain_text("Ramesh")
    line.mend()
    phone.goto("/")
    expect(phone.get_by_label("Your phone number")).to_be_visible()
    assert own.client.get("/").status_code == 303, "the session has ended"


def test_changing_hands_with_no_network(
    new_phone: Callable[..., Page], counter: Shop, line: Line, khata: Installation
) -> None:
    ramesh = counter.party("Ramesh")
    page = new_phone(counter, base_url=line.url)
    page.goto("/")
    wait_for_desk(page)
    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    take_over(page, "Ravi", "8347")  # the first time with the network, and a PIN of his own
    page.get_by_label("New PIN").fill("9260")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Lock: Ravi").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    take_over(page, "Ravi", "9260")
    expect(page.get_by_role("button", name="Lock: Ravi")).to_be_visible()
    open_ledger(page)
    page.get_by_role("button", name="Lock: Ravi").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    take_over(page, "Asha", "4071")
    expect(page.get_by_role("button", name="Lock: Asha")).to_be_visible()
    open_ledger(page)
    page.goto("/daybook")
    line.cut()
    page.goto("/")
    expect(page.locator("#parties")).to_contain_text("Ramesh")
    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    kept = page.evaluate(EVERYTHING_KEPT)
    assert "Ramesh" not in kept
    assert "a key" not in kept
    take_over(page, "Ravi", "1212")
    expect(page.get_by_text("Wrong PIN.")).to_be_visible()
    expect(page.get_by_label("PIN")).to_have_value("")
    take_over(page, "Ravi", "9260")
    expect(page.locator("#parties")).to_contain_text("Ramesh")
    page.goto(ramesh)
    write(page, "You gave", "30")
    waiting(page, 1)
    # The network is back: Asha's session ends before anything is sent, and Ravi says once more who he is.
    line.mend()
    page.goto("/")
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    take_over(page, "Ravi", "9260")
    expect(page.get_by_role("button", name="Lock: Ravi")).to_be_visible()
    sent(page)
    assert counter.client.get("/").status_code == 303, "Asha's session has ended"
    database = khata.flask("verify").stdout
    assert "balances and journal agree" in database


def test_four_wrong_pins_with_no_network(new_phone: Callable[..., Page], counter: Shop, line: Line) -> None:
    page = new_phone(counter, base_url=line.url)
    page.goto("/")
    wait_for_desk(page)
    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    take_over(page, "Asha", "4071")
    expect(page.get_by_role("button", name="Lock: Asha")).to_be_visible()
    open_ledger(page)
    page.get_by_role("button", name="Lock: Asha").click()
    expect(page.get_by_role("heading", name="Whose turn is it?")).to_be_visible()
    line.cut()
    for pin in ("1111", "2222", "3333"):
        take_over(page, "Asha", pin)
        expect(page.get_by_text("Wrong PIN.")).to_be_visible()
        expect(page.get_by_label("PIN")).to_have_value("")
    take_over(page, "Asha", "4444")
    expect(page.get_by_text("Too many wrong PINs")).to_be_visible()
    take_over(page, "Asha", "4071")
    expect(page.get_by_text("The first time, a PIN needs it")).to_be_visible()


def test_without_a_service_worker_it_works_with_the_network(new_phone: Callable[..., Page], shop: Shop) -> None:
    page = new_phone(shop, service_workers="block")
    page.goto(shop.party("Ramesh"))
    write(page, "You gave", "15")
    shows_balance(page, "You will get ₹15")
    page.goto("/outbox")
    expect(page.get_by_text("This browser keeps nothing")).to_be_visible()


def test_who_was_removed_sees_nothing_more(new_phone: Callable[..., Page], own: Shop, line: Line) -> None:
    phone = new_phone(own, base_url=line.url)
    open_ledger(phone)
    phone.goto(own.party("Ramesh"))
    wait_for_desk(phone)
    with httpx.Client(base_url=line.url, headers={"Origin": line.url}) as same:
        same.cookies = own.client.cookies
        assert same.post("/sign-out").status_code == 303
    phone.goto("/")
    expect(phone.get_by_label("Your phone number")).to_be_visible()
    assert "a key" not in phone.evaluate(EVERYTHING_KEPT)
