"""Really gone: every row of a shop, and all that is known of a person.

A shop is erased in steps, each a transaction of its own, so that nobody waits long and a kill loses nothing: it is
shut first, its own row goes last, and until then whoever looks for shops that are due finds it and goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Device, Invitation, Member, Person, Session, Shop, SignInCode
from khata.accounts.sessions import PIN
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import Base, db
from khata.journal import actions as journal
from khata.messages.models import HOUSE, Message
from khata.privacy import actions, queries

POINTERS = frozenset({"sessions", "devices"})  # they only point at a shop, and are its people's
LAST = frozenset({"members", "journal_heads"})  # who worked there is asked, and its lock taken, until the end


def tables_with(column: str) -> list[sa.Table]:
    """Every table that has `column`, those that point at others first."""
    return [table for table in reversed(Base.metadata.sorted_tables) if column in table.c]


def tables_of_shops() -> list[sa.Table]:
    """Every table with rows of a shop, those that point at others first."""
    return [table for table in tables_with("shop_id") if table.name not in POINTERS]


# a shop


def shut(shop_id: UUID) -> bool:
    """Begin: from now on nobody gets in, and there is no way back. False where the shop is kept after all."""
    journal.lock(shop_id)
    shop, now = queries.shop_by_id(shop_id), clock.now()
    if shop.erase_at is None or shop.erase_at > now:
        return False
    shop.name = shop.category = ""
    _change(Member, Member.shop_id == shop_id, Member.removed_at.is_(None), removed_at=now)
    _change(Invitation, Invitation.shop_id == shop_id, Invitation.ended_at.is_(None), ended_at=now)
    its_phones = sa.select(Device.id).where(Device.shop_id == shop_id)
    _change(Session, Session.device_id.in_(its_phones), idle_seconds=None)
    _change(Session, Session.shop_id == shop_id, Session.method == PIN, Session.ended_at.is_(None), ended_at=now)
    _let_go(shop_id)
    db.session.flush()
    return True


def erase_some(shop_id: UUID, most: int) -> int:
    """Delete up to `most` rows of the shop; gives how many, 0 once only the last ones are left."""
    for table in tables_of_shops():
        if table.name in LAST:
            continue
        keys = list(table.primary_key.columns)
        some = sa.select(*keys).where(table.c.shop_id == shop_id).limit(most)
        rows = sa.delete(table).where(table.c.shop_id == shop_id, sa.tuple_(*keys).in_(some))
        gone = int(db.session.execute(rows).rowcount)  # type: ignore[attr-defined]
        if gone:
            return gone
    return 0


def finish(shop_id: UUID) -> None:
    """The last rows, the shop itself, and whoever was nowhere but there."""
    people = list(db.session.scalars(sa.select(Member.person_id).where(Member.shop_id == shop_id)))
    _let_go(shop_id)
    for table in tables_of_shops():
        db.session.execute(sa.delete(table).where(table.c.shop_id == shop_id))
    db.session.execute(sa.delete(Shop).where(Shop.id == shop_id))
    _forget_nobodies(people)


def _let_go(shop_id: UUID) -> None:
    _change(Session, Session.shop_id == shop_id, shop_id=None)
    _change(Device, Device.shop_id == shop_id, shop_id=None, lock_seconds=None, wrong_pins=0, wrong_pin_at=None)


def _change(model: type[Base], *which: sa.ColumnElement[bool], **values: object) -> None:
    db.session.execute(sa.update(model).where(*which).values(**values))


def _forget_nobodies(people: Iterable[UUID]) -> None:
    """People without a number (they came by PIN, or their account is gone) who are in no shop's book any more."""
    belongs = sa.select(Member.id).where(Member.person_id == Person.id).exists()
    query = sa.select(Person.id).where(Person.id.in_(list(people)), Person.phone.is_(None), ~belongs)
    for person_id in list(db.session.scalars(query)):
        _forget_rows_of(person_id, with_devices=True)
        db.session.execute(sa.delete(Person).where(Person.id == person_id))


# a person


def erase_person(person_id: UUID) -> list[tuple[UUID, UUID]]:
    """Forget the person; their shops keep a nameless row for what they wrote there.

    Gives (shop, id) of photos of their face that nothing else shows. None where the account is kept after all.
    """
    places = actions.locked_places(person_id)
    person, now = queries.person_by_id(person_id), clock.now()
    if person is None or person.erase_at is None or person.erase_at > now:
        return []
    for place in places:
        if place.erase_at is None or place.erase_at > now:
            actor = Actor(place.shop_id, place.member_id, None)
            journal.record(actor, journal.Event("member.left", place.member_id, {}))
            if place.is_only_owner:
                actions.close(actor, now + actions.CHANGE_OF_MIND)  # it became so after they had asked
    faces = _faces_of(person_id)
    had_place = _leave_places(person_id, now)
    db.session.execute(sa.delete(SignInCode).where(SignInCode.phone == person.phone))
    sent = (Message.shop_id == HOUSE, Message.recipient == person.phone)
    db.session.execute(sa.delete(Message).where(*sent))
    _forget_rows_of(person_id, with_devices=not had_place)
    if had_place:
        person.phone, person.name, person.arrival, person.recovery_hash, person.erase_at = None, "", {}, None, None
    else:
        db.session.delete(person)
    db.session.flush()
    return faces


def _leave_places(person_id: UUID, now: datetime) -> bool:
    """Take the person out of their shops; False where no shop ever knew them."""
    _change(Member, Member.person_id == person_id, Member.removed_at.is_(None), removed_at=now)
    nothing = {"photo_id": None, "pin_hash": None, "wrong_pins": 0, "wrong_pin_at": None, "wrong_pin_digests": None}
    _change(Member, Member.person_id == person_id, **nothing)
    return db.session.scalar(sa.select(Member.id).where(Member.person_id == person_id).limit(1)) is not None


def _faces_of(person_id: UUID) -> list[tuple[UUID, UUID]]:
    query = sa.select(Member.shop_id, Member.photo_id).where(
        Member.person_id == person_id, Member.photo_id.is_not(None)
    )
    faces = [(row.shop_id, row.photo_id) for row in db.session.execute(query)]
    return [(shop_id, photo_id) for shop_id, photo_id in faces if not _is_shown(shop_id, photo_id, person_id)]


def _is_shown(shop_id: UUID, photo_id: UUID, person_id: UUID) -> bool:
    """True where the same photo stands elsewhere in the shop, say as a customer's: a photo is kept once."""
    if db.session.scalar(sa.select(Shop.id).where(Shop.id == shop_id, Shop.picture_id == photo_id)) is not None:
        return True
    for table in tables_with("photo_id"):
        query = sa.select(table.c.shop_id).where(table.c.shop_id == shop_id, table.c.photo_id == photo_id)
        if "person_id" in table.c:
            query = query.where(table.c.person_id != person_id)
        if db.session.execute(query.limit(1)).first() is not None:
            return True
    return False


def _forget_rows_of(person_id: UUID, *, with_devices: bool) -> None:
    """Keys, sessions and all else of a person but their places; and devices that nobody else used."""
    used = list(db.session.scalars(sa.select(Session.device_id).where(Session.person_id == person_id).distinct()))
    for table in tables_with("person_id"):
        if table.name != "members":
            db.session.execute(sa.delete(table).where(table.c.person_id == person_id))
    if with_devices:
        by_others = sa.select(Session.device_id).where(Session.device_id == Device.id).exists()
        nobodys = (Device.id.in_(used), Device.shop_id.is_(None), ~by_others)
        db.session.execute(sa.delete(Device).where(*nobodys))
