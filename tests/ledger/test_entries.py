"""Writing entries, as a person does it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger import actions as ledger
from khata.ledger.models import Entry
from tests.client import Browser, Page
from tests.factories import DAY, faults, make_party, make_shop, row_of, today

HTMX = {"HX-Request": "true", "HX-Request-Type": "partial"}


def errors(page: Page) -> list[str]:
    """The fields that have a sentence."""
    return [span["id"][2:] for span in page.all("span") if span.get("class") == "err"]


def rows(page: Page) -> list[str]:
    """The entries of a party's page, newest first."""
    return page.links("/entries/")


def test_it_works(owner: Browser) -> None:
    party = owner.add_party("Ramesh", phone="98765 00001")
    owner.write(party, "gave", "120+80*2", note="rice")
    page = owner.write(party, "got", "80")
    assert "₹200" in page.text
    assert "You will get ₹200" in page.text
    home = owner.get("/")
    assert "Ramesh" in home.text
    assert "You will get ₹200" in home.text


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("٣٤٥", "₹345"),
        ("३४५", "₹345"),
        ("௩௪௫.௫௦", "₹345.50"),
        ("１２", "₹12"),
        ("1,23,456.50", "₹1,23,456.50"),
        ("120+80*2", "₹280"),
        ("(1+2)×3÷2", "₹4.50"),
        ("₹ 50/-", "₹50"),
        ("10/3", "₹3.33"),
        (".5", "₹0.50"),
        ("99999999999.99", "₹99,99,99,99,999.99"),
        ("  7  ", "₹7"),
    ],
)
def test_amounts_as_people_type_them(owner: Browser, typed: str, shown: str) -> None:
    assert f"You will get {shown} " in owner.write(owner.add_party(), "gave", typed).text + " "


@pytest.mark.parametrize(
    "typed",
    ["0", "0.00", "-5", "5-5", "5-6", "1.234", "1000000000000000", "10**15", "1e5", "NaN", "Infinity", "--", "5/0",
     "9**9**9", "", "   ", "abc", "5 apples", "1..2", "1+", "(1", "0x10", "1_000", "٣4", "½", "²", "1,2,3", "5;6",
     "9" * 61, "\x00", "<b>5</b>", "__import__('os')", "\u202e5\u202d-", "1" + "+1" * 40],
)  # fmt: skip
def test_a_bad_amount_gets_one_sentence_and_stays_as_typed(owner: Browser, typed: str) -> None:
    party = owner.add_party()
    fields = {"direction": "gave", "amount": typed, "note": "rice", "on": today().isoformat(), "id": str(new_id())}
    page = owner.post(f"{party}/entries", fields, status=422)
    assert errors(page) == ["amount"]
    assert (page.hidden("amount"), page.hidden("note"), page.hidden("id")) == (typed, "rice", fields["id"])
    assert rows(page) == []
    assert "Settled" in owner.get(party).text


@pytest.mark.parametrize(
    "typed",
    ["2026-02-31", "0000-01-01", "0001-01-01", "1899-12-31", "9999-12-31", "2999-01-01", "31/12/2025", "yesterday",
     "2026-13-01", "-1-1-1", "10000-01-01", "2026-02-01T10:00", "\x00", "<i>", "9" * 400],
)  # fmt: skip
def test_a_bad_date_gets_one_sentence_and_stays_as_typed(owner: Browser, typed: str) -> None:
    party = owner.add_party()
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "on": typed}, status=422)
    assert errors(page) == ["on"]
    assert (page.hidden("on"), page.hidden("amount")) == (typed, "5")


@pytest.mark.parametrize("direction", ["", "give", "GAVE", "<b>"])
def test_a_bad_direction_gets_one_sentence(owner: Browser, direction: str) -> None:
    party = owner.add_party()
    page = owner.post(f"{party}/entries", {"direction": direction, "amount": "5"}, status=422)
    assert "Choose one of these" in page.text
    assert page.hidden("amount") == "5"


def test_a_long_note(owner: Browser) -> None:
    party = owner.add_party()
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "note": "x" * 501}, status=422)
    assert errors(page) == ["note"]
    assert len(page.hidden("note")) == 501


def test_tomorrow_is_taken_because_phones_clocks_differ(owner: Browser) -> None:
    party = owner.add_party()
    owner.write(party, "gave", "5", on=(today() + timedelta(days=1)).isoformat())
    later = (today() + timedelta(days=2)).isoformat()
    owner.post(f"{party}/entries", {"direction": "gave", "amount": "5", "on": later}, status=422)


def test_a_native_date(owner: Browser) -> None:
    party = owner.add_party()
    assert "5 Jan 2025" in owner.write(party, "gave", "5", on="२०२५-०१-०५").text


def test_the_balance_has_a_bound(context: Flask) -> None:
    shop = make_shop()
    party = make_party(shop)
    huge = ledger.Content("gave", 10**13, DAY)
    with transaction():
        for _time in range(10):
            ledger.record_entry(shop, party, new_id(), huge)
    with pytest.raises(Exception, match="balance_too_large"), transaction():
        ledger.record_entry(shop, party, new_id(), huge)
    assert row_of(party).balance_minor == 10**14
    assert faults(shop) == []


# the same id


def test_the_same_entry_twice_is_one(owner: Browser) -> None:
    party, id_ = owner.add_party(), str(new_id())
    for _time in range(3):
        page = owner.write(party, "gave", "50", id=id_, note="rice")
    assert len(rows(page)) == 1
    assert "You will get ₹50" in page.text


def test_the_same_entry_again_after_it_was_edited_and_deleted(owner: Browser) -> None:
    """The phone sends once more what it sent first: that was taken, whatever happened since."""
    party, id_ = owner.add_party(), str(new_id())
    owner.write(party, "gave", "50", id=id_)
    owner.post(f"/entries/{id_}", {"direction": "gave", "amount": "60", "version": "1"}, then=party)
    assert "You will get ₹60" in owner.write(party, "gave", "50", id=id_).text
    owner.post(f"/entries/{id_}/deletion", then=party)
    assert "Settled" in owner.write(party, "gave", "50", id=id_).text


def test_the_same_id_with_other_content_shows_both(owner: Browser) -> None:
    party, id_ = owner.add_party(), str(new_id())
    owner.write(party, "gave", "50", id=id_, note="rice")
    fields = {"direction": "got", "amount": "70", "note": "oil", "id": id_}
    page = owner.post(f"{party}/entries", fields, status=409)
    assert "already written with other content" in page.text
    for word in ("₹50", "rice", "You gave", "₹70", "oil", "You got"):
        assert word in page.text
    again = {name: page.hidden(name) for name in ("id", "direction", "amount", "on", "note")}
    assert again["id"] != id_
    owner.post(f"{party}/entries", again, then=party)
    assert "You will give ₹20" in owner.get(party).text


def test_paid_in_cash_is_content_too(owner: Browser) -> None:
    """What is offered to be written as a new entry is all of what was typed."""
    party, id_ = owner.add_party(), str(new_id())
    owner.write(party, "gave", "50", id=id_)
    fields = {"direction": "got", "amount": "70", "id": id_, "in_cash": "1"}
    page = owner.post(f"{party}/entries", fields, status=409)
    assert page.hidden("in_cash") == "1"


def test_the_same_id_for_another_party_is_another_content(owner: Browser) -> None:
    one, other, id_ = owner.add_party("One"), owner.add_party("Other"), str(new_id())
    owner.write(one, "gave", "50", id=id_)
    owner.post(f"{other}/entries", {"direction": "gave", "amount": "50", "id": id_}, status=409)
    assert "Settled" in owner.get(other).text


def test_an_id_may_be_a_partys_too(owner: Browser) -> None:
    party = owner.add_party()
    id_ = party.rpartition("/")[2]
    owner.write(party, "gave", "50", id=id_)
    assert "Written" in owner.get(f"/entries/{id_}").text


@pytest.mark.parametrize("other_minor", [None, 6000])
def test_the_same_id_at_once(app: Flask, other_minor: int | None) -> None:
    """Eight threads send one id, half of them perhaps with other content: one entry, no double, no fault."""
    with app.app_context():
        shop = make_shop()
        party, entry_id = make_party(shop), new_id()
    outcomes: list[str] = []
    gate = threading.Barrier(8)

    def send(amount_minor: int) -> None:
        with app.app_context():
            gate.wait(10)
            try:
                with transaction():
                    ledger.record_entry(shop, party, entry_id, ledger.Content("gave", amount_minor, DAY))
                outcomes.append("taken")
            except ledger.AlreadyWritten:
                outcomes.append("other")

    amounts = [5000 if number % 2 else other_minor or 5000 for number in range(8)]
    threads = [threading.Thread(target=send, args=(amount,)) for amount in amounts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == (["taken"] * 8 if other_minor is None else ["other"] * 4 + ["taken"] * 4)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 1
        assert row_of(party).balance_minor in (5000, other_minor)
        assert faults(shop) == []


def test_entries_of_many_threads_all_count(app: Flask) -> None:
    with app.app_context():
        shop = make_shop()
        parties = [make_party(shop, f"Party {number}") for number in range(3)]

    def run(number: int) -> None:
        with app.app_context():
            for step in range(5):
                with transaction():
                    content = ledger.Content("gave" if step % 3 else "got", 100 * (number + 1), DAY, in_cash=True)
                    ledger.record_entry(shop, parties[(number + step) % 3], new_id(), content)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Entry)) == 20
        assert faults(shop) == []


# answers to htmx


def test_htmx_gets_the_pieces_that_change(owner: Browser) -> None:
    party = owner.add_party()
    answer = owner.raw("POST", f"{party}/entries", data={"direction": "gave", "amount": "5"}, headers=HTMX)
    page = Page(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert not page.all("html")
    assert {"entry-form", "balance", "entries"} <= set(page.ids)
    assert [part["hx-target"] for part in page.all("hx-partial")] == ["#balance", "#entries"]
    assert page.hidden("amount") == ""
    assert page.hidden("id") not in rows(page)[0], "the next entry has an id of its own"


def test_htmx_gets_the_form_back(owner: Browser) -> None:
    party = owner.add_party()
    page = owner.post(f"{party}/entries", {"direction": "gave", "amount": "5/0"}, status=422, **HTMX)
    assert page.ids[0] == "entry-form"
    assert errors(page) == ["amount"]
    assert page.hidden("amount") == "5/0"


def test_htmx_gets_a_conflict_as_a_whole_page(owner: Browser) -> None:
    party, id_ = owner.add_party(), str(new_id())
    owner.write(party, "gave", "5", id=id_)
    fields = {"direction": "gave", "amount": "6", "id": id_}
    answer = owner.raw("POST", f"{party}/entries", data=fields, headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Retarget"]) == (409, "body")


def test_htmx_that_wants_a_whole_page_is_sent_on(owner: Browser) -> None:
    party = owner.add_party()
    fields = {"direction": "gave", "amount": "5"}
    owner.post(f"{party}/entries", fields, then=party, **{"HX-Request": "true", "HX-Boosted": "true"})
