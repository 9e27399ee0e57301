"""Which shops hang on a person, and what waits to be erased."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Member, Person, Shop
from khata.core.db import across_shops, db


class Place(NamedTuple):
    """A shop that the person works in; `is_only_owner` says that it can't go on without them."""

    shop_id: UUID
    member_id: UUID
    name: str
    erase_at: datetime | None
    is_only_owner: bool


def places_of(person_id: UUID) -> list[Place]:
    """The person's shops, by id: the order in which their journals are locked."""
    other = sa.orm.aliased(Member)
    others = sa.select(other.id).where(
        other.shop_id == Member.shop_id, other.id != Member.id, other.role == "owner", other.removed_at.is_(None)
    )
    staying = others.join(Person, Person.id == other.person_id).where(Person.erase_at.is_(None))
    query = (
        sa.select(Shop.id, Member.id, Shop.name, Shop.erase_at, sa.and_(Member.role == "owner", ~staying.exists()))
        .join(Member, Member.shop_id == Shop.id)
        .where(Member.person_id == person_id, Member.removed_at.is_(None))
        .order_by(Shop.id)
    )
    with across_shops():
        return [Place(*row[:4], bool(row[4])) for row in db.session.execute(query)]


def due_shops(now: datetime) -> list[UUID]:
    """Shops whose time is over, or that somebody began to erase."""
    return list(db.session.scalars(sa.select(Shop.id).where(Shop.erase_at <= now).order_by(Shop.erase_at)))


def due_people(now: datetime) -> list[UUID]:
    """People whose time is over."""
    return list(db.session.scalars(sa.select(Person.id).where(Person.erase_at <= now).order_by(Person.erase_at)))


def person_by_id(person_id: UUID) -> Any:
    """The person, as they stand now, whatever was read before."""
    query = sa.select(Person).where(Person.id == person_id).with_for_update()
    return db.session.scalar(query.execution_options(populate_existing=True))


def shop_by_id(shop_id: UUID) -> Any:
    """The shop, as it stands now, whatever was read before."""
    return db.session.scalar(sa.select(Shop).where(Shop.id == shop_id).execution_options(populate_existing=True))
