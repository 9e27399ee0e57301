"""Reads of people, shops and sessions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.accounts.models import Device, Invitation, Member, Passkey, Person, Session, Shop, SignInCode
from khata.core.db import across_shops, connection, db, look_up
from khata.core.phone import format_phone
from khata.core.prepared import Prepared
from khata.journal.models import JournalHead

SESSIONS, PEOPLE, SHOPS, MEMBERS = Session.__table__, Person.__table__, Shop.__table__, Member.__table__
HEADS, CODES = JournalHead.__table__, SignInCode.__table__

_SIGNED_IN = Prepared(
    sa.select(
        SESSIONS.c.last_seen_at,
        SESSIONS.c.device_id,
        SESSIONS.c.method,
        SESSIONS.c.proved_at,
        SESSIONS.c.idle_seconds,
        PEOPLE.c.id.label("person_id"),
        PEOPLE.c.name.label("person_name"),
        PEOPLE.c.phone,
        PEOPLE.c.lang,
        PEOPLE.c.erase_at.label("person_erase_at"),
        MEMBERS.c.id.label("member_id"),
        MEMBERS.c.role,
        MEMBERS.c.switches,
        MEMBERS.c.pin_is_temporary,
        SHOPS.c.id.label("shop_id"),
        SHOPS.c.name.label("shop_name"),
        SHOPS.c.category,
        SHOPS.c.currency,
        SHOPS.c.time_zone,
        SHOPS.c.country,
        SHOPS.c.erase_at,
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
    )
)


def _codes_since(field: str) -> Prepared:
    """Asked four times for each code that is refused, and somebody who pumps messages is refused often."""
    unused = sa.func.count() - sa.func.count(CODES.c.used_at)
    signed_in = sa.func.count(sa.distinct(sa.case((CODES.c.used_at.is_not(None), CODES.c.phone))))
    asked = (CODES.c.created_at > sa.bindparam("moment"), CODES.c[field] == sa.bindparam("value"))
    of_browser = CODES.c.device_id.is_not_distinct_from(sa.bindparam("device_id"))
    return Prepared(sa.select(unused.label("unused"), signed_in.label("signed_in")).where(*asked, of_browser))


_CODES_SINCE = {field: _codes_since(field) for field in ("phone", "address", "prefix")}


def signed_in(token_hash: bytes, engine: sa.Engine | None = None) -> Any:
    """Session, person, member, shop and the shop's last journal line of a cookie; None where it was ended.

    Whether it rested for too long is for `sessions.has_ended` to say.
    """
    return look_up(_SIGNED_IN, {"token_hash": token_hash}, engine)


def session_begun(token_hash: bytes) -> Any:
    """Person, device, shop and method of a session that this transaction has begun or raised."""
    wanted = (SESSIONS.c.person_id, SESSIONS.c.device_id, SESSIONS.c.shop_id, SESSIONS.c.method)
    return db.session.execute(sa.select(*wanted).where(SESSIONS.c.token_hash == token_hash)).one()


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
    with across_shops():
        return list(db.session.execute(query))


def team(shop_id: UUID) -> list[Any]:
    """The members of the shop now (id, person_id, role, switches, photo_id, has_pin, name, phone), oldest first."""
    query = (
        sa.select(
            Member.id,
            Member.person_id,
            Member.role,
            Member.switches,
            Member.photo_id,
            Member.pin_hash.is_not(None).label("has_pin"),
            Person.name,
            Person.phone,
        )
        .join(Person, Person.id == Member.person_id)
        .where(Member.shop_id == shop_id, Member.removed_at.is_(None))
        .order_by(Member.created_at, Member.id)
    )
    return list(db.session.execute(query))


def member_by_id(shop_id: UUID, member_id: UUID) -> Member | None:
    """The member with this id, while they are one."""
    query = sa.select(Member).where(Member.shop_id == shop_id, Member.id == member_id, Member.removed_at.is_(None))
    return db.session.scalar(query)


def has_number(person_id: UUID) -> bool:
    """True where the person can sign in with a code."""
    return db.session.scalar(sa.select(Person.phone).where(Person.id == person_id)) is not None


def name_of(person_id: UUID) -> str:
    """What the person is called; empty where they have not said."""
    return db.session.scalar(sa.select(Person.name).where(Person.id == person_id)) or ""


def place_of(shop_id: UUID, person_id: UUID) -> Member | None:
    """The place a person has, or had, in the shop."""
    return db.session.scalar(sa.select(Member).where(Member.shop_id == shop_id, Member.person_id == person_id))


def open_invitations(shop_id: UUID, now: datetime) -> list[Invitation]:
    """Invitations of the shop that still hold."""
    query = sa.select(Invitation).where(Invitation.shop_id == shop_id, Invitation.ended_at.is_(None))
    return list(db.session.scalars(query.where(Invitation.expires_at > now).order_by(Invitation.id)))


def invitation_by_id(invitation_id: UUID) -> Invitation | None:
    """The invitation of whatever shop: who has its link has no shop yet."""
    with across_shops():
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
    return {row.id: row.name or (format_phone(row.phone) if row.phone else str(FORMER_MEMBER)) for row in rows}


FORMER_MEMBER = _("Former member")  # whose account is gone: their lines stay


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
    shop_id: UUID | None  # whose phone it is


def devices_of(person_id: UUID, seen_after: datetime) -> list[SignedInDevice]:
    """The devices on which a person is signed in, the one used last first."""
    last_seen = sa.func.max(Session.last_seen_at).label("last_seen_at")
    query = (
        sa.select(
            Device.id, Device.label, sa.func.min(Session.created_at).label("signed_in_at"), last_seen, Device.shop_id
        )
        .join(Session, Session.device_id == Device.id)
        .where(Session.person_id == person_id, Session.ended_at.is_(None), Session.last_seen_at > seen_after)
        .group_by(Device.id, Device.label, Device.shop_id)
        .order_by(last_seen.desc(), Device.id)
    )
    with across_shops():  # one of them may be the phone of a shop that the person is not in just now
        return [SignedInDevice(*row) for row in db.session.execute(query)]


def sessions_in(shop_id: UUID) -> list[Any]:
    """Sessions that have the shop open (person_id, device_id, label, last_seen_at, idle_seconds), used last first.

    Some may have rested for too long.
    """
    wanted = (Session.person_id, Session.device_id, Device.label, Session.last_seen_at, Session.idle_seconds)
    query = sa.select(*wanted).join(Device, Device.id == Session.device_id)
    query = query.where(Session.shop_id == shop_id, Session.ended_at.is_(None))
    with across_shops():  # one may be on the phone of another shop
        return list(db.session.execute(query.order_by(Session.last_seen_at.desc(), Session.device_id)))


def locking_devices_of(person_id: UUID) -> list[Device]:
    """Phones that lock, are no shop's, and that nobody else who has a passkey was signed in on."""
    own = sa.select(Session.device_id).where(Session.person_id == person_id)
    others = sa.select(Session.device_id).join(Passkey, Passkey.person_id == Session.person_id)
    others = others.where(Session.person_id != person_id)
    query = sa.select(Device).where(Device.shop_id.is_(None), Device.lock_seconds.is_not(None))
    query = query.where(Device.id.in_(own), Device.id.not_in(others)).order_by(Device.id)
    return list(db.session.scalars(query))


def devices_ever(person_id: UUID) -> set[UUID]:
    """Every device that the person has had a session on."""
    query = sa.select(Session.device_id).where(Session.person_id == person_id).distinct()
    return set(db.session.scalars(query))


def live_sessions_on(device_id: UUID) -> list[Session]:
    """Sessions on the device that nobody has ended; some may have rested for too long."""
    query = sa.select(Session).where(Session.device_id == device_id, Session.ended_at.is_(None))
    return list(db.session.scalars(query))


def shop_last_open(person_id: UUID, device_id: UUID) -> UUID | None:
    """The shop that the person had open on the device when they last were there."""
    query = sa.select(Session.shop_id).where(Session.person_id == person_id, Session.device_id == device_id)
    return db.session.scalar(query.order_by(Session.created_at.desc()).limit(1))


def passkeys_of(person_id: UUID) -> list[Passkey]:
    """The passkeys of a person, oldest first."""
    return list(db.session.scalars(sa.select(Passkey).where(Passkey.person_id == person_id).order_by(Passkey.id)))


def passkey_by_credential(credential_id: bytes) -> Passkey | None:
    """The passkey that phones know by this id."""
    return db.session.scalar(sa.select(Passkey).where(Passkey.credential_id == credential_id))


def device_label(device_id: UUID) -> str | None:
    """What the device, of whatever shop, is called; None where there is none."""
    device = device_by_id(device_id)
    return device.label if device else None


def device_labels(device_ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """What devices are called."""
    wanted = {device_id for device_id in device_ids if device_id}
    if not wanted:
        return {}
    rows = db.session.execute(sa.select(Device.id, Device.label).where(Device.id.in_(wanted)))
    return {row.id: row.label for row in rows}


def device_by_id(device_id: UUID) -> Device | None:
    """The device of this id, of whatever shop: for the browser that has proved to be it."""
    with across_shops():
        return db.session.get(Device, device_id)


def phones_of(shop_id: UUID) -> list[Any]:
    """The shop's phones (id, label, lock_seconds, last_seen_at), the one used last first."""
    last_seen = sa.func.max(Session.last_seen_at).label("last_seen_at")
    query = (
        sa.select(Device.id, Device.label, Device.lock_seconds, last_seen)
        .outerjoin(Session, Session.device_id == Device.id)
        .where(Device.shop_id == shop_id)
        .group_by(Device.id, Device.label, Device.lock_seconds)
        .order_by(last_seen.desc(), Device.id)
    )
    return list(db.session.execute(query))


def locks(device_id: UUID) -> bool:
    """True where the device, of whatever shop, locks when it is not used."""
    with across_shops():
        return db.session.scalar(sa.select(Device.lock_seconds).where(Device.id == device_id)) is not None


def codes_since(moment: datetime, field: str, value: str, device_id: UUID | None) -> tuple[int, int]:
    """How many codes asked for since `moment` were never used, and how many numbers did sign in.

    Counted are those with `value` in `field` (phone, address or prefix) that were asked for on `device_id`; without one
    those of all browsers that the number had not signed in on.
    """
    values = {"moment": moment, "value": value, "device_id": device_id}
    found = _CODES_SINCE[field].first(connection(), values)
    return found.unused, found.signed_in


def has_signed_in(phone: str, device_id: UUID) -> bool:
    """True where the person with this number has been signed in on the device, now or before."""
    signed_in = sa.select(SESSIONS.c.token_hash).join(PEOPLE, PEOPLE.c.id == SESSIONS.c.person_id)
    query = signed_in.where(PEOPLE.c.phone == phone, SESSIONS.c.device_id == device_id).limit(1)
    return db.session.execute(query).first() is not None


def code_by_id(code_id: UUID) -> SignInCode | None:
    """The code with this id."""
    return db.session.get(SignInCode, code_id, populate_existing=True)
