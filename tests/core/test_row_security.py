"""Whose rows a transaction of PostgreSQL sees and writes, by hand: in one shop, across shops, and back again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from khata.accounts import sessions
from khata.accounts.models import Member, Notice, Person, Shop
from khata.accounts.queries import device_labels, shops_of
from khata.core import clock
from khata.core.db import (
    Base,
    across_shops,
    begin_write,
    confine,
    db,
    in_shop,
    rollback,
    savepoint,
    transaction,
    unconfine,
)
from khata.core.ids import new_id
from khata.core.row_security import HOUSE_ROLE, SHOP_ROLE
from khata.messages.actions import queue_code
from khata.messages.models import HOUSE
from tests.factories import make_shop

if os.environ.get("KHATA_TEST_DATABASE") != "postgresql":
    pytest.skip("SQLite has no row-level security", allow_module_level=True)

PROTECTED = sorted(
    {"shops", *(table.name for table in Base.metadata.sorted_tables if "shop_id" in table.c)} - {"sessions"}
)


@pytest.fixture
def two(context: Flask) -> Iterator[tuple[UUID, UUID]]:
    """Two shops, and this thread confined to the first."""
    mine, others = make_shop("+919876500001").shop_id, make_shop("+919876500002").shop_id
    confine(mine)
    yield mine, others
    rollback()
    unconfine()


@pytest.mark.parametrize("table", PROTECTED)
def test_rows_of_another_shop_are_not_seen_changed_or_deleted(two: tuple[UUID, UUID], table: str) -> None:
    mine, others = two
    column = "id" if table == "shops" else "shop_id"
    where = f"FROM {table} WHERE {column}"
    begin_write()
    assert db.session.scalar(sa.text(f"SELECT count(*) {where} <> :mine"), {"mine": mine}) == 0
    for statement in (f"UPDATE {table} SET {column} = {column} WHERE {column} = :others", f"DELETE {where} = :others"):
        assert db.session.execute(sa.text(statement), {"others": others}).rowcount == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("table", ["members", "journal_heads", "shops"])
def test_one_sees_ones_own(two: tuple[UUID, UUID], table: str) -> None:
    assert db.session.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 1
    with across_shops():
        assert db.session.scalar(sa.text(f"SELECT count(*) FROM {table}")) == 2


def test_a_row_for_another_shop_is_refused(two: tuple[UUID, UUID]) -> None:
    _mine, others = two
    notice = {"id": new_id(), "member_id": new_id(), "kind": "x", "facts": {}, "created_at": clock.now()}
    for statement in (
        sa.insert(Notice).values(shop_id=others, **notice),
        sa.insert(Shop).values(
            id=new_id(), name="x", category="x", currency="INR", time_zone="UTC", country="IN", created_at=clock.now()
        ),
        sa.update(Member).values(shop_id=others),
    ):
        begin_write()
        with pytest.raises(sa.exc.ProgrammingError, match="violates row-level security"):
            db.session.execute(statement)


def test_what_the_house_sends_is_put_in_and_not_read(two: tuple[UUID, UUID]) -> None:
    with transaction():
        queue_code("+919876500001", "123456", clock.now())
    assert db.session.scalar(sa.text("SELECT count(*) FROM messages")) == 0
    with in_shop(HOUSE):
        assert db.session.scalar(sa.text("SELECT count(*) FROM messages")) == 1


def test_a_phone_of_another_shop_has_a_name_only_where_a_member_used_it(two: tuple[UUID, UUID]) -> None:
    mine, others = two
    with across_shops(), transaction():
        used, unused = sessions.device_for(None, "used"), sessions.device_for(None, "unused")
        ids = [used.id, unused.id]
        used.shop_id = unused.shop_id = others
        person_id = db.session.scalars(sa.select(Member.person_id).where(Member.shop_id == mine)).one()
        sessions.start_session(person_id, used, sessions.CODE)
    assert device_labels(ids) == {ids[0]: "used"}
    begin_write()
    assert db.session.execute(sa.text("UPDATE devices SET label = 'mine'")).rowcount == 0  # type: ignore[attr-defined]


# going across, and coming back


def user() -> str:
    return str(db.session.scalar(sa.text("SELECT current_user")))


def test_across_shops_and_back_in_one_transaction(two: tuple[UUID, UUID]) -> None:
    begin_write()
    assert user() == SHOP_ROLE
    with across_shops():
        assert user() == HOUSE_ROLE
        with in_shop(two[1]):
            assert (user(), db.session.scalars(sa.select(Shop.id)).all()) == (SHOP_ROLE, [two[1]])
        assert user() == HOUSE_ROLE
    assert (user(), db.session.scalars(sa.select(Shop.id)).all()) == (SHOP_ROLE, [two[0]])


def test_what_is_refused_across_shops_comes_back_too(two: tuple[UUID, UUID]) -> None:
    begin_write()
    with pytest.raises(LookupError), across_shops():
        raise LookupError(user())
    assert user() == SHOP_ROLE


def test_the_fault_that_happened_there_is_the_one_that_is_told(two: tuple[UUID, UUID]) -> None:
    begin_write()
    with pytest.raises(sa.exc.ProgrammingError, match="nowhere"), across_shops():
        db.session.execute(sa.text("SELECT * FROM nowhere"))
    rollback()
    assert user() == SHOP_ROLE


def test_a_part_that_fails_alone_leaves_the_sight_as_it_was(two: tuple[UUID, UUID]) -> None:
    begin_write()
    for failing in ("SELECT * FROM nowhere", "SELECT 1 / 0"):
        with pytest.raises(sa.exc.DBAPIError), savepoint(), across_shops():
            db.session.execute(sa.text(failing))
        assert user() == SHOP_ROLE
    with savepoint(), in_shop(two[1]):
        assert user() == SHOP_ROLE
    assert db.session.scalars(sa.select(Shop.id)).all() == [two[0]]


def test_what_waits_to_be_written_is_written_where_it_belongs(two: tuple[UUID, UUID]) -> None:
    """Else a change made here would find no row once the session writes it there."""
    with transaction():
        here = db.session.scalars(sa.select(Shop)).one()
        here.name = "Here"
        with in_shop(two[1]):
            db.session.scalars(sa.select(Shop)).one().name = "There"
        here.category = "other"
    with across_shops():
        assert set(db.session.scalars(sa.select(Shop.name))) == {"Here", "There"}


def test_a_person_finds_all_their_shops(two: tuple[UUID, UUID]) -> None:
    person_id = db.session.scalars(sa.select(Person.id).where(Person.phone == "+919876500002")).one()
    assert [shop.id for shop in shops_of(person_id)] == [two[1]]
