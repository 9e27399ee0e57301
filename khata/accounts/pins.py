"""A shop's phone: enrolled by the owner, changed over by face and PIN.

Four wrong PINs, at one face or at one phone, and a code or passkey is asked for, or a new PIN is given. With at least
9,500 PINs to choose from (the ones everybody tries first are refused), that is less than one chance in 2,000. A right
PIN of six digits takes back its own slips (`slips.py`), and the chance is still less.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from khata.accounts import membership, notices, permissions, queries, slips
from khata.accounts.models import Device, Member, Person, Session
from khata.accounts.sessions import PIN, rest_on
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, serialise
from khata.core.hashing import hashed, matches
from khata.core.ids import new_id
from khata.errors import Invalid, NotFound
from khata.journal import actions as journal
from khata.journal.actions import Event

TRIES = 4
WAITS = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))  # after the first wrong PIN, the second …
SLIP = timedelta(minutes=2)  # the right PIN so soon after a wrong one: the phone counts it as the same finger's
LOCK_CHOICES = (60, 120, 300, 900)  # seconds
FIRST_YEAR, LAST_YEAR = 1900, 2030


def is_weak(pin: str, phone: str | None = None) -> bool:
    """True for a PIN that is tried first: one digit, a run, a repetition, a year, the end of one's own number."""
    steps = {(int(after) - int(before)) % 10 for before, after in pairwise(pin)}
    is_run = steps in ({0}, {1}, {9})
    is_repetition = re.fullmatch(r"(\d\d)\1+|(\d\d\d)\2", pin) is not None
    is_year = len(pin) == 4 and FIRST_YEAR <= int(pin) < LAST_YEAR
    return is_run or is_repetition or is_year or bool(phone and phone.endswith(pin))


def enrol(actor: Actor, device_id: UUID, lock_seconds: int, token_hash: bytes | None = None) -> None:
    """Make a device the shop's, or change when it locks; raises NotFound, and Invalid where it is another shop's.

    `token_hash` is of the session that does it: it may be on this very device.
    """
    device = db.session.get(Device, device_id)
    if device is None:
        raise NotFound
    if device.shop_id not in (None, actor.shop_id):
        raise Invalid(_("This phone belongs to another shop. Release it there first."), "other_shops_phone")
    is_new = device.shop_id is None
    facts = {"label": device.label, "lock_seconds": lock_seconds}
    if is_new or device.lock_seconds != lock_seconds:
        journal.record(actor, Event("device.enrolled" if is_new else "device.lock_changed", device_id, facts))
    device.shop_id, device.lock_seconds = actor.shop_id, lock_seconds
    rest_on(device_id, token_hash, lock_seconds)


def name_phone(actor: Actor, device_id: UUID, label: str) -> None:
    """Call a phone of the shop so, in what was written on it too; raises NotFound."""
    device = _phone_of(actor.shop_id, device_id)
    if device.label != label:
        journal.record(actor, Event("device.named", device_id, {"label": label, "before": device.label}))
        device.label = label


def release(actor: Actor, device_id: UUID, token_hash: bytes | None = None) -> None:
    """Make a phone of the shop nobody's: whoever is there by PIN is out, and it no longer locks. Raises NotFound."""
    device = _phone_of(actor.shop_id, device_id)
    journal.record(actor, Event("device.released", device_id, {"label": device.label}))
    device.shop_id = device.lock_seconds = None
    _end_on(device_id, Session.method == PIN)
    rest_on(device_id, token_hash, None)


def sign_out_phone(actor: Actor, device_id: UUID) -> None:
    """Sign everybody out on a phone of the shop, from afar; raises NotFound."""
    device = _phone_of(actor.shop_id, device_id)
    journal.record(actor, Event("device.signed_out", device_id, {"label": device.label}))
    _end_on(device_id)


def _phone_of(shop_id: UUID, device_id: UUID) -> Device:
    journal.lock(shop_id)
    device = db.session.get(Device, device_id)
    if device is None or device.shop_id != shop_id:
        raise NotFound
    return device


def _end_on(device_id: UUID, *which: sa.ColumnElement[bool]) -> None:
    on_it = sa.update(Session).where(Session.device_id == device_id, Session.ended_at.is_(None), *which)
    db.session.execute(on_it.values(ended_at=clock.now()))


class NewStaff(NamedTuple):
    """Somebody who works at the shop's phone by PIN; a number is not needed."""

    name: str
    role: str
    lang: str
    pin: str


def add_staff(actor: Actor, new: NewStaff) -> UUID:
    """Give somebody without a number a place in the shop, with a first PIN that they change; gives the member's id.

    Raises Invalid where another member has the name, and Forbidden where the place may more than the actor.
    """
    journal.lock(actor.shop_id)
    membership.require_all_of(actor, permissions.granted(new.role, ""))
    membership.require_free_name(actor.shop_id, new.name)
    now = clock.now()
    person = Person(id=new_id(), phone=None, name=new.name, lang=new.lang, arrival={}, created_at=now)
    db.session.add(person)
    db.session.flush()
    member = Member(
        shop_id=actor.shop_id, id=new_id(), person_id=person.id, role=new.role, created_at=now,
        pin_hash=hashed(new.pin), pin_is_temporary=True,
    )  # fmt: skip
    db.session.add(member)
    journal.record(actor, Event("member.joined", member.id, {"role": new.role, "name": new.name}))
    return member.id


def set_pin(actor: Actor, member_id: UUID, pin: str) -> None:
    """Give a member a PIN: for good where they choose it themselves, else until they first use it.

    Raises NotFound, and Forbidden where that member may more than the actor: who gives a PIN could come in by it.
    """
    journal.lock(actor.shop_id)
    member = queries.member_by_id(actor.shop_id, member_id)
    if member is None:
        raise NotFound
    if member_id != actor.member_id:
        membership.require_owner_for(actor, member.role)
        membership.require_all_of(actor, permissions.granted(member.role, member.switches))
    name = queries.member_names(actor.shop_id, [member_id])[member_id]
    journal.record(actor, Event("member.pin_set", member_id, {"name": name}))
    member.pin_hash, member.pin_is_temporary = hashed(pin), actor.member_id != member_id
    member.wrong_pins, member.wrong_pin_at, member.wrong_pin_digests = 0, None, None
    if member.pin_is_temporary:
        here = (Session.person_id == member.person_id) & (Session.shop_id == actor.shop_id)
        by_pin = sa.update(Session).where(here, Session.method == PIN, Session.ended_at.is_(None))
        db.session.execute(by_pin.values(ended_at=clock.now()))


def is_kept(member: Member, pin: str) -> bool:
    """True where `pin` is the one that the member has; for somebody who has just shown that they know it."""
    return member.pin_hash is not None and matches(member.pin_hash, pin)


def refusal(secret: str, device: Device, member: Member, pin: str) -> Invalid | None:
    """Try a PIN at a shop's phone: None where it is right, else what to say. Every try is counted: commit it.

    Wrong ones count at the member, so that the same PIN can't be tried at two phones, and at the phone, so that nobody
    goes from face to face. A right one takes back its slips, where it is long enough for that; nothing else at the
    member: who stands by could guess before each. At the phone it takes back at least one of the same finger; what
    somebody tried at another face stays.
    """
    serialise(f"pins:{member.shop_id}")
    db.session.refresh(device)
    db.session.refresh(member)
    blocked = _blocked(device, member)
    if blocked is not None:
        return blocked
    now = clock.now()
    if member.pin_hash is not None and matches(member.pin_hash, pin):
        _take_back(device, member, slips.take(secret, device.id, member, pin))
        member.wrong_pin_at = device.wrong_pin_at = None  # nobody has to wait any longer
        return None
    slips.keep(secret, device.id, member, pin)
    for counted in (member, device):
        counted.wrong_pins += 1
        counted.wrong_pin_at = now
    if member.wrong_pins == TRIES or device.wrong_pins == TRIES:
        _tell(device, member)
    return _blocked(device, member) or Invalid(_("This is not the PIN."), "pin_wrong")


def _take_back(device: Device, member: Member, slipped: int) -> None:
    is_soon = member.wrong_pin_at is not None and clock.now() - member.wrong_pin_at < SLIP
    member.wrong_pins = max(0, member.wrong_pins - slipped)
    device.wrong_pins = max(0, device.wrong_pins - max(slipped, int(is_soon)))


def _blocked(device: Device, member: Member) -> Invalid | None:
    if member.wrong_pins >= TRIES:
        return Invalid(_("Too many wrong PINs. Sign in with a code, or ask the owner for a new PIN."), "pin_blocked")
    if device.wrong_pins >= TRIES:
        return Invalid(_("Too many wrong PINs on this phone. Somebody has to sign in with a code."), "phone_blocked")
    wait = max(_wait(member.wrong_pins, member.wrong_pin_at), _wait(device.wrong_pins, device.wrong_pin_at))
    seconds = -(-wait // timedelta(seconds=1))
    if seconds <= 0:
        return None
    sentence = lazy_ngettext(
        "Wrong PIN. Wait %(num)d second, then try again.", "Wrong PIN. Wait %(num)d seconds, then try again.", seconds
    )
    return Invalid(sentence, "pin_wait")


def _wait(wrong: int, since: datetime | None) -> timedelta:
    if since is None or not wrong:
        return timedelta(0)
    return since + WAITS[min(wrong, len(WAITS)) - 1] - clock.now()


def _tell(device: Device, member: Member) -> None:
    """In the shop's journal, and to its owners."""
    facts = {"name": queries.member_names(member.shop_id, [member.id])[member.id], "label": device.label}
    event = Event("member.pin_blocked", member.id, facts)
    journal.record(Actor(member.shop_id, None, device.id), event)
    notices.tell_owners(member.shop_id, event.kind, facts)
