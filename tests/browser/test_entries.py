"""Writing in somebody's book where there is script: nothing reloads, and every id is used once."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.phone import Shop, entry_id, shows_balance, wait_for_desk, write
from tests.installation import wait_for


@pytest.fixture
def ramesh(page: Page, shop: Shop) -> str:
    """The address of an open book with nothing in it."""
    party = shop.party("Ramesh")
    page.goto(party)
    return party


def test_two_taps_and_the_digits(page: Page, ramesh: str) -> None:
    page.evaluate("window.sameDocument = true")
    first_id = entry_id(page)
    page.get_by_label("Amount").click()
    page.keyboard.type("250")
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹250")
    expect(page.locator("#entries li")).to_have_count(1)
    expect(page.get_by_label("Amount")).to_have_value("")
    expect(page.get_by_label("Amount")).to_be_focused()
    assert entry_id(page) != first_id
    write(page, "You got", "100")
    shows_balance(page, "You will get ₹150")
    expect(page.locator("#entries li")).to_have_count(2)
    expect(page.locator("#entries li").first).to_contain_text("You got")
    expect(page.locator("#entries .empty")).to_have_count(0)
    assert page.evaluate("window.sameDocument"), "the page was loaded anew"


def test_the_next_entry_can_be_typed_at_once(page: Page, ramesh: str) -> None:
    for amount in ("10", "20", "30"):
        page.get_by_label("Amount").click()
        page.keyboard.type(amount)
        page.keyboard.press("Tab")
        page.get_by_role("button", name="You gave").press("Enter")
        expect(page.get_by_label("Amount")).to_have_value("")
        expect(page.get_by_label("Amount")).to_be_focused()
    shows_balance(page, "You will get ₹60")


def test_the_enter_key_does_not_decide_which_way_the_money_went(page: Page, ramesh: str) -> None:
    page.get_by_label("Amount").fill("250")
    page.get_by_label("Amount").press("Enter")
    write(page, "You got", "40")
    shows_balance(page, "You will give ₹40")
    expect(page.locator("#entries li")).to_have_count(1)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [("120+80*2", "= 280"), ("१२०+८०×२", "= 280"), ("٣+٤", "= 7"), ("(2+3)*4.5", "= 22.5"), ("12", ""), ("5/0", "")],
)
def test_a_sum_is_reckoned_while_it_is_typed(page: Page, ramesh: str, typed: str, shown: str) -> None:
    page.get_by_label("Amount").press_sequentially(typed)
    expect(page.locator("#sum")).to_have_text(shown)


def test_the_server_reckons_the_same(page: Page, ramesh: str) -> None:
    write(page, "You gave", "१२०+८०×२")
    shows_balance(page, "You will get ₹280")


def test_a_refusal_stands_at_the_field_and_keeps_what_was_typed(page: Page, ramesh: str, watch: Watch) -> None:
    watch.expected.add(422)
    page.evaluate("window.sameDocument = true")
    page.locator("#entry-form summary").click()
    page.get_by_label("Note").fill("rice")
    amount = page.get_by_label("Amount")
    amount.fill("12..5")
    page.get_by_role("button", name="You gave").click()
    expect(page.locator("#e-amount")).to_be_visible()
    expect(amount).to_have_value("12..5")
    expect(amount).to_have_attribute("aria-invalid", "true")
    expect(amount).to_have_attribute("required", "")
    expect(amount).to_be_focused()
    expect(page.locator("#f-note")).to_have_value("rice")
    assert page.evaluate("window.sameDocument")
    amount.fill("12.5")
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹12.50")
    expect(page.locator("#entries li")).to_contain_text("rice")


def test_a_wrong_date_opens_what_hides_it(page: Page, ramesh: str, watch: Watch) -> None:
    watch.expected.add(422)
    page.locator("#entry-form summary").click()
    page.get_by_label("Date").fill("2999-01-01")
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="You gave").click()
    expect(page.locator("#e-on")).to_be_visible()


def test_note_and_date_behind_one_tap(page: Page, ramesh: str) -> None:
    page.locator("#entry-form summary").click()
    page.get_by_label("Note").fill("दूध 2 l")
    page.get_by_label("Date").fill("2026-01-05")
    write(page, "You gave", "60")
    expect(page.locator("#entries li")).to_contain_text("5 Jan")
    expect(page.locator("#entries li")).to_contain_text("दूध 2 l")


def test_edit_delete_restore(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    entry = shop.write(party, "gave", "50", note="oil")
    page.goto(party)
    page.locator("#entries a").click()
    expect(page.get_by_label("Amount")).to_have_value("50.00")
    expect(page.get_by_label("Note")).to_have_value("oil")
    page.get_by_label("Amount").fill("70+5")
    expect(page.locator("#sum")).to_have_text("= 75")
    page.get_by_role("button", name="Save").click()
    shows_balance(page, "You will get ₹75")
    expect(page.locator("#entries li")).to_contain_text("Edited")
    page.goto(entry)
    expect(page.locator("ol.rows li")).to_have_count(2)
    page.get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Yes, delete").click()
    shows_balance(page, "Settled")
    expect(page.locator("#entries del").first).to_be_visible()
    page.locator("#entries a").click()
    page.get_by_role("button", name="Bring back").click()
    shows_balance(page, "You will get ₹75")


def test_typing_and_writing_leave_the_balance_in_sight(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    for number in range(1, 20):
        shop.write(party, "gave", str(number))
    page.goto(party)
    page.get_by_label("Amount").click()
    page.keyboard.type("10")
    assert page.evaluate("scrollY") == 0
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹200")
    expect(page.get_by_label("Amount")).to_be_focused()
    assert page.evaluate("scrollY") == 0


def test_settle_up(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    shop.write(party, "gave", "50.25")
    page.goto(party)
    page.get_by_role("link", name="Settle up").click()
    page.get_by_label("Paid in cash").check()
    page.get_by_role("button", name="Settle up").click()
    shows_balance(page, "Settled")
    page.goto("/cash")
    expect(page.locator("main")).to_contain_text("Ramesh")
    expect(page.locator("main")).to_contain_text("₹50.25")


def test_older_pages_are_added_below(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    for number in range(1, 56):
        shop.write(party, "gave", str(number))
    page.goto(party)
    expect(page.locator("#entries > li[id]")).to_have_count(50)
    page.get_by_text("Show older").click()
    expect(page.locator("#entries > li[id]")).to_have_count(55)
    expect(page.locator("#entries .more")).to_have_count(0)
    ids = page.locator("#entries > li").evaluate_all("rows => rows.map((row) => row.id)")
    assert len(set(ids)) == 55
    assert page.locator("#entries #entries").count() == 0


def test_what_was_settled_is_folded(page: Page, shop: Shop) -> None:
    party = shop.party("Ramesh")
    shop.write(party, "gave", "5")
    shop.write(party, "got", "5")
    shop.write(party, "gave", "7")
    page.goto(party)
    expect(page.locator("#entries > li[id]")).to_have_count(1)
    page.get_by_text("Settled earlier: show older").click()
    expect(page.locator("#entries > li[id]")).to_have_count(3)


def test_going_back_after_writing_takes_a_fresh_id(page: Page, ramesh: str, watch: Watch) -> None:
    write(page, "You gave", "10")
    page.get_by_role("link", name="Statement").click()
    page.wait_for_url("**/statement")
    page.go_back()
    used = entry_id(page)
    write(page, "You gave", "25")
    expect(page.locator("main")).to_contain_text("₹35")
    assert entry_id(page) != used


def test_two_tabs_on_one_book_write_two_entries(page: Page, ramesh: str) -> None:
    other = page.context.new_page()
    other.goto(ramesh)
    page.reload()
    assert entry_id(page) != entry_id(other)
    write(page, "You gave", "10")
    write(other, "You gave", "25")
    shows_balance(other, "You will get ₹35")


def test_an_id_that_was_used_for_something_else_shows_both(page: Page, shop: Shop, ramesh: str) -> None:
    used = shop.write(ramesh, "gave", "10").rpartition("/")[2]
    wait_for_desk(page)
    page.locator("#entry-form input[name=id]").evaluate("(field, id) => { field.value = id; }", used)
    page.get_by_label("Amount").fill("25")
    page.get_by_role("button", name="You gave").click()
    page.wait_for_url("**/outbox")
    expect(page.locator("#waiting li")).to_contain_text("already written with other content")
    expect(page.locator("#waiting li")).to_contain_text("In the ledger now · You gave 10.00")
    page.get_by_role("button", name="Correct and send again").click()
    expect(page.get_by_text("Nothing waits on this phone")).to_be_visible()
    page.goto(ramesh)
    shows_balance(page, "You will get ₹35")


def big_photo(path: Path) -> Path:
    """A photo of several megabytes, as a phone's camera makes it."""
    noise = Image.effect_noise((1500, 2000), 90).resize((3000, 4000))
    Image.merge("RGB", (noise, noise.rotate(90, expand=True).resize((3000, 4000)), noise)).save(path, quality=92)
    return path


def test_a_photo_is_made_small_on_the_phone(page: Page, ramesh: str, pictures: Path, shop: Shop) -> None:
    wait_for_desk(page)
    photo = big_photo(pictures / "bill.jpg")
    assert photo.stat().st_size > 1_000_000
    page.locator("#entry-form summary").click()
    page.get_by_label("Photo of the bill").set_input_files(photo)
    chosen = "document.querySelector('#f-photo').files[0]"
    wait_for(lambda: page.evaluate(f"{chosen}.name") == "photo.jpg", "the small photo")
    sent = page.evaluate(f"{chosen}.size")
    assert sent <= 60 * 1024
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹5")
    picture = page.locator("img.photo")

    def stands() -> bool:  # it follows the entry
        page.goto(ramesh)
        page.locator("#entries a[href]").click()  # once the fresh page is there
        expect(page.get_by_role("heading", name="History")).to_be_visible()
        return picture.count() > 0

    wait_for(stands, "the photo")
    expect(picture).to_be_visible()
    kept = shop.client.get(picture.get_attribute("src") or "").content
    assert max(Image.open(io.BytesIO(kept)).size) <= 1280


def test_a_file_that_is_no_picture_is_refused_in_a_sentence(
    page: Page, ramesh: str, pictures: Path, watch: Watch
) -> None:
    watch.expected.add(422)
    (pictures / "bill.jpg").write_bytes(b"not a picture")
    page.locator("#entry-form summary").click()
    page.get_by_label("Photo of the bill").set_input_files(pictures / "bill.jpg")
    page.get_by_label("Amount").fill("5")
    page.get_by_role("button", name="You gave").click()
    expect(page.locator("#e-photo")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("5")


def test_buttons_wait_for_the_answer(page: Page, ramesh: str) -> None:
    """Two quick taps are one entry: both carry the same id."""
    page.get_by_label("Amount").fill("40")
    page.get_by_role("button", name="You gave").dblclick()
    expect(page.get_by_label("Amount")).to_have_value("")
    shows_balance(page, "You will get ₹40")
    page.reload()
    expect(page.locator("#entries > li")).to_have_count(1)


def test_plain_forms_without_htmx_give_way_to_a_page(new_phone: Callable[..., Page], shop: Shop) -> None:
    """A script that never arrives (2G) leaves the plain form: it writes, and shows the page again."""
    page = new_phone(shop)
    page.route("**/htmx*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(shop.party("Ramesh"))
    page.get_by_label("Amount").fill("15")
    page.get_by_role("button", name="You gave").click()
    shows_balance(page, "You will get ₹15")
    expect(page.get_by_label("Amount")).to_have_value("")
