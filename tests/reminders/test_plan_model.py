"""Plans and interest through the ledger, against a model that replays each day in fractions and shares no code."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from khata.core.db import Base, db, transaction
from khata.core.ids import new_id
from khata.ledger.models import Entry
from khata.reminders import instalments
from khata.reminders.instalments import Terms, standing
from khata.reminders.verification import differences
from tasks import due
from tests.factories import faults, make_party, make_shop, row_of, write

START = date(2027, 1, 31)
LAST = 60
STEPS = {"day": [START + timedelta(days=at) for at in range(1, LAST + 1)],
         "week": [START + timedelta(days=7 * at) for at in range(1, 9)],
         "month": [date(2027, 2, 28), date(2027, 3, 31)],
         "year": [date(2027, 2, 28), date(2027, 3, 31)]}  # fmt: skip

EVENTS = st.lists(
    st.tuples(st.integers(0, LAST), st.sampled_from(["gave", "got", "got"]), st.integers(1, 90_000)), max_size=8
)


class Model:
    """Debt, interest and what was bought since, as three heaps; money takes from the first, then the next."""

    def __init__(self, debt: int, rate: int, unit: str, compounds: bool) -> None:
        self.heaps = [debt, 0, 0]
        self.ahead = 0
        self.rate = Fraction(rate, 1_000_000) / (12 if unit == "year" else 1)
        self.boundaries = STEPS[unit]
        self.compounds = compounds
        self.charges: list[tuple[date, int]] = []

    def got(self, amount: int) -> None:
        for at in range(3):
            taken = min(self.heaps[at], amount)
            self.heaps[at] -= taken
            amount -= taken
        self.ahead += amount

    def gave(self, amount: int, heap: int = 2) -> None:
        used = min(self.ahead, amount)
        self.ahead -= used
        self.heaps[heap] += amount - used

    def begin(self, day: date) -> None:
        if day in self.boundaries and self.heaps[0] + self.heaps[1] > 0:
            base = self.heaps[0] + (self.heaps[1] if self.compounds else 0)
            charge = int(base * self.rate + Fraction(1, 2))
            if charge:
                self.charges.append((day, charge))
                self.gave(charge, 1)


@pytest.fixture
def clean(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        yield app


def _empty() -> None:
    db.session.remove()
    with db.engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            connection.execute(table.delete())


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    debt=st.integers(2_000, 200_000),
    rate=st.integers(1, 100_000),
    unit=st.sampled_from(list(STEPS)),
    compounds=st.booleans(),
    events=EVENTS,
    runs=st.sets(st.integers(1, LAST), max_size=4),
)
def test_as_the_model(
    clean: Flask,
    debt: int,
    rate: int,
    unit: str,
    compounds: bool,
    events: list[tuple[int, str, int]],
    runs: set[int],
) -> None:
    _empty()
    model = Model(debt, rate, unit, compounds)
    with time_machine.travel(f"{START}T06:30:00Z", tick=False):
        actor = make_shop()
        party = make_party(actor)
        write(actor, party, "gave", debt, START)
        terms = Terms(20, "week", START + timedelta(days=3), None, rate, unit, compounds)
        with transaction():
            instalments.make_plan(actor, party, new_id(), terms, debt)
    for number in range(LAST + 1):
        day = START + timedelta(days=number)
        model.begin(day)
        with time_machine.travel(f"{day}T06:30:00Z", tick=False):
            # The worker may have slept; but before the balance is settled or bought on it has caught up.
            if number in runs or any(at == number for at, _way, _amount in events) or number == LAST:
                due.charge_interest()
            for at, direction, amount in events:
                if at == number:
                    write(actor, party, direction, amount, day)
                    (model.gave if direction == "gave" else model.got)(amount)
    _compare(actor.shop_id, party, model)
    assert faults(actor) == []
    assert list(differences(actor.shop_id)) == []
    db.session.rollback()


def _compare(shop_id: UUID, party: UUID, model: Model) -> None:
    query = sa.select(Entry.on, Entry.amount_minor).where(Entry.reason == "interest").order_by(Entry.on)
    assert [tuple(row) for row in db.session.execute(query)] == model.charges
    row = row_of(party)
    assert row.balance_minor == sum(model.heaps) - model.ahead
    stands = standing(shop_id, row)
    assert stands is not None
    assert sum(part.open_minor for part in stands.parts) == model.heaps[0]
    assert stands.open_minor == model.heaps[0] + model.heaps[1]
    db.session.rollback()
