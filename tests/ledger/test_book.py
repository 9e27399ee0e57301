"""A party's book: running balances, back-dating, folding, older pages; statements."""

from __future__ import annotations

import re
from datetime import date, timedelta
from uuid import UUID

import pytest
from flask import Flask

from khata.core.actor import Actor
from khata.core.db import transaction
from khata.core.ids import new_id
from khata.errors import NotFound
from khata.ledger import actions as ledger
from khata.ledger import forms, queries
from khata.ledger.actions import Content
from khata.ledger.queries import EntryCursor, EntryPage
from khata.parties.queries import get_party
from tests.client import Browser
from tests.factories import DAY, make_party, make_shop, today, write, write_many


def balances(page: EntryPage) -> list[int | None]:
    return [entry.balance_after_minor for entry in page.entries]


def newest(shop: Actor, party: UUID) -> EntryPage:
    return queries.newest_entries(shop.shop_id, get_party(shop.shop_id, party))


def all_pages(shop: Actor, party: UUID) -> list[EntryPage]:
    pages = [newest(shop, party)]
    while pages[-1].older:
        pages.append(queries.older_entries(shop.shop_id, get_party(shop.shop_id, party), pages[-1].older))
    return pages


@pytest.fixture
def shop(context: Flask) -> Actor:
    return make_shop()


@pytest.fixture
def party(shop: Actor) -> UUID:
    return make_party(shop)


def test_it_works(owner: Browser) -> None:
    party = owner.add_party()
    for amount, day in (("10", 3), ("20", 1), ("30", 2)):
        owner.write(party, "gave", amount, on=f"2026-03-0{day}")
    shown = re.findall(r"Balance ₹(\d+)", owner.get(party).text)
    assert shown == ["60", "50", "20"], "in the order of the days, not of the writing"


def test_entries_of_one_day_stand_as_they_were_written(shop: Actor, party: UUID) -> None:
    for amount in (100, 200, 300):
        write(shop, party, "gave", amount)
    assert [entry.amount_minor for entry in newest(shop, party).entries] == [300, 200, 100]
    assert balances(newest(shop, party)) == [600, 300, 100]


def test_what_was_settled_is_folded(shop: Actor, party: UUID) -> None:
    write(shop, party, "gave", 500, DAY)
    write(shop, party, "got", 500, DAY + timedelta(days=1))
    assert balances(newest(shop, party)) == [0, 500], "the last round is shown though it is settled"
    assert not newest(shop, party).folded
    write(shop, party, "gave", 300, DAY + timedelta(days=2))
    page = newest(shop, party)
    assert balances(page) == [300]
    assert page.folded
    assert [balances(page) for page in all_pages(shop, party)] == [[300], [0, 500]]


def test_a_deleted_entry_at_zero_does_not_fold(shop: Actor, party: UUID) -> None:
    write(shop, party, "gave", 500)
    gone = write(shop, party, "gave", 100)
    with transaction():
        ledger.delete_entry(shop, gone)
    write(shop, party, "got", 500)
    assert balances(newest(shop, party)) == [0, None, 500]
    gone = write(shop, party, "gave", 100)
    with transaction():
        ledger.delete_entry(shop, gone)
    assert balances(newest(shop, party)) == [None, 0, None, 500]


def test_what_was_deleted_just_before_is_not_folded_away(shop: Actor, party: UUID) -> None:
    write(shop, party, "gave", 700, DAY)
    gone = write(shop, party, "gave", 500, DAY + timedelta(days=1))
    write(shop, party, "got", 700, DAY + timedelta(days=2))
    write(shop, party, "gave", 300, DAY + timedelta(days=3))
    with transaction():
        ledger.delete_entry(shop, gone)
    assert balances(newest(shop, party)) == [300]
    with transaction():
        ledger.delete_entry(shop, write(shop, party, "gave", 50, DAY + timedelta(days=2)))
    assert balances(newest(shop, party)) == [300, None]
    assert [balances(page) for page in all_pages(shop, party)] == [[300, None], [0, None, 700]]


def test_the_page_says_why_more_is_hidden(owner: Browser) -> None:
    party = owner.add_party()
    for direction, day in (("gave", 1), ("got", 2), ("gave", 3)):
        owner.write(party, direction, "50", on=f"2026-03-0{day}")
    page = owner.get(party)
    assert "Settled earlier: show older" in page.text
    (older,) = page.links(f"{party}?before=")
    assert len(owner.get(older).links("/entries/")) == 2
    fragment = owner.get(older, **{"HX-Request": "true"})
    assert fragment.ids[0] == "entries"


def test_older_pages_have_the_right_balances(shop: Actor, party: UUID) -> None:
    """130 entries over 26 days, some back-dated, some deleted: each page goes on where the last one ended."""
    contents = [
        Content("got" if number % 4 == 3 else "gave", 100 + number, DAY + timedelta(days=(number * 7) % 26))
        for number in range(130)
    ]
    ids = write_many(shop, party, contents)
    with transaction():
        for entry_id in ids[5::13]:
            ledger.delete_entry(shop, entry_id)
    pages = all_pages(shop, party)
    assert [len(page.entries) for page in pages] == [50, 50, 30]
    shown = [entry for page in pages for entry in page.entries][::-1]
    assert [(entry.on, entry.seq) for entry in shown] == sorted((entry.on, entry.seq) for entry in shown)
    balance = 0
    for entry in shown:
        balance += queries.change_minor(entry)
        assert entry.balance_after_minor == (None if entry.deleted_at else balance)
    assert balance == get_party(shop.shop_id, party).balance_minor


def test_many_entries_of_one_day_are_paged_too(shop: Actor, party: UUID) -> None:
    write_many(shop, party, [Content("gave", 100, DAY)] * 101)
    pages = all_pages(shop, party)
    assert [len(page.entries) for page in pages] == [50, 50, 1]
    assert [balance for page in pages for balance in balances(page)] == list(range(10100, 0, -100))


STRANGE_PLACES = (
    "x 2026-03-10 2026-03-10.x 2026-03-10.-1 0.0 2026-02-31.1 \0.1 9999-12-31.1.1 <script> 2026-03-10.1e3".split()
)


@pytest.mark.parametrize("place", [*STRANGE_PLACES, "2026-03-10." + "9" * 30])
def test_a_strange_place_is_not_there(owner: Browser, place: str) -> None:
    party = owner.add_party()
    assert owner.raw("GET", party, query_string={"before": place}).status_code == 404
    assert owner.raw("GET", f"{party}/statement", query_string={"after": place}).status_code == 404


def test_places_are_spelled_and_read_alike() -> None:
    place = EntryCursor(DAY, 17)
    assert forms.entry_cursor(forms.spell_entry_cursor(place)) == place
    with pytest.raises(NotFound):
        forms.entry_cursor("")


# statements


def test_a_statement(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    for direction, amount, day in (("gave", "100", 1), ("got", "30", 10), ("gave", "50", 20), ("gave", "7", 28)):
        owner.write(party, direction, amount, on=f"2026-03-{day:02d}", note=f"note {day}")
    page = owner.get(f"{party}/statement?from=2026-03-10&to=2026-03-20")
    assert "Opening balance You will get ₹100" in page.text.replace("balanceYou", "balance You")
    assert "Closing balance You will get ₹120" in page.text.replace("balanceYou", "balance You")
    assert "You gave₹50" in page.text
    assert "You got₹30" in page.text
    assert "Asha Store" in page.text
    assert ("note 10" in page.text, "note 1 " in page.text, "note 28" in page.text) == (True, False, False)
    assert (page.hidden("from"), page.hidden("to")) == ("2026-03-10", "2026-03-20")


def test_a_statement_starts_with_this_month(owner: Browser) -> None:
    page = owner.get(f"{owner.add_party()}/statement")
    assert (page.hidden("from"), page.hidden("to")) == (today().replace(day=1).isoformat(), today().isoformat())


def test_deleted_entries_are_in_no_statement(owner: Browser) -> None:
    party = owner.add_party()
    owner.write(party, "gave", "11", on="2026-03-01")
    owner.post(owner.get(party).links("/entries/")[0] + "/deletion")
    assert "₹11" not in owner.get(f"{party}/statement?from=2026-01-01").text


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("2026-03-20", "2026-03-10", "from"),
        ("2026-02-31", "2026-03-10", "from"),
        ("2026-03-01", "x", "to"),
        ("0000-00-00", "2026-03-10", "from"),
        ("2026-03-01", "9" * 100, "to"),
    ],
)
def test_a_range_that_is_none(owner: Browser, start: str, end: str, field: str) -> None:
    party = owner.add_party()
    page = owner.get(f"{party}/statement?from={start}&to={end}", status=422)
    assert [span["id"] for span in page.all("span") if span.get("class") == "err"] == [f"e-{field}"]
    assert (page.hidden("from"), page.hidden("to")) == (start, end)


def test_a_range_into_the_future_and_before_everything(owner: Browser) -> None:
    party = owner.add_party()
    owner.write(party, "gave", "5")
    assert "₹5" in owner.get(f"{party}/statement?from=1900-01-01&to=9999-12-31").text
    assert "Settled" in owner.get(f"{party}/statement?from=1900-01-01&to=1900-01-02").text
    owner.get(f"{party}/statement?from=&to=1990-05-05")


def test_a_long_statement_has_pages(shop: Actor, party: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    start, end = DAY, DAY + timedelta(days=30)
    write(shop, party, "gave", 5000, DAY - timedelta(days=1))
    contents = [
        Content("got" if number % 3 == 0 else "gave", 10 + number, DAY + timedelta(days=number % 31))
        for number in range(520)
    ]
    gone = write_many(shop, party, contents)[7]
    with transaction():
        ledger.delete_entry(shop, gone)
    first = queries.statement(shop.shop_id, party, start, end)
    assert (len(first.entries), first.opening_minor) == (500, 5000)
    assert first.next is not None
    second = queries.statement(shop.shop_id, party, start, end, first.next)
    assert (len(second.entries), second.next) == (19, None)
    assert (second.opening_minor, second.closing_minor) == (first.opening_minor, first.closing_minor)
    balance = first.opening_minor
    for line in first.entries + second.entries:
        balance += line.amount_minor if line.direction == "gave" else -line.amount_minor
        assert line.balance_after_minor == balance
    assert balance == first.closing_minor
    assert first.closing_minor == first.opening_minor + first.gave_minor - first.got_minor


def test_pages_of_a_statement_on_the_web(owner: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "STATEMENT_PAGE", 2)
    party = owner.add_party()
    for day in (1, 2, 3):
        owner.write(party, "gave", "10", on=f"2026-03-0{day}")
    page = owner.get(f"{party}/statement?from=2026-03-01&to=2026-03-31")
    assert "Closing balance" not in page.text
    (more,) = page.links(f"{party}/statement?from=2026-03-01&to=2026-03-31&after=")
    page = owner.get(more)
    assert "₹30" in page.text
    assert "Closing balance" in page.text


def test_a_far_day_does_not_break_the_day_sums(shop: Actor, party: UUID) -> None:
    write(shop, party, "gave", 100, date(1900, 1, 1))
    assert queries.balance_at_start_of(shop.shop_id, party, date(1900, 1, 1)) == 0
    assert queries.balance_at_start_of(shop.shop_id, party, date.max) == 100
    assert queries.balance_before(shop.shop_id, new_id(), EntryCursor(DAY, 1)) == 0
