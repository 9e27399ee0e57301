"""A party's debt in parts: made, paid, changed, ended, asked for, and interest on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine

from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger import actions as ledger
from khata.ledger.models import Entry
from khata.reminders import instalments, interest
from khata.reminders.due_models import Plan, PlanPart
from khata.reminders.instalments import Terms, due_parts, standing
from khata.reminders.verification import differences
from tasks import due
from tests.client import Browser, Page
from tests.factories import faults, make_party, make_shop, row_of, write
from tests.payments.test_pay_page import link_of

START = date(2027, 1, 31)
NOON = "2027-01-31T06:30:00Z"


def at(day: date) -> time_machine.travel:
    return time_machine.travel(f"{day.isoformat()}T06:30:00Z", tick=False)


class Book:
    """A party that owes 1,200 in twelve parts of 100, on the last of each month."""

    def __init__(self, owed: int = 120_000, **terms: object) -> None:
        self.actor = make_shop()
        self.party = make_party(self.actor)
        self.debt = write(self.actor, self.party, "gave", owed, START)
        self.plan = self.split(owed, **terms)

    def split(self, owed: int, replaces: UUID | None = None, **terms: object) -> UUID:
        plan_id = new_id()
        wanted = Terms(**{"parts": 12, "every": "month", "first_on": date(2027, 2, 28), **terms})  # type: ignore[arg-type]
        with transaction():
            instalments.make_plan(self.actor, self.party, plan_id, wanted, owed, replaces)
        return plan_id

    def write(self, direction: str, amount: int, on: date = START) -> UUID:
        return write(self.actor, self.party, direction, amount, on)

    @property
    def stands(self) -> instalments.Standing:
        db.session.rollback()
        found = standing(self.actor.shop_id, row_of(self.party))
        assert found is not None
        return found

    @property
    def paid(self) -> list[int]:
        return [part.paid_minor for part in self.stands.parts if part.paid_minor]

    def check(self) -> None:
        db.session.rollback()
        assert faults(self.actor) == []
        assert list(differences(self.actor.shop_id)) == []
        db.session.rollback()

    def interest(self) -> list[tuple[date, int]]:
        query = sa.select(Entry.on, Entry.amount_minor).where(Entry.reason == "interest", Entry.deleted_at.is_(None))
        found = [tuple(row) for row in db.session.execute(query.order_by(Entry.on, Entry.seq))]
        db.session.rollback()
        return found  # type: ignore[return-value]


@pytest.fixture
def book(context: object) -> Book:
    with at(START):
        return Book()


def test_it_works(book: Book) -> None:
    stands = book.stands
    assert [part.amount_minor for part in stands.parts] == [10_000] * 12
    assert [part.on for part in stands.parts][:3] == [date(2027, 2, 28), date(2027, 3, 28), date(2027, 4, 28)]
    assert (stands.due_on, stands.due_minor(START), stands.open_minor) == (date(2027, 2, 28), 10_000, 120_000)
    assert row_of(book.party).due_on == date(2027, 2, 28)
    book.check()


def test_payments_meet_the_oldest_part_first(book: Book) -> None:
    book.write("got", 15_000)
    assert book.paid == [10_000, 5_000]
    assert row_of(book.party).due_on == date(2027, 3, 28)
    assert book.stands.due_minor(date(2027, 4, 1)) == 5_000
    assert book.stands.due_minor(date(2027, 4, 28)) == 15_000
    book.check()


def test_what_is_bought_since_is_no_part_of_it(book: Book) -> None:
    book.write("gave", 50_000)
    assert book.stands.open_minor == 120_000
    book.write("got", 130_000)  # the old debt first, then some of the new one
    assert book.stands.open_minor == 0
    assert row_of(book.party).due_on is None
    book.check()
    book.write("gave", 70_000)
    assert book.stands.open_minor == 0
    assert row_of(book.party).due_on is None
    book.check()


def test_an_old_entry_that_was_wrong_makes_the_debt_less(book: Book) -> None:
    with transaction():
        ledger.edit_entry(book.actor, book.debt, 1, ledger.Content("gave", 115_000, START))
    assert book.paid == [5_000]
    with transaction():
        ledger.delete_entry(book.actor, book.debt)
    assert book.stands.open_minor == 0
    with transaction():
        ledger.restore_entry(book.actor, book.debt)
    assert book.stands.open_minor == 115_000
    book.check()


def test_older_debt_is_met_before_the_parts(book: Book) -> None:
    book.write("gave", 7_000, START - timedelta(days=40))
    book.write("got", 7_000)
    assert book.paid == []
    book.write("got", 1_000)
    assert book.paid == [1_000]
    book.check()


def test_a_payment_of_any_day_counts(book: Book) -> None:
    book.write("got", 10_000, START - timedelta(days=400))
    assert book.paid == [10_000]


def test_a_payment_that_was_a_slip_opens_it_again(book: Book) -> None:
    slip = book.write("got", 120_000)
    assert row_of(book.party).due_on is None
    assert db.session.scalars(sa.select(Plan)).one().settled_at is not None
    with transaction():
        ledger.delete_entry(book.actor, slip)
    assert row_of(book.party).due_on == date(2027, 2, 28)
    assert db.session.scalars(sa.select(Plan)).one().settled_at is None
    book.check()


def test_the_same_again_changes_nothing(book: Book) -> None:
    terms = Terms(12, "month", date(2027, 2, 28))
    with at(START), transaction():
        instalments.make_plan(book.actor, book.party, book.plan, terms, 120_000)
    with at(START), pytest.raises(instalments.WrittenOtherwise), transaction():
        instalments.make_plan(book.actor, book.party, book.plan, terms._replace(parts=11), 120_000)
    assert db.session.scalar(sa.select(sa.func.count()).select_from(PlanPart)) == 12


def test_changed(book: Book) -> None:
    book.write("got", 30_000)
    with pytest.raises(instalments.DebtChanged):
        book.split(120_000, book.plan)
    with pytest.raises(instalments.DebtChanged):
        book.split(90_000)
    with at(START):
        other = book.split(90_000, book.plan, parts=2, every="week", first_on=START)
    assert book.stands.plan.id == other
    assert [part.amount_minor for part in book.stands.parts] == [45_000, 45_000]
    assert row_of(book.party).due_on == START
    book.check()


def test_ended(book: Book) -> None:
    for _time in range(2):
        with transaction():
            instalments.end_plan(book.actor, book.party, book.plan)
    row = row_of(book.party)
    assert (row.has_plan, row.due_on, row.balance_minor) == (False, None, 120_000)
    assert standing(book.actor.shop_id, row) is None
    book.check()


def test_what_falls_due_on_a_day(book: Book) -> None:
    day = date(2027, 3, 28)
    (part,) = due_parts(book.actor.shop_id, day)
    assert (part.party_id, part.number, part.open_minor) == (book.party, 2, 10_000)
    assert due_parts(book.actor.shop_id, day + timedelta(days=1)) == []
    db.session.rollback()
    book.write("got", 12_000)
    assert [part.open_minor for part in due_parts(book.actor.shop_id, day)] == [8_000]
    db.session.rollback()
    book.write("got", 8_000)
    assert due_parts(book.actor.shop_id, day) == []
    with transaction():
        instalments.end_plan(book.actor, book.party, book.plan)
    assert due_parts(book.actor.shop_id, date(2027, 4, 28)) == []


def test_only_entries_since_the_plan_are_looked_at(book: Book) -> None:
    """Not the whole book: a stretch of an index, from the day of the plan on."""
    if db.engine.dialect.name != "sqlite":
        pytest.skip("the plan of a query is asked for in SQLite's words")
    asked: list[tuple[str, Any]] = []

    def hear(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    sa.event.listen(db.engine, "before_cursor_execute", hear)
    try:
        _stands = book.stands
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", hear)
    of_entries = [one for one in asked if "entries" in one[0]]
    assert len(of_entries) == 1
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {of_entries[0][0]}", of_entries[0][1]).all()
    (how,) = [row[-1] for row in rows]
    assert "ix_entries_order (shop_id=? AND party_id=? AND on>?" in how


# interest


def charged(day: date) -> int:
    with at(day):
        return due.charge_interest()


def test_in_one_sum(context: object) -> None:
    with at(START):
        book = Book(flat_minor=6_000)
    assert sum(part.amount_minor for part in book.stands.parts) == 126_000
    assert book.stands.interest_minor == 0
    assert book.interest() == [(START, 6_000)]
    assert row_of(book.party).balance_minor == 126_000
    book.check()


def test_simple_by_the_month(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=20_000, rate_unit="month")
    assert charged(START) == 0
    assert charged(date(2027, 2, 27)) == 0
    assert charged(date(2027, 2, 28)) == 1
    assert charged(date(2027, 2, 28)) == 0
    assert book.interest() == [(date(2027, 2, 28), 2_400)]
    book.write("got", 20_000, date(2027, 3, 1))
    assert charged(date(2027, 4, 1)) == 1
    assert charged(date(2027, 5, 1)) == 1
    assert book.interest()[1:] == [(date(2027, 3, 31), 2_000), (date(2027, 4, 30), 2_000)]
    assert book.stands.interest_minor == 6_400
    assert book.stands.open_minor == 106_400
    book.check()


def test_compound_by_the_day(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="day", compounds=True)
    assert charged(START + timedelta(days=3)) == 3  # the worker slept
    assert [amount for _on, amount in book.interest()] == [1_200, 1_212, 1_224]
    book.check()


def test_a_rate_a_year_is_charged_each_month(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=120_000, rate_unit="year")
    assert charged(date(2027, 3, 1)) == 1
    assert book.interest() == [(date(2027, 2, 28), 1_200)]


def test_none_on_what_was_bought_since(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="week")
    book.write("gave", 500_000)
    assert charged(START + timedelta(days=7)) == 1
    assert book.interest() == [(START + timedelta(days=7), 1_200)]


def test_none_after_it_is_paid_or_ended(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="day")
    charged(START + timedelta(days=1))
    book.write("got", 121_200, START + timedelta(days=1))
    assert book.stands.open_minor == 0
    assert charged(START + timedelta(days=30)) == 0
    book.check()
    with at(START + timedelta(days=31)):
        book.write("gave", 10_000, START + timedelta(days=31))
        plan = book.split(10_000, book.plan, parts=2, first_on=START + timedelta(days=40), rate_millionths=10_000,
                          rate_unit="day")  # fmt: skip
    with transaction():
        instalments.end_plan(book.actor, book.party, plan)
    assert charged(START + timedelta(days=60)) == 0
    book.check()


def test_left_interest_is_due_with_the_last_part(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="month")
    charged(date(2027, 2, 28))
    book.write("got", 120_000, date(2027, 3, 1))
    stands = book.stands
    assert (stands.open_minor, stands.next, stands.due_on) == (1_200, None, date(2028, 1, 28))
    assert stands.due_minor(date(2027, 3, 1)) == 1_200
    assert charged(date(2027, 4, 1)) == 0  # nothing is left that interest is asked on
    book.check()


def test_forgiven_interest(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="month")
    charged(date(2027, 2, 28))
    entry = db.session.scalars(sa.select(Entry.id).where(Entry.reason == "interest")).one()
    with transaction():
        ledger.delete_entry(book.actor, entry)
    assert book.stands.open_minor == 120_000
    assert charged(date(2027, 3, 1)) == 0
    book.check()


def test_less_interest_is_still_interest(context: object) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="month")
    charged(date(2027, 2, 28))
    entry = db.session.scalars(sa.select(Entry.id).where(Entry.reason == "interest")).one()
    with transaction():
        ledger.edit_entry(book.actor, entry, 1, ledger.Content("gave", 700, date(2027, 2, 28)))
    assert (book.stands.interest_minor, book.stands.open_minor) == (700, 120_700)
    book.check()


def test_a_crash_in_between_charges_once(context: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with at(START):
        book = Book(rate_millionths=10_000, rate_unit="day")
    really, calls = interest.ledger.record_entry, []

    def dies(*arguments: object) -> object:
        calls.append(arguments)
        result = really(*arguments)  # type: ignore[arg-type]
        if len(calls) == 2:
            raise RuntimeError("killed")
        return result

    monkeypatch.setattr(interest.ledger, "record_entry", dies)
    with pytest.raises(RuntimeError):
        charged(START + timedelta(days=3))
    assert book.interest() == []
    assert charged(START + timedelta(days=3)) == 3
    assert len(book.interest()) == 3
    book.check()


def test_by_the_shops_own_day(context: object) -> None:
    with at(START):
        Book(rate_millionths=10_000, rate_unit="day")
    with time_machine.travel("2027-01-31T18:29:00Z", tick=False):
        assert due.charge_interest() == 0
    with time_machine.travel("2027-01-31T18:31:00Z", tick=False):
        assert due.charge_interest() == 1


# pages


def hidden(page: Page) -> dict[str, str]:
    return {name: page.hidden(name) for name in ("id", "expected_minor", "replaces")}


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "1000")
    return made


def test_on_the_pages(owner: Browser, visitor: Browser, party: str) -> None:
    first = clock.today("Asia/Kolkata") + timedelta(days=3)
    fields = {"parts": "3", "every": "week", "first_on": first.isoformat()}
    looked = owner.get(f"{party}/instalments/new?parts=3&every=week&first_on={first}")
    assert "₹334" in looked.text
    assert "no instalments" in owner.get(f"{party}/instalments").text
    form = {**hidden(looked), **fields}
    for _time in range(2):
        owner.post(f"{party}/instalments", form, then=f"{party}/instalments")
    owner.post(f"{party}/instalments", {**form, "parts": "4"}, status=409)
    shown = owner.get(f"{party}/instalments")
    assert shown.text.count("₹333") == 2
    assert "Instalments: ₹334 due on" in owner.get(party).text
    assert "₹334 at Asha Store is due on" in owner.get(f"{party}/reminder").text
    owner.post(f"{party}/reminder", {"channel": "sms"})
    assert "334" in str(owner.location)
    page = link_of(owner, party)
    assert "Now due: ₹334" in visitor.get(page).text
    assert "I will pay on a day" not in visitor.get(page).text
    owner.write(party, "got", "400")
    assert "still ₹267" in owner.get(f"{party}/instalments").text
    assert "Ramesh pays ₹1,000 in instalments" in owner.get("/daybook?kind=due").text
    with owner.app.app_context():
        assert not faults_of(party)


def faults_of(party: str) -> list[str]:
    row = row_of(UUID(party.rpartition("/")[2]))
    from khata.ledger.verification import differences as of_ledger

    found = [*of_ledger(row.shop_id, "INR"), *differences(row.shop_id)]
    db.session.rollback()
    return found


def test_the_due_day_is_the_plans(owner: Browser, party: str) -> None:
    first = clock.today("Asia/Kolkata") + timedelta(days=3)
    new = owner.get(f"{party}/instalments/new")
    owner.post(f"{party}/instalments", {**hidden(new), "parts": "2", "every": "month", "first_on": first.isoformat()})
    assert "due_on" not in owner.get(f"{party}/edit").html
    owner.post(party, {"name": "Ramesh K", "due_on": "2027-12-31"})
    owner.post(f"{party}/due", {"on": (first + timedelta(days=9)).isoformat()}, status=422)
    owner.post(f"{party}/due/end", status=422)
    other = owner.add_party("Other")
    owner.post(f"{party}/merge", {"into": other.rpartition("/")[2]}, status=422)
    with owner.app.app_context():
        assert row_of(UUID(party.rpartition("/")[2])).due_on == first
        assert not faults_of(party)
    plan = owner.get(f"{party}/instalments").hidden("plan")
    owner.post(f"{party}/instalments/end", {"plan": plan}, then=party)
    owner.post(f"{party}/merge", {"into": other.rpartition("/")[2]})


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("parts", "1"), ("parts", "61"), ("parts", ""), ("every", "year"), ("first_on", ""), ("first_on", "2020-01-01"),
        ("first_on", "9999-12-31"), ("interest", "usury"), ("flat", ""), ("flat", "-1"), ("rate", "0"), ("rate", "x"),
        ("rate", "101"), ("unit", "hour"), ("parts", "9" * 400),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field(owner: Browser, party: str, field: str, typed: str) -> None:
    first = (clock.today("Asia/Kolkata") + timedelta(days=3)).isoformat()
    form = {"parts": "3", "every": "week", "first_on": first, "flat": "10", "rate": "2", "unit": "week"}
    form["interest"] = field if field in ("flat", "rate") else "rate" if field == "unit" else ""
    form[field] = typed
    refused = owner.post(f"{party}/instalments", {**hidden(owner.get(f"{party}/instalments/new")), **form}, status=422)
    assert f'id="e-{field}"' in refused.html
    for name in ("parts", "first_on", "flat", "rate"):
        assert refused.hidden(name) == form[name]
    looked = owner.raw("GET", f"{party}/instalments/new", query_string=form)
    assert looked.status_code == 422
    assert "no instalments" in owner.get(f"{party}/instalments").text


def test_too_little_for_so_many(owner: Browser) -> None:
    party = owner.add_party()
    owner.write(party, "gave", "0.50")
    new = owner.get(f"{party}/instalments/new")
    form = {**hidden(new), "parts": "60", "first_on": new.hidden("first_on")}
    assert "too little" in owner.post(f"{party}/instalments", form, status=422).text


def test_the_balance_changed_meanwhile(owner: Browser, party: str) -> None:
    new = owner.get(f"{party}/instalments/new")
    form = {**hidden(new), "parts": "2", "first_on": new.hidden("first_on")}
    owner.write(party, "got", "1")
    again = owner.post(f"{party}/instalments", form, status=409)
    assert again.hidden("expected_minor") == "99900"
    owner.post(f"{party}/instalments", {**form, **hidden(again)}, then=f"{party}/instalments")


def test_who_may_not(owner: Browser, hire: Callable[..., Browser], party: str) -> None:
    new = owner.get(f"{party}/instalments/new")
    form = {**hidden(new), "parts": "2", "first_on": new.hidden("first_on")}
    cashier = hire("cashier")
    cashier.get(f"{party}/instalments")
    cashier.get(f"{party}/instalments/new", 403)
    cashier.post(f"{party}/instalments", form, status=403)
    cashier.post(f"{party}/instalments/end", {"plan": form["id"]}, status=403)
    hire("accountant", phone="+919876500012").post(f"{party}/due", {"on": form["first_on"]}, status=403)


def test_interest_is_a_line_of_its_own(owner: Browser, visitor: Browser, party: str) -> None:
    new = owner.get(f"{party}/instalments/new")
    form = {**hidden(new), "parts": "2", "first_on": new.hidden("first_on"), "interest": "flat", "flat": "50"}
    owner.post(f"{party}/instalments", form)
    assert "Interest" in owner.get(party).text
    seen = visitor.get(link_of(owner, party)).text
    assert "Interest" in seen
    assert "₹525" in seen
