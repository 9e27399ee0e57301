"""Whatever is done in whatever order: the book agrees with a simple model, and `verify` finds nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import ClassVar
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.errors import KhataError
from khata.ledger import actions as ledger
from khata.ledger import cash, queries
from khata.parties import actions as parties
from khata.parties.queries import get_party
from tests.factories import DAY, faults, make_party, make_shop, totals_of

EXAMPLES = int(os.environ.get("KHATA_TEST_EXAMPLES", "10"))  # a hundred or more: look where nobody looked yet
DIRECTIONS = st.sampled_from(("gave", "got"))
AMOUNTS = st.sampled_from((1, 100, 100, 200, 350))
DAYS = st.integers(0, 4).map(lambda days: DAY + timedelta(days=days))
PARTIES = st.integers(0, 2)
ENTRIES = st.integers(0, 30)


@dataclass(frozen=True)
class Written:
    """An entry of the model."""

    id: UUID
    party: int
    direction: str
    amount_minor: int
    on: date
    in_cash: bool
    seq: int
    first_party: int
    is_settlement: bool = False
    is_deleted: bool = False
    version: int = 1

    @property
    def change_minor(self) -> int:
        if self.is_deleted:
            return 0
        return self.amount_minor if self.direction == "gave" else -self.amount_minor


class Model:
    """What a shopkeeper with a pencil would have."""

    def __init__(self) -> None:
        self.entries: list[Written] = []
        self.kinds = ["customer"] * 3
        self.deleted = [False] * 3
        self.merged_into: list[int | None] = [None] * 3

    def of(self, party: int) -> list[Written]:
        """The entries of a party as they stand in the book."""
        return sorted((entry for entry in self.entries if entry.party == party), key=lambda e: (e.on, e.seq))

    def balance(self, party: int) -> int:
        return sum(entry.change_minor for entry in self.of(party))

    def debt_since(self, party: int) -> date | None:
        """First in, first out: payments go to the oldest debt, one minor unit after the other."""
        sign = 1 if self.balance(party) > 0 else -1
        debts = [[entry.on, entry.change_minor * sign] for entry in self.of(party) if entry.change_minor * sign > 0]
        paid = sum(-entry.change_minor * sign for entry in self.of(party) if entry.change_minor * sign < 0)
        for on, minor in debts:
            if paid < minor:
                return on  # type: ignore[no-any-return]
            paid -= minor
        return None

    def totals(self, kind: str) -> tuple[int, int]:
        balances = [self.balance(party) for party in range(3) if self.kinds[party] == kind]
        return sum(minor for minor in balances if minor > 0), -sum(minor for minor in balances if minor < 0)

    def cash(self, on: date) -> tuple[int, int]:
        changes = [entry.change_minor for entry in self.entries if entry.in_cash and entry.on == on]
        return -sum(minor for minor in changes if minor < 0), sum(minor for minor in changes if minor > 0)


class Shopkeeper(RuleBasedStateMachine):
    """Does the same in the application and in the model."""

    app: ClassVar[Flask]
    number: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.context = self.app.app_context()
        self.context.push()
        Shopkeeper.number += 1
        self.shop = make_shop(f"+9198{Shopkeeper.number:08d}")
        self.ids = [make_party(self.shop, f"Party {number}") for number in range(3)]
        self.model = Model()

    def teardown(self) -> None:
        db.session.remove()
        self.context.pop()

    @contextmanager
    def _done(self, *, refused: bool) -> Iterator[None]:
        """What is done here is refused, or not, as the model says; a refusal leaves no trace."""
        try:
            with transaction():
                yield
            assert not refused
        except KhataError:
            assert refused

    def _change(self, entry: Written, **changes: object) -> None:
        at = next(at for at, one in enumerate(self.model.entries) if one.id == entry.id)
        self.model.entries[at] = replace(entry, **changes)  # type: ignore[arg-type]

    def _written(self, number: int) -> Written:
        return self.model.entries[number % len(self.model.entries)]

    @rule(party=PARTIES, direction=DIRECTIONS, amount=AMOUNTS, on=DAYS, in_cash=st.booleans())
    def record(self, party: int, direction: str, amount: int, on: date, in_cash: bool) -> None:
        entry_id, refused = new_id(), self.model.deleted[party]
        with self._done(refused=refused):
            content = ledger.Content(direction, amount, on, in_cash=in_cash)
            ledger.record_entry(self.shop, self.ids[party], entry_id, content)
        if not refused:
            seq = len(self.model.entries)
            self.model.entries.append(Written(entry_id, party, direction, amount, on, in_cash, seq, party))

    @precondition(lambda self: self.model.entries)
    @rule(number=ENTRIES)
    def record_again(self, number: int) -> None:
        """The phone did not hear that its entry was taken."""
        entry = self._written(number)
        content = ledger.Content(entry.direction, entry.amount_minor, entry.on, in_cash=entry.in_cash)
        if entry.version == 1 and not entry.is_settlement:
            with self._done(refused=False):
                ledger.record_entry(self.shop, self.ids[entry.first_party], entry.id, content)

    @precondition(lambda self: self.model.entries)
    @rule(number=ENTRIES, direction=DIRECTIONS, amount=AMOUNTS, on=DAYS, in_cash=st.booleans())
    def edit(self, number: int, direction: str, amount: int, on: date, in_cash: bool) -> None:
        entry = self._written(number)
        content = ledger.Content(direction, amount, on, in_cash=in_cash)
        is_same = (entry.direction, entry.amount_minor, entry.on, entry.in_cash) == (direction, amount, on, in_cash)
        refused = entry.is_deleted or (self.model.deleted[entry.party] and not is_same)
        with self._done(refused=refused):
            ledger.edit_entry(self.shop, entry.id, entry.version, content)
        if not refused and not is_same:
            changes = {"direction": direction, "amount_minor": amount, "on": on, "in_cash": in_cash}
            self._change(entry, **changes, version=entry.version + 1)

    @precondition(lambda self: self.model.entries)
    @rule(number=ENTRIES, restore=st.booleans())
    def strike_or_restore(self, number: int, restore: bool) -> None:
        entry = self._written(number)
        refused = self.model.deleted[entry.party] and entry.is_deleted == restore
        with self._done(refused=refused):
            (ledger.restore_entry if restore else ledger.delete_entry)(self.shop, entry.id)
        if not refused:
            self._change(entry, is_deleted=not restore)

    @rule(party=PARTIES, on=DAYS, in_cash=st.booleans())
    def settle(self, party: int, on: date, in_cash: bool) -> None:
        entry_id, balance = new_id(), self.model.balance(party)
        with self._done(refused=False):
            ledger.settle(self.shop, self.ids[party], entry_id, balance, on, in_cash=in_cash)
        if balance:
            direction = "got" if balance > 0 else "gave"
            seq = len(self.model.entries)
            written = Written(entry_id, party, direction, abs(balance), on, in_cash, seq, party, is_settlement=True)
            self.model.entries.append(written)

    @rule(party=PARTIES, kind=st.sampled_from(("customer", "supplier")))
    def move(self, party: int, kind: str) -> None:
        with self._done(refused=False):
            ledger.move_party(self.shop, self.ids[party], kind)
        self.model.kinds[party] = kind

    @rule(party=PARTIES, restore=st.booleans())
    def drop_or_bring_back(self, party: int, restore: bool) -> None:
        deleted, merged = self.model.deleted[party], self.model.merged_into[party] is not None
        refused = (restore and merged) or (not restore and not deleted and self.model.balance(party) != 0)
        with self._done(refused=refused):
            (parties.restore_party if restore else parties.delete_party)(self.shop, self.ids[party])
        if not refused:
            self.model.deleted[party] = not restore

    @rule(gone=PARTIES, kept=PARTIES)
    def merge(self, gone: int, kept: int) -> None:
        repeated = self.model.merged_into[gone] == kept
        refused = not repeated and (gone == kept or self.model.deleted[gone] or self.model.deleted[kept])
        with self._done(refused=refused):
            ledger.merge_parties(self.shop, self.ids[gone], self.ids[kept])
        if refused or repeated:
            return
        for entry in self.model.of(gone):
            self._change(entry, party=kept)
        self.model.deleted[gone] = True
        self.model.merged_into[gone] = kept

    @invariant()
    def agrees(self) -> None:
        assert faults(self.shop) == []
        for party, party_id in enumerate(self.ids):
            row = get_party(self.shop.shop_id, party_id)
            assert row.balance_minor == self.model.balance(party)
            assert row.debt_since == self.model.debt_since(party)
            assert (row.kind, row.deleted_at is not None) == (self.model.kinds[party], self.model.deleted[party])
        kept = totals_of(self.shop.shop_id)
        for kind in ("customer", "supplier"):
            assert kept.get(kind, (0, 0)) == self.model.totals(kind)
        self.pages_agree()

    def pages_agree(self) -> None:
        """The pages of each party, and the cash book, show what the model has."""
        for party, party_id in enumerate(self.ids):
            page = queries.newest_entries(self.shop.shop_id, get_party(self.shop.shop_id, party_id))
            shown = list(page.entries)
            while page.older:
                page = queries.older_entries(self.shop.shop_id, get_party(self.shop.shop_id, party_id), page.older)
                shown += page.entries
            balance, expected = 0, []
            for entry in self.model.of(party):
                balance += entry.change_minor
                expected.append((entry.id, None if entry.is_deleted else balance))
            assert [(line.id, line.balance_after_minor) for line in shown[::-1]] == expected
        for days in range(5):
            on = DAY + timedelta(days=days)
            day = cash.day(self.shop.shop_id, on)
            assert (day.in_minor, day.out_minor) == self.model.cash(on)
        db.session.rollback()


@pytest.fixture
def machine(app: Flask) -> type[Shopkeeper]:
    Shopkeeper.app = app
    return Shopkeeper


def test_the_book_agrees_with_a_pencil(machine: type[Shopkeeper]) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=EXAMPLES < 100,
            max_examples=EXAMPLES,
            stateful_step_count=15 if EXAMPLES < 100 else 40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
