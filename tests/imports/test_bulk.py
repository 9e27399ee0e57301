"""Many entries at once leave the book as one by one would."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from khata.accounts.actions import NewShop, open_shop, person_for
from khata.core.actor import Actor
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.journal.models import JournalLine
from khata.ledger.actions import Content, record_entry
from khata.ledger.bulk import record_entries
from khata.ledger.models import CashDay, LedgerTotal, PartyDay
from khata.ledger.verification import differences
from khata.parties.actions import Details, add_party, delete_party
from khata.parties.models import Party

PARTIES = [UUID(int=1), UUID(int=2)]
SUMS = (PartyDay, LedgerTotal, CashDay)  # a row of nothing is as good as none
FORM = NewShop("Shop", "grocery", "INR", "Asia/Kolkata", "IN")

contents = st.builds(
    Content,
    direction=st.sampled_from(["gave", "got"]),
    amount_minor=st.integers(1, 40),
    on=st.dates(date(2026, 1, 1), date(2026, 1, 6)),
    note=st.sampled_from(["", "चावल"]),
    in_cash=st.booleans(),
    photo_id=st.none(),
    reason=st.none(),
)
written = st.tuples(st.sampled_from(PARTIES), contents)


def shop(app: Flask) -> Actor:
    with transaction():
        actor = open_shop(person_for(f"+9198{new_id().int % 10**8:08d}", "en", {}).id, None, FORM)
        for party_id, kind in zip(PARTIES, ("customer", "supplier"), strict=True):
            add_party(actor, party_id, kind, Details(name=kind))
    return actor


def state(shop_id: UUID) -> list[Any]:
    """Everything that is kept in step, but for times and hashes."""
    kept = []
    for table, columns in (
        (Party, "id kind balance_minor debt_since"),
        (PartyDay, "party_id on gave_minor got_minor"),
        (LedgerTotal, "kind get_minor give_minor"),
        (CashDay, "on in_minor out_minor"),
        (JournalLine, "seq kind payload"),
    ):
        chosen = [getattr(table, name) for name in columns.split()]
        rows = db.session.execute(sa.select(*chosen).where(table.shop_id == shop_id).order_by(*chosen))
        kept.append([tuple(row) for row in rows if table not in SUMS or any(row[-2:])])
    kept[-1] = [line for line in kept[-1] if line[1].startswith("entry.")]
    return kept


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(written, max_size=4), after=st.lists(written, max_size=8))
def test_as_one_by_one(context: Flask, before: list[Any], after: list[Any]) -> None:
    one, many = shop(context), shop(context)
    entries = [(party_id, UUID(int=at), content) for at, (party_id, content) in enumerate(before + after, 10)]
    for entry in entries:
        with transaction():
            record_entry(one, *entry)
    for part in (entries[: len(before)], entries[len(before) :], entries):
        with transaction():
            record_entries(many, part)
    assert state(many.shop_id) == state(one.shop_id)
    assert list(differences(many.shop_id, "INR")) == []


def test_refuses_alone_what_cannot_stand(context: Flask) -> None:
    actor = shop(context)
    with transaction():
        delete_party(actor, PARTIES[1])
    large = Content("gave", 6 * 10**13, date(2026, 1, 1))
    entries = [(PARTIES[0], UUID(int=10), large), (PARTIES[0], UUID(int=11), large), (PARTIES[1], UUID(int=12), large)]
    with transaction():
        recorded = record_entries(actor, entries)
    assert recorded == (1, {UUID(int=11)}, {UUID(int=12)})
    assert list(differences(actor.shop_id, "INR")) == []


@pytest.mark.usefixtures("context")
def test_an_id_twice_in_one_call_counts_once(app: Flask) -> None:
    actor = shop(app)
    content = Content("gave", 100, date(2026, 1, 1))
    with transaction():
        assert record_entries(actor, [(PARTIES[0], UUID(int=10), content)] * 2).written == 1
