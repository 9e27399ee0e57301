"""However a phone's operations are cut into requests, sent twice and mixed: the book is the same, and a pencil's."""

from __future__ import annotations

import os
from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khata.accounts.permissions import PERMISSIONS
from khata.core.actor import Actor
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.ledger.models import CashDay, CashEntry, Entry, LedgerTotal
from khata.parties.models import Party
from khata.sync import actions
from khata.sync.operations import Desk
from tests.factories import DAY, faults, make_shop, today
from tests.sync.outbox import Operation, operation, packed_of, spelled_out

EXAMPLES = int(os.environ.get("KHATA_TEST_EXAMPLES", "20"))
PARTIES = 3
BOOK: dict[type[Any], tuple[str, ...]] = {
    Party: ("id", "kind", "name", "note", "balance_minor", "debt_since"),
    Entry: ("id", "party_id", "direction", "amount_minor", "on", "note", "reason", "in_cash", "version"),
    CashEntry: ("id", "direction", "amount_minor", "on", "category"),
    CashDay: ("on", "in_minor", "out_minor"),
    LedgerTotal: ("kind", "get_minor", "give_minor"),
}

# what a phone may do next: (kind, which party or cash line, which of its entries, amount, day, a coin)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["entry.record"] * 4
            + ["entry.edit"] * 2
            + ["entry.delete", "entry.restore", "party.settle", "party.delete", "party.restore", "party.edit"]
            + ["party.move", "party.add", "cash.record", "cash.delete", "cash.restore"]
        ),
        st.integers(0, PARTIES - 1),
        st.integers(0, 5),
        st.sampled_from(("1", "1", "2.50", "3*2", "", "x")),
        st.integers(0, 3),
        st.booleans(),
    ),
    min_size=5,
    max_size=30,
)


def desk() -> Desk:
    return Desk(frozenset(PERMISSIONS), "INR", "IN", "Asia/Kolkata", today(), frozenset({"en"}))


def send(shop: Actor, sent: list[Operation]) -> list[dict[str, Any]]:
    """One request."""
    with transaction():
        return [spelled_out(one) for one in actions.take(shop, desk(), [packed_of(one) for one in sent]).results]


class Pencil:
    """What a shopkeeper with a pencil would have, of the operations that were done."""

    def __init__(self) -> None:
        self.parties = [new_id() for _number in range(PARTIES)]
        self.entries: dict[UUID, list[str]] = defaultdict(list)
        self.cash: list[str] = []
        self.changes: dict[str, tuple[UUID, int]] = {}  # entry -> its party, and what it adds
        self.struck: set[str] = set()

    def balance(self, party: UUID) -> int:
        return sum(minor for entry, (its, minor) in self.changes.items() if its == party and entry not in self.struck)

    def operation(self, kind: str, at: int, which: int, amount: str, day: int, coin: bool) -> Operation:
        """The step as an operation on what is there."""
        party = self.parties[at]
        direction = "gave" if coin else "got"
        fields = {"amount": amount, "on": (DAY + timedelta(days=day)).isoformat(), "direction": direction}
        if kind.startswith("cash."):
            fields["direction"] = "in" if coin else "out"
            if kind == "cash.record" or not self.cash:
                self.cash.append(str(new_id()))
            return operation(kind, self.cash[-1 if kind == "cash.record" else which % len(self.cash)], fields=fields)
        if kind.startswith("party."):
            expected = self.balance(party) if coin else 100
            settled = {"id": str(new_id()), "expected_minor": str(expected)}
            named = {"name": f"Party {at}", "kind": "supplier" if coin else "customer", "note": amount}
            return operation(kind, party, fields=settled if kind == "party.settle" else named)
        if kind == "entry.record" or not self.entries[party]:
            self.entries[party].append(str(new_id()))
        entry = self.entries[party][-1 if kind == "entry.record" else which % len(self.entries[party])]
        ticked = {"in_cash": "1"} if day == 0 else {}
        return operation(kind, entry, party=party, fields={**fields, **ticked, "version": str(1 + which % 2)})

    def write(self, done: Operation) -> None:
        """What the operation does to the sums."""
        kind, subject = done["kind"], done["subject"]
        minor = {"1": 100, "2.50": 250, "3*2": 600}.get(done["fields"].get("amount", ""), 0)
        if kind in ("entry.record", "entry.edit"):
            self.changes[subject] = (UUID(done["party"]), minor if done["fields"]["direction"] == "gave" else -minor)
        elif kind == "entry.delete":
            self.struck.add(subject)
        elif kind == "entry.restore":
            self.struck.discard(subject)
        elif kind == "party.settle":
            party = UUID(subject)
            self.changes[done["fields"]["id"]] = (party, -self.balance(party))


def in_order(shop: Actor, pencil: Pencil, steps: list[Any]) -> dict[str, tuple[Operation, str]]:
    """Send each step once, alone, and give what became of it."""
    became: dict[str, tuple[Operation, str]] = {}
    opening = [("party.add", at, 0, "", 0, False) for at in range(PARTIES)]
    for step in [*opening, *steps]:
        one = pencil.operation(*step)
        (result,) = send(shop, [one])
        if result["status"] == "done":
            pencil.write(one)
        became[one["id"]] = (one, result.get("code", result["status"]))
    return became


def mixed(data: st.DataObject, sent: list[Operation]) -> list[Operation]:
    """The same operations; those of one party, and of one line of the cash book, stay in their order."""
    lanes: dict[str, list[Operation]] = defaultdict(list)
    for one in sent:
        lanes[one["party"] or one["subject"]].append(one)
    order = data.draw(st.permutations([name for name, lane in lanes.items() for _one in lane]))
    return [lanes[name].pop(0) for name in order]


def drain(data: st.DataObject, shop: Actor, waiting: list[Operation]) -> dict[str, str]:
    """Send as a phone does, with answers that are lost and operations sent again, and give what became of each."""
    became: dict[str, str] = {}
    finished: list[Operation] = []
    while waiting:
        batch = waiting[: data.draw(st.integers(1, 9))]
        again = data.draw(st.lists(st.sampled_from(finished), max_size=3)) if finished else []
        results = send(shop, [*again, *batch])
        assert [result["status"] for result in results[: len(again)]] == ["done"] * len(again)
        if data.draw(st.integers(0, 4)) == 4:
            continue  # the answer never came
        for one, result in zip(batch, results[len(again) :], strict=True):
            if result["status"] == "skipped":
                continue
            waiting.remove(one)
            code = became[one["id"]] = result.get("code", result["status"])
            finished += [one] if code == "done" else []
    return became


def book(shop: Actor) -> dict[str, list[Any]]:
    """All that stands in the shop's book, but for the numbers of lines; each party's entries in their order."""
    found: dict[str, list[Any]] = {}
    for model, names in BOOK.items():
        table = model.__table__
        query = sa.select(*(table.c[name] for name in names)).where(table.c.shop_id == shop.shop_id)
        if "deleted_at" in table.c:
            query = query.add_columns(table.c.deleted_at.is_not(None))
        rows = [tuple(row) for row in db.session.execute(query)]
        found[table.name] = sorted((row for row in rows if row[1:] != (0, 0)), key=repr)
    order = sa.select(Entry.party_id, Entry.id).where(Entry.shop_id == shop.shop_id)
    found["order"] = [tuple(row) for row in db.session.execute(order.order_by(Entry.party_id, Entry.on, Entry.seq))]
    db.session.rollback()
    return found


def test_the_book_does_not_depend_on_how_it_was_sent(app: Flask) -> None:
    number = 0

    @settings(
        max_examples=EXAMPLES,
        derandomize=EXAMPLES < 100,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(STEPS, st.data())
    def check(steps: list[Any], data: st.DataObject) -> None:
        nonlocal number
        number += 2
        with app.app_context():
            once, drained = (make_shop(f"+9198{number + which:08d}") for which in (0, 1))
            pencil = Pencil()
            became = in_order(once, pencil, steps)
            operations = [one for one, _code in became.values()]
            assert drain(data, drained, mixed(data, operations)) == {id_: code for id_, (_one, code) in became.items()}
            assert book(drained) == book(once)
            assert faults(drained) == faults(once) == []
            balances = {row[0]: row[4] for row in book(drained)["parties"]}
            assert balances == {party: pencil.balance(party) for party in pencil.parties}

    check()
