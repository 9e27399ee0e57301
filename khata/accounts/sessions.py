"""Signed-in browsers: start a session, see it, end it; and the devices they run on."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.accounts import notices, permissions, queries
from khata.accounts.models import Device, Member, Person, Session
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import across_shops, db, in_shop
from khata.core.ids import new_id
from khata.errors import Forbidden, NotFound
from khata.journal import actions as journal

CODE, PASSKEY, RECOVERY, PIN = "code", "passkey", "recovery", "pin"  # ways to open one

RESTS = timedelta(days=180)  # a session unused for so long has ended, where the phone does not lock earlier
SEEN_EVERY = timedelta(hours=1)
PROOF_HOLDS = timedelta(minutes=15)


def has_ended(row: Any, now: datetime) -> bool:
    """True where the session of `row` (of `queries.signed_in`) was unused for too long."""
    rests = RESTS if row.idle_seconds is None else timedelta(seconds=row.idle_seconds)
    return bool(now - row.last_seen_at >= rests)


def is_due(row: Any, now: datetime) -> bool:
    """True where it is time to write down that the session is in use."""
    every = SEEN_EVERY if row.idle_seconds is None else timedelta(seconds=row.idle_seconds / 10)
    return bool(now - row.last_seen_at > every)


def hash_token(token: str) -> bytes:
    """What is kept of a session's token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def device_for(device_id: UUID | None, label: str) -> Device:
    """The device that the browser proved to be; a new one where it proved none."""
    device = queries.device_by_id(device_id) if device_id else None
    if device is None:
        device = Device(id=new_id(), label=label, created_at=clock.now())
        db.session.add(device)
        db.session.flush()
    return device


def start_session(person_id: UUID, device: Device, method: str, shop_id: UUID | None = None) -> str:
    """A new session in `shop_id`, else in the shop that the device belongs to, else in the person's first one.

    Gives its token, which only the browser keeps.
    """
    now = clock.now()
    if method != PIN:
        _tell_of_new_device(person_id, device)
        _forget_wrong_pins(person_id, device.id)
    shops = [shop.id for shop in queries.shops_of(person_id)]
    wanted = [shop for shop in (shop_id, device.shop_id) if shop in shops]
    token = secrets.token_urlsafe(32)
    db.session.add(
        Session(
            token_hash=hash_token(token),
            person_id=person_id,
            device_id=device.id,
            shop_id=next(iter([*wanted, *shops]), None),
            created_at=now,
            last_seen_at=now,
            method=method,
            proved_at=None if method == PIN else now,
            idle_seconds=device.lock_seconds,
        )
    )
    return token


def _tell_of_new_device(person_id: UUID, device: Device) -> None:
    """Somebody who was signed in elsewhere before comes from a device that is new to them: the owners hear of it."""
    known = queries.devices_ever(person_id)
    if not known or device.id in known:
        return
    for shop in sorted(queries.shops_of(person_id), key=lambda shop: shop.id):
        with in_shop(shop.id):
            _tell_shop_of_new_device(shop, device)


def _tell_shop_of_new_device(shop: Any, device: Device) -> None:
    facts = {"name": queries.member_names(shop.id, [shop.member_id])[shop.member_id], "label": device.label}
    journal.record(Actor(shop.id, shop.member_id, device.id), journal.Event("device.signed_in", device.id, facts))
    notices.tell_owners(shop.id, "device.signed_in", facts)


def prove(token_hash: bytes, method: str) -> str:
    """Write down that the session's person has just proved who they are; its new token, as its rights rise."""
    token = secrets.token_urlsafe(32)
    raised = {"token_hash": hash_token(token), "method": method, "proved_at": clock.now()}
    renewed = sa.update(Session).where(Session.token_hash == token_hash).values(raised)
    row = db.session.execute(renewed.returning(Session.person_id, Session.device_id)).one()
    _forget_wrong_pins(row.person_id, row.device_id)
    return token


def _forget_wrong_pins(person_id: UUID, device_id: UUID) -> None:
    """More than a PIN has proved who it is: they are counted anew, at a shop's phone where it is one of the shop's.

    What others typed wrong before can't be taken back from the new count there.
    """
    cleared = {"wrong_pins": 0, "wrong_pin_at": None}
    at_members = sa.update(Member).where(Member.person_id == person_id, Member.wrong_pins > 0)
    here = sa.exists().where(
        Member.shop_id == Device.shop_id, Member.person_id == person_id, Member.removed_at.is_(None)
    )
    its_shop = sa.select(Device.shop_id).where(Device.id == device_id).scalar_subquery()
    own_or_there = sa.or_(Member.person_id == person_id, Member.shop_id == its_shop)
    digests = sa.update(Member).where(own_or_there, Member.wrong_pin_digests.is_not(None))
    at_device = sa.update(Device).where(Device.id == device_id, Device.wrong_pins > 0, here)
    with across_shops():
        db.session.execute(at_members.values(cleared))
        db.session.execute(at_device.values(cleared))
        db.session.execute(digests.values(wrong_pin_digests=None))


def end_session(token_hash: bytes) -> None:
    """Sign this browser out."""
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(ended_at=clock.now()))


def end_sessions_on(person_id: UUID, device_id: UUID) -> None:
    """Sign a person out on one of their devices, from afar; raises NotFound where they are not signed in there."""
    _own_device(person_id, device_id)
    _end_sessions(Session.person_id == person_id, Session.device_id == device_id)


def end_sessions_elsewhere(person_id: UUID, device_id: UUID) -> None:
    """Sign a person out on all devices but `device_id`."""
    _end_sessions(Session.person_id == person_id, Session.device_id != device_id)


def end_all_sessions(person_id: UUID) -> None:
    """Sign a person out everywhere."""
    _end_sessions(Session.person_id == person_id)


def end_sessions_of(phone: str | None) -> int:
    """Sign the person with this number out everywhere, or everybody where it is None; gives how many sessions ended."""
    living = sa.update(Session).where(Session.ended_at.is_(None))
    if phone is not None:
        living = living.where(Session.person_id.in_(sa.select(Person.id).where(Person.phone == phone)))
    return int(db.session.execute(living.values(ended_at=clock.now())).rowcount)  # type: ignore[attr-defined]


def name_device(person_id: UUID, device_id: UUID, label: str) -> None:
    """Call a device what the person calls it; each of their shops hears it.

    A shop's phone is named by who manages the shop's members, and that shop hears it. Raises NotFound, and Forbidden.
    """
    device = _own_device(person_id, device_id)
    shops = _shops_that_name(person_id, device)
    if device.shop_id is not None and not shops:
        raise Forbidden
    for shop in shops:
        member = Actor(shop.id, shop.member_id, device_id)
        with in_shop(shop.id):
            journal.record(member, journal.Event("device.named", device_id, {"label": label}))
    with across_shops():  # it may be the phone of a shop that the person is not in just now
        db.session.execute(sa.update(Device).where(Device.id == device_id).values(label=label))


def may_name(person_id: UUID, device: queries.SignedInDevice) -> bool:
    """True where the person may rename the device that they are signed in on."""
    return device.shop_id is None or bool(_shops_that_name(person_id, device))


def _shops_that_name(person_id: UUID, device: queries.SignedInDevice) -> list[Any]:
    shops = sorted(queries.shops_of(person_id), key=lambda shop: shop.id)
    if device.shop_id is None:
        return shops
    return [shop for shop in shops if shop.id == device.shop_id and _manages_members(shop)]


def _manages_members(shop: Any) -> bool:
    with in_shop(shop.id):
        member = queries.member_by_id(shop.id, shop.member_id)
    return member is not None and "members" in permissions.granted(member.role, member.switches)


def _own_device(person_id: UUID, device_id: UUID) -> queries.SignedInDevice:
    for device in queries.devices_of(person_id, clock.now() - RESTS):
        if device.id == device_id:
            return device
    raise NotFound


def _end_sessions(*which: sa.ColumnElement[bool]) -> None:
    db.session.execute(sa.update(Session).where(*which, Session.ended_at.is_(None)).values(ended_at=clock.now()))


def rest_on(device_id: UUID, token_hash: bytes | None, seconds: int | None) -> None:
    """Let the device's sessions rest so long from now on; `token_hash` is the one in hand, which is in use.

    One that has rested too long already ends: a longer time must not bring it back.
    """
    now = clock.now()
    for session in queries.live_sessions_on(device_id):
        if session.token_hash == token_hash:
            session.last_seen_at = now
        session.ended_at = now if has_ended(session, now) else None
        session.idle_seconds = seconds


def see_session(token_hash: bytes) -> None:
    """Write down that the session is in use."""
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(last_seen_at=clock.now()))


def enter_shop(token_hash: bytes, person_id: UUID, shop_id: UUID) -> bool:
    """Make `shop_id` the session's shop; False where the person is no member of it."""
    if shop_id not in {shop.id for shop in queries.shops_of(person_id)}:
        return False
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(shop_id=shop_id))
    return True
