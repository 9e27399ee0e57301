"""A part of a transaction that fails alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.core.actor import Actor
from khata.core.db import after_commit, after_rollback, db, savepoint, transaction
from khata.core.ids import new_id
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.parties import actions as parties
from khata.parties.actions import Details
from khata.parties.models import Party
from tests.factories import faults, make_shop


class Failed(Exception):
    """What goes wrong in these tests."""


def fail(*first: Callable[[], object]) -> None:
    """Do all that comes first, then fail."""
    for one in first:
        one()
    raise Failed


def add(shop: Actor, name: str) -> Callable[[], None]:
    return lambda: parties.add_party(shop, new_id(), "customer", Details(name))


def names() -> list[str]:
    with db.engine.connect() as connection:
        return list(connection.scalars(sa.select(Party.name).order_by(Party.name)))


@pytest.mark.usefixtures("context")
def test_what_failed_is_undone_and_the_rest_stays() -> None:
    shop = make_shop()
    with transaction():
        add(shop, "One")()
        with pytest.raises(Failed), savepoint():
            fail(add(shop, "Two"))
        with savepoint():
            add(shop, "Three")()
    assert names() == ["One", "Three"]
    assert faults(shop) == [], "the end of the journal went back, too"


@pytest.mark.usefixtures("context")
def test_the_very_first_statement_is_undone() -> None:
    """Statements on the bare connection pass by the session, which would set its savepoint only when it is asked."""
    shop = make_shop()
    with transaction():
        with pytest.raises(Failed), savepoint():
            fail(lambda: journal.record(shop, Event("party.added", new_id(), {"name": "Two"})))
        before = journal.lock(shop.shop_id).seq
        assert journal.record(shop, Event("shop.renamed", shop.shop_id, {})) == before + 1
    assert faults(shop) == []


def test_what_waits_for_the_end_waits_for_its_own_part(context: Flask) -> None:
    happened: list[str] = []
    with transaction():
        after_commit(lambda: happened.append("committed"))
        after_rollback(lambda: happened.append("never"))
        with pytest.raises(Failed), savepoint():
            fail(
                lambda: after_commit(lambda: happened.append("never")),
                lambda: after_rollback(lambda: happened.append("undone")),
            )
        assert happened == ["undone"]
        with savepoint():
            after_commit(lambda: happened.append("committed, too"))
    assert happened == ["undone", "committed", "committed, too"]


def test_a_part_goes_with_the_whole(context: Flask) -> None:
    shop = make_shop()
    happened: list[str] = []

    def whole() -> None:
        with savepoint():
            add(shop, "One")()
            after_rollback(lambda: happened.append("undone"))
        raise Failed

    with pytest.raises(Failed), transaction():
        whole()
    assert (names(), happened) == ([], ["undone"])
