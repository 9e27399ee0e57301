"""What the shop has to pay: written down, told of once, paid once, skipped, ended."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import sqlalchemy as sa
import time_machine

from khata.core.db import db
from khata.core.ids import new_id
from khata.ledger.models import Entry
from khata.ledger.verification import differences
from khata.reminders.due_models import ScheduledPayment
from tasks import due
from tests.client import Browser, Page


@pytest.fixture(autouse=True)
def _on_that_day() -> object:
    with time_machine.travel("2027-01-31T06:30:00Z", tick=False):
        yield


def on(day: str) -> time_machine.travel:
    return time_machine.travel(f"{day}T06:30:00Z", tick=False)


@pytest.fixture
def supplier(owner: Browser) -> str:
    return owner.add_party("Gupta Traders", kind="supplier")


def add(owner: Browser, supplier: str, **fields: str) -> str:
    """Write a payment down and give the start of its addresses."""
    form = {"party": supplier.rpartition("/")[2], "amount": "700", "on": "2027-01-31", "every": "month", **fields}
    owner.post("/to-pay", form, then="/to-pay")
    actions = sorted(form["action"] for form in owner.get("/to-pay").all("form") if form["action"].endswith("/paid"))
    return actions[-1].removesuffix("/paid")


def entries(owner: Browser) -> list[tuple[str, int, date]]:
    with owner.app.app_context():
        rows = db.session.execute(sa.select(Entry.direction, Entry.amount_minor, Entry.on).order_by(Entry.seq))
        found = [tuple(row) for row in rows]
        shop = db.session.scalar(sa.select(ScheduledPayment.shop_id).limit(1))
        assert shop is None or not list(differences(shop, "INR"))
        db.session.remove()
    return found  # type: ignore[return-value]


def told(owner: Browser) -> int:
    with owner.app.app_context():
        return due.tell_payments()


def days(page: Page) -> list[str]:
    return [field["value"] for field in page.all("input") if field.get("name") == "on"]


def test_it_works(owner: Browser, supplier: str) -> None:
    assert f"/to-pay/new?party={supplier.rpartition('/')[2]}" in owner.get(supplier).links("/to-pay")
    add(owner, supplier, note="Rent")
    page = owner.get("/to-pay")
    for words in ("Gupta Traders", "₹700", "Due today", "Every month", "Rent", "Due by today"):
        assert words in page.text
    assert "1 payment of yours is due: ₹700" in owner.get("/").text
    assert "/to-pay" in owner.get("/menu").links("/")


def test_paid_is_one_entry_and_moves_on(owner: Browser, supplier: str) -> None:
    payment = add(owner, supplier)
    for _time in range(2):
        owner.post(f"{payment}/paid", {"on": "2027-01-31"}, then=supplier)
    assert entries(owner) == [("gave", 70_000, date(2027, 1, 31))]
    assert days(owner.get("/to-pay"))[0] == "2027-02-28"
    assert "payment of yours" not in owner.get("/").text
    assert "the payment of ₹700 due on 31 Jan 2027 was made" in owner.get("/daybook?kind=due").text
    with on("2027-03-02"):
        owner.post(f"{payment}/paid", {"on": "2027-02-28", "in_cash": "1"}, then=supplier)
        assert days(owner.get("/to-pay"))[0] == "2027-03-31"
        assert "₹700" in owner.get("/cash").text
    assert entries(owner)[1] == ("gave", 70_000, date(2027, 3, 2))


@pytest.mark.parametrize(("every", "then"), [("once", []), ("week", ["2027-02-07"]), ("month", ["2027-02-28"])])
def test_how_often(owner: Browser, supplier: str, every: str, then: list[str]) -> None:
    payment = add(owner, supplier, every=every)
    owner.post(f"{payment}/paid", {"on": "2027-01-31"})
    assert sorted(set(days(owner.get("/to-pay")))) == then


def test_skipped(owner: Browser, supplier: str) -> None:
    payment = add(owner, supplier)
    for _time in range(2):
        owner.post(f"{payment}/skip", {"on": "2027-01-31"}, then="/to-pay")
    assert days(owner.get("/to-pay"))[0] == "2027-02-28"
    owner.post(f"{payment}/paid", {"on": "2027-01-31"}, status=409)
    owner.post(f"{payment}/paid", {"on": "2027-03-31"}, status=409)
    owner.post(f"{payment}/paid", {"on": "2027-02-28"})
    owner.post(f"{payment}/skip", {"on": "2027-02-28"}, status=409)
    assert len(entries(owner)) == 1


def test_ended(owner: Browser, supplier: str) -> None:
    payment = add(owner, supplier)
    for _time in range(2):
        owner.post(f"{payment}/end", then="/to-pay")
    assert "Nothing to pay" in owner.get("/to-pay").text
    owner.post(f"{payment}/paid", {"on": "2027-01-31"}, status=409)
    assert entries(owner) == []
    assert owner.get("/daybook?kind=due").text.count("is not to be paid any more") == 1


def test_the_longest_overdue_first(owner: Browser, supplier: str) -> None:
    for day, note in (("2027-02-05", "later"), ("2027-01-19", "late"), ("2027-01-31", "now")):
        add(owner, supplier, on=day, note=note)
    text = owner.get("/to-pay").text
    assert text.index("late") < text.index("now") < text.index("later")
    assert "Overdue 12 days" in text
    assert "2 payments of yours are due: ₹1,400" in owner.get("/").text


def test_the_same_form_twice_is_one(owner: Browser, supplier: str) -> None:
    form_id = str(new_id())
    for _time in range(2):
        add(owner, supplier, id=form_id)
    party = supplier.rpartition("/")[2]
    other = {"id": form_id, "party": party, "amount": "701", "on": "2027-01-31", "every": "month"}
    assert owner.post("/to-pay", other, status=409).hidden("amount") == "701"
    assert len(days(owner.get("/to-pay"))) == 2  # paid, and skipped, of one


@pytest.mark.parametrize(
    ("field", "typed"),
    [("party", ""), ("amount", ""), ("amount", "0"), ("amount", "x"), ("on", ""), ("on", "2027-02-30"),
     ("on", "2025-01-01"), ("on", "2099-01-01"), ("every", "year"), ("note", "x" * 301)],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(owner: Browser, supplier: str, field: str, typed: str) -> None:
    form = {"party": supplier.rpartition("/")[2], "amount": "5", "on": "2027-02-01", "every": "week", "note": "Milk"}
    refused = owner.post("/to-pay", {**form, field: typed}, status=422)
    assert f'id="e-{field}"' in refused.html
    for name in {"amount", "on", "note"}:
        assert refused.hidden(name) == {**form, field: typed}[name]
    assert "Nothing to pay" in owner.get("/to-pay").text


def test_owners_are_told_once_for_each_day(owner: Browser, supplier: str) -> None:
    payment = add(owner, supplier)
    words = "₹700 is to be paid to Gupta Traders."
    assert [told(owner) for _time in range(3)] == [1, 0, 0]
    home = owner.get("/")
    assert home.text.count(words) == 1
    assert "/to-pay" in home.links("/to-pay")
    (notice,) = [form["action"] for form in home.all("form") if form["action"].startswith("/notices/")]
    owner.post(notice)
    assert words not in owner.get("/").text
    assert [told(owner) for _time in range(2)] == [0, 0]
    owner.post(f"{payment}/paid", {"on": "2027-01-31"})
    assert told(owner) == 0
    with on("2027-02-28"):
        assert [told(owner) for _time in range(2)] == [1, 0]
        assert words in owner.get("/").text


@pytest.mark.parametrize("verb", ["paid", "skip", "end"])
def test_what_is_done_need_not_be_heard_of(owner: Browser, supplier: str, verb: str) -> None:
    payment, other = add(owner, supplier), add(owner, supplier, amount="900")
    assert payment != other
    assert told(owner) == 2
    owner.post(f"{payment}/{verb}", {"on": "2027-01-31"})
    text = owner.get("/").text
    assert "₹700 is to be paid" not in text
    assert "₹900 is to be paid" in text


def test_told_on_the_shops_own_day(owner: Browser, supplier: str) -> None:
    add(owner, supplier, on="2027-02-01")
    with time_machine.travel("2027-01-31T18:29:00Z", tick=False):
        assert told(owner) == 0
    with time_machine.travel("2027-01-31T18:31:00Z", tick=False):
        assert told(owner) == 1


def test_a_supplier_of_another_shop(owner: Browser, stranger: Browser) -> None:
    theirs = stranger.add_party("Theirs", kind="supplier")
    form = {"party": theirs.rpartition("/")[2], "amount": "5", "on": "2027-02-01"}
    assert "Theirs" not in owner.post("/to-pay", form, status=404).html
    assert "Theirs" not in owner.get(f"/to-pay/new?party={form['party']}").html
    owner.get("/to-pay/new?party=nobody")


def test_joined_with_another_account(owner: Browser, supplier: str) -> None:
    payment = add(owner, supplier)
    other = owner.add_party("Gupta & Sons", kind="supplier")
    owner.post(f"{supplier}/merge", {"into": other.rpartition("/")[2]})
    owner.post(f"{payment}/paid", {"on": "2027-01-31"}, then=other)
    assert len(entries(owner)) == 1


def test_who_may(owner: Browser, hire: Callable[..., Browser], supplier: str) -> None:
    payment = add(owner, supplier)
    accountant = hire("accountant")
    assert "Gupta" in accountant.get("/to-pay").text
    assert not [form for form in accountant.get("/to-pay").all("form") if form["action"].startswith("/to-pay/")]
    accountant.get("/to-pay/new", 403)
    for verb in ("paid", "skip", "end"):
        accountant.post(f"{payment}/{verb}", {"on": "2027-01-31"}, status=403)
    cashier = hire("cashier", phone="+919876500012")
    cashier.post(f"{payment}/paid", {"on": "2027-01-31"}, then=supplier)
    assert len(entries(owner)) == 1
