"""By when a party pays: promised by the shop's hand or on the customer's page, seen on home, gone with the debt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
import time_machine

from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger import actions as ledger
from khata.ledger.bulk import record_entries
from khata.ledger.verification import differences
from tests.client import Browser
from tests.factories import DAY, faults, make_party, make_shop, row_of, write
from tests.payments.test_pay_page import link_of

TODAY = date(2027, 1, 20)


@pytest.fixture(autouse=True)
def _on_that_day() -> object:
    with time_machine.travel("2027-01-20T06:30:00Z", tick=False):
        yield


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "500")
    return made


def due_on(owner: Browser, party: str) -> date | None:
    with owner.app.app_context():
        row = row_of(UUID(party.rpartition("/")[2]))
        assert not list(differences(row.shop_id, "INR"))
        db.session.remove()
    found: date | None = row.due_on
    return found


def buttons(owner: Browser, url: str) -> list[str]:
    return [one["value"] for one in owner.get(url).all("button") if one.get("name") == "on"]


@pytest.mark.parametrize("place", ["due", "reminder"])
@pytest.mark.parametrize(("which", "day"), [(0, date(2027, 1, 27)), (1, date(2027, 1, 31))])
def test_two_taps(owner: Browser, party: str, place: str, which: int, day: date) -> None:
    assert f"{party}/{place}" in owner.get(party).links(party)
    chosen = buttons(owner, f"{party}/{place}")[which]
    for _time in range(2):
        owner.post(f"{party}/due", {"on": chosen}, then=party)
    assert due_on(owner, party) == day
    assert owner.get("/daybook").text.count(f"Ramesh will pay by {day.day} Jan 2027") == 1
    assert f"Due {day.day} Jan" in owner.get("/").text
    assert f"Due {day.day} Jan" in owner.get(party).text


def test_a_chosen_day(owner: Browser, party: str) -> None:
    owner.post(f"{party}/due", {"on": "2027-03-01"}, then=party)
    assert due_on(owner, party) == date(2027, 3, 1)
    assert owner.get(f"{party}/due").hidden("on") == "2027-03-01"
    owner.post(f"{party}/due/end", then=party)
    owner.post(f"{party}/due/end", then=party)
    assert due_on(owner, party) is None
    assert owner.get("/daybook").text.count("no due date any more") == 1


@pytest.mark.parametrize("day", ["", "soon", "2027-01-19", "2027-02-29", "2099-01-01"])
def test_what_is_no_day_to_come(owner: Browser, party: str, day: str) -> None:
    refused = owner.post(f"{party}/due", {"on": day}, status=422)
    assert 'id="e-on"' in refused.html
    assert refused.hidden("on") == day
    assert due_on(owner, party) is None


def test_how_late_it_is(owner: Browser, party: str) -> None:
    owner.post(f"{party}/due", {"on": TODAY.isoformat()})
    assert "Due today" in owner.get("/").text
    assert "Due today" in owner.get(party).text
    assert "Ramesh" in owner.get("/?filter=due-today").text
    for late, words in ((1, "Overdue 1 day"), (12, "Overdue 12 days")):
        with time_machine.travel(f"{TODAY + timedelta(days=late)}T06:30:00Z", tick=False):
            for page in (owner.get("/"), owner.get(party), owner.get("/?filter=overdue")):
                assert words in page.text


def test_nothing_to_promise(owner: Browser, party: str) -> None:
    owner.write(party, "got", "500")
    assert f"{party}/due" not in owner.get(party).links(party)
    assert "Nothing is open" in owner.get(f"{party}/due").text
    owner.post(f"{party}/due", {"on": "2027-02-01"}, status=422)


def test_it_is_gone_with_the_debt(owner: Browser, party: str) -> None:
    for words in ("partly", "whole", "more"):
        owner.post(f"{party}/due", {"on": "2027-02-01"})
        owner.write(party, "got", "100")
        assert due_on(owner, party) == date(2027, 2, 1), words
        if words == "whole":
            owner.post(f"{party}/settlement", {"expected_minor": "40000"})
        else:
            owner.write(party, "got", "400" if words == "partly" else "999")
        assert due_on(owner, party) is None, words
        owner.post(f"{party}/settlement", {"expected_minor": "-59900"} if words == "more" else {"expected_minor": "0"})
        owner.write(party, "gave", "500")
        assert due_on(owner, party) is None, words


def test_a_day_that_waits_for_the_first_debt_stays(owner: Browser) -> None:
    party = owner.add_party("Sunita", due_on="2027-02-05")
    owner.write(party, "gave", "5")
    assert due_on(owner, party) == date(2027, 2, 5)


def test_deleting_what_was_owed(owner: Browser, party: str) -> None:
    owner.post(f"{party}/due", {"on": "2027-02-01"})
    (entry,) = owner.get(party).links("/entries/")
    owner.post(f"{entry}/deletion")
    assert due_on(owner, party) is None


def test_many_at_once_and_joined(context: object) -> None:
    actor = make_shop()
    one, two, three = (make_party(actor, name, due_on=date(2027, 2, 1)) for name in ("One", "Two", "Three"))
    for party in (one, two):
        write(actor, party, "gave", 500)
    write(actor, three, "got", 300)
    with transaction():
        entries = [(one, new_id(), ledger.Content("got", 500, DAY)), (two, new_id(), ledger.Content("got", 200, DAY))]
        record_entries(actor, entries)
    assert [row_of(party).due_on for party in (one, two)] == [None, date(2027, 2, 1)]
    assert faults(actor) == []
    with transaction():
        ledger.merge_parties(actor, three, two)
    assert row_of(two).due_on is None
    assert faults(actor) == []


def test_who_may_not(owner: Browser, hire: Callable[..., Browser], party: str) -> None:
    accountant = hire("accountant")
    accountant.get(f"{party}/due", 403)
    accountant.post(f"{party}/due", {"on": "2027-02-01"}, status=403)
    accountant.post(f"{party}/due/end", status=403)
    assert f"{party}/due" not in accountant.get(party).links(party)


# what the customer says


def action(owner: Browser, party: str, verb: str) -> str:
    (found,) = [form["action"] for form in owner.get(party).all("form") if form["action"].endswith(f"/{verb}")]
    return found


def test_the_customer_promises(owner: Browser, visitor: Browser, party: str) -> None:
    page = link_of(owner, party)
    assert "I will pay on a day" in visitor.get(page).text
    form = {"id": visitor.get(page).hidden("id"), "kind": "promise", "day": "2027-02-10"}
    for _time in range(2):
        visitor.post(f"{page}/claims", form, then=f"{page}?said=promise")
    assert 'id="e-day"' in visitor.post(f"{page}/claims", {**form, "day": "2027-02-11"}, status=409).html
    assert "You said: you will pay by 10 Feb" in visitor.get(page).text
    assert due_on(owner, party) is None
    assert "Will pay by 10 Feb" in owner.get(party).text
    confirm = action(owner, party, "confirmation")
    for _time in range(2):
        owner.post(confirm, then=party)
    assert due_on(owner, party) == date(2027, 2, 10)
    assert "You will get ₹500" in owner.get(party).text
    assert "Due on 10 Feb" in visitor.get(page).text
    assert "says: will pay by 10 Feb 2027" in owner.get("/daybook?kind=pay").text


def test_not_so(owner: Browser, visitor: Browser, party: str) -> None:
    page = link_of(owner, party)
    visitor.post(f"{page}/claims", {"kind": "promise", "day": "2027-02-10"})
    owner.post(action(owner, party, "refusal"), then=party)
    assert due_on(owner, party) is None


@pytest.mark.parametrize("day", ["", "tomorrow", "2027-01-19", "2099-01-01"])
def test_a_day_that_can_not_be_promised(owner: Browser, visitor: Browser, party: str, day: str) -> None:
    page = link_of(owner, party)
    refused = visitor.post(f"{page}/claims", {"kind": "promise", "day": day}, status=422)
    assert 'id="e-day"' in refused.html
    assert refused.hidden("day") == day


def test_paid_meanwhile(owner: Browser, visitor: Browser, party: str) -> None:
    page = link_of(owner, party)
    visitor.post(f"{page}/claims", {"kind": "promise", "day": "2027-02-10"})
    owner.write(party, "got", "500")
    owner.post(action(owner, party, "confirmation"), status=422)
    owner.post(action(owner, party, "refusal"), then=party)


def test_today_is_the_shops(open_shop: Callable[..., Browser]) -> None:
    with time_machine.travel("2027-01-20T20:00:00Z", tick=False):  # the 21st in India
        owner = open_shop("+919876500008")
        party = owner.add_party()
        owner.write(party, "gave", "5")
        assert clock.today("Asia/Kolkata") == date(2027, 1, 21)
        owner.post(f"{party}/due", {"on": "2027-01-20"}, status=422)
        assert buttons(owner, f"{party}/due")[0] == "2027-01-28"
