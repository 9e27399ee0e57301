"""Reads of people, shops and sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.accounts.models import Device, Invitation, Member, Person, Session, Shop, SignInCode
from khata.core.db import db, look_up
from khata.core.phone import format_phone
from khata.core.prepared import Prepared
from khata.journal.models import JournalHead

SESSIONS, PEOPLE, SHOPS, MEMBERS = Session.__table__, Person.__table__, Shop.__table__, Member.__table__
HEADS, CODES = JournalHead.__table__, SignInCode.__table__

_SIGNED_IN = Prepared(
    sa.select(
        SESSIONS.c.last_seen_at,
        SESSIONS.c.device_id,
        PEOPLE.c.id.label("person_id"),
        PEOPLE.c.name.label("person_name"),
        PEOPLE.c.phone,
        PEOPLE.c.lang,
        MEMBERS.c.id.label("member_id"),
        MEMBERS.c.role,
        MEMBERS.c.switches,
        SHOPS.c.id.label("shop_id"),
        SHOPS.c.name.label("shop_name"),
        SHOPS.c.category,
        SHOPS.c.currency,
        SHOPS.c.time_zone,
        SHOPS.c.country,
        HEADS.c.seq,
    )
    .select_from(
        SESSIONS.join(PEOPLE, PEOPLE.c.id == SESSIONS.c.person_id)
        .outerjoin(
            MEMBERS,
            (MEMBERS.c.shop_id == SESSIONS.c.shop_id)
            & (MEMBERS.c.person_id == SESSIONS.c.person_id)
            & MEMBERS.c.removed_at.is_(None),
        )
        .outerjoin(SHOPS, SHOPS.c.id == MEMBERS.c.shop_id)
        .outerjoin(HEADS, HEADS.c.shop_id == SHOPS.c.id)
    )
    .where(
        SESSIONS.c.token_hash == sa.bindparam("token_hash"),
        SESSIONS.c.ended_at.is_(None),
        SESSIONS.c.last_seen_at > sa.bindparam("seen_after"),
    )
)


def signed_in(token_hash: bytes, seen_after: datetime, engine: sa.Engine | None = None) -> Any:
    """Session, person, member, shop and the shop's last journal line of a cookie; None where it no longer holds."""
    values = {"token_hash": token_hash, "seen_after": seen_after}
    return look_up(_SIGNED_IN, values, engine)


def person_by_phone(phone: str) -> Person | None:
    """The person with this E.164 number."""
    return db.session.scalar(sa.select(Person).where(Person.phone == phone))


def shops_of(person_id: UUID) -> list[sa.Row[Any]]:
    """The shops a person is a member of (id, name, currency, member_id), by name."""
    query = (
        sa.select(Shop.id, Shop.name, Shop.currency, Member.id.label("member_id"))
        .join(Member, Member.shop_id == Shop.id)
        .where(Member.person_id == person_id, Member.removed_at.is_(None))
        .order_by(Shop.name, Shop.id)
    )
    return list(db.session.execute(query))


def team(shop_id: UUID) -> list[Any]:
    """The members of the shop now (id, person_id, role, switches, name, phone), oldest first."""
    query = (
        sa.select(Member.id, Member.person_id, Member.role, Member.switches, Person.name, Person.phone)
        .join(Person, Person.id == Member.person_id)
        .where(Member.shop_id == shop_id, Member.removed_at.is_(None))
        .order_by(Member.created_at, Member.id)
    )
    return list(db.session.execute(query))


def member_by_id(shop_id: UUID, member_id: UUID) -> Member | None:
    """The member with this id, while they are one."""
    query = sa.select(Member).where(Member.shop_id == shop_id, Member.id == member_id, Member.removed_at.is_(None))
    return db.session.scalar(query)


def place_of(shop_id: UUID, person_id: UUID) -> Member | None:
    """The place a person has, or had, in the shop."""
    return db.session.scalar(sa.select(Member).where(Member.shop_id == shop_id, Member.person_id == person_id))


def open_invitations(shop_id: UUID, now: datetime) -> list[Invitation]:
    """Invitations of the shop that still hold."""
    query = sa.select(Invitation).where(Invitation.shop_id == shop_id, Invitation.ended_at.is_(None))
    return list(db.session.scalars(query.where(Invitation.expires_at > now).order_by(Invitation.id)))


def invitation_by_id(invitation_id: UUID) -> Invitation | None:
    """The invitation of whatever shop: who has its link has no shop yet."""
    return db.session.scalar(sa.select(Invitation).where(Invitation.id == invitation_id))


def members_of(shop_id: UUID) -> list[tuple[UUID, str]]:
    """(id, name) of every member of the shop."""
    query = sa.select(Member.id).where(Member.shop_id == shop_id)
    return sorted(member_names(shop_id, db.session.scalars(query)).items(), key=lambda member: member[1])


def devices_in(shop_id: UUID) -> list[tuple[UUID, str]]:
    """(id, name) of every device that members of the shop signed in on."""
    query = sa.select(Session.device_id).join(Member, Member.person_id == Session.person_id)
    found = db.session.scalars(query.where(Member.shop_id == shop_id).distinct())
    return sorted(device_labels(found).items(), key=lambda device: device[1])


def member_names(shop_id: UUID, member_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Names (or numbers, where there is none yet) of members of the shop."""
    wanted = {member_id for member_id in member_ids if member_id}
    if not wanted:
        return {}
    query = sa.select(Member.id, Person.name, Person.phone).join(Person, Person.id == Member.person_id)
    rows = db.session.execute(query.where(Member.shop_id == shop_id, Member.id.in_(wanted)))
    return {row.id: row.name or format_phone(row.phone) for row in rows}


def all_shops() -> list[Shop]:
    """Every shop there is, oldest first: for `flask verify`."""
    return list(db.session.scalars(sa.select(Shop).order_by(Shop.created_at, Shop.id)))


def shop_by_id(shop_id: UUID) -> Shop | None:
    """The shop of this id."""
    return db.session.get(Shop, shop_id)


class SignedInDevice(NamedTuple):
    """A device that a person is signed in on."""

    id: UUID
    label: str
    signed_in_at: datetime
    last_seen_at: datetime


def devices_of(person_id: UUID, seen_after: datetime) -> list[SignedInDevice]:
    """The devices on which a person is signed in, the one used last first."""
    last_seen = sa.func.max(Session.last_seen_at).label("last_seen_at")
    query = (
        sa.select(Device.id, Device.label, sa.func.min(Session.created_at).label("signed_in_at"), last_seen)
        .join(Session, Session.device_id == Device.id)
        .where(Session.person_id == person_id, Session.ended_at.is_(None), Session.last_seen_at > seen_after)
        .group_by(Device.id, Device.label)
        .order_by(last_seen.desc(), Device.id)
    )
    return [SignedInDevice(*row) for row in db.session.execute(query)]


def device_labels(device_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What devices are called."""
    wanted = {device_id for device_id in device_ids if device_id}
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(Device.id, Device.label).where(Device.id.in_(wanted)))
    return {row.id: row.label for row in rows}


def device_exists(device_id: UUID) -> bool:
    """True where the device was enrolled."""
    return db.session.get(Device, device_id) is not None


def codes_since(moment: datetime, **where: str) -> tuple[int, int]:
    """Of codes sent since `moment` that match `where` (phone, address or prefix): how many were never used, and how
    many numbers did sign in."""
    unused = sa.func.count() - sa.func.count(CODES.c.used_at)
    signed_in = sa.func.count(sa.distinct(sa.case((CODES.c.used_at.is_not(None), CODES.c.phone))))
    query = sa.select(unused, signed_in).where(CODES.c.created_at > moment)
    unused_count, number_count = db.session.execute(
        query.where(*(CODES.c[field] == value for field, value in where.items()))
    ).one()
    return unused_count, number_count


def code_by_id(code_id: UUID) -> SignInCode | None:
    """The code with this id."""
    return db.session.get(SignInCode, code_id, populate_existing=True)
