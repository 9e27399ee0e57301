"""What was changed behind the application's back is found by `verify`, and a whole book is not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest
import time_machine

from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.reminders import instalments
from khata.reminders.instalments import Terms
from khata.reminders.verification import differences
from tests.factories import change_row, faults, make_party, make_shop, write

START = date(2027, 1, 31)
EVERYTHING = pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE plans SET debt_minor = debt_minor + 1", "the book says"),
        ("UPDATE plans SET rate_millionths = 5, rate_unit = 'day'", "the book says"),
        ("UPDATE plan_parts SET amount_minor = amount_minor + 1 WHERE number = 2", "do not make up"),
        ("UPDATE plans SET ended_at = created_at", "whether it has ended"),
        ("UPDATE plans SET settled_at = created_at", "whether it is settled"),
        ("UPDATE parties SET has_plan = NOT has_plan", "does not say so"),
        ("UPDATE parties SET due_on = '2027-05-05'", "its instalments say"),
    ],
)


@pytest.fixture
def shop(context: object) -> Callable[[], list[str]]:
    """What is found in a shop with one plan, half paid."""
    with time_machine.travel("2027-01-31T06:30:00Z", tick=False):
        actor = make_shop()
        party = make_party(actor)
        write(actor, party, "gave", 100_000, START)
        with transaction():
            instalments.make_plan(actor, party, new_id(), Terms(4, "week", START), 100_000)
        write(actor, party, "got", 30_000, START)

    def found() -> list[str]:
        db.session.expire_all()
        said = [*faults(actor), *differences(actor.shop_id)]
        db.session.rollback()
        return said

    return found


def test_a_whole_book(shop: Callable[[], list[str]]) -> None:
    assert shop() == []


@EVERYTHING
def test_what_was_changed(shop: Callable[[], list[str]], statement: str, words: str) -> None:
    change_row(statement)
    assert any(words in one for one in shop()), shop()


def test_a_plan_that_is_gone(shop: Callable[[], list[str]]) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM plan_parts")
        connection.exec_driver_sql("DELETE FROM plans")
    said = " ".join(shop())
    assert "the book has lost it" in said
    assert "there are none" in said
