"""Sign-in, sessions and shops."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from flask_babel import gettext, lazy_gettext

from khata.accounts import queries
from khata.accounts.models import Device, Member, Person, Session, Shop, SignInCode
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, serialise
from khata.core.ids import new_id
from khata.core.phone import prefix_of
from khata.errors import Invalid, NotFound, TooMany
from khata.journal import actions as journal
from khata.messages import actions as outbox

CODE_HOLDS = timedelta(minutes=10)
CODE_TRIES = 5
SESSION_RESTS = timedelta(days=180)  # a session unused for so long has ended
SEEN_EVERY = timedelta(hours=1)

# (what is counted, within, at most): codes that were asked for and never used, beyond as many numbers that did sign
# in. People who sign in make room for others; somebody who pumps messages makes none.
CODE_LIMITS = (
    ("phone", timedelta(minutes=10), 3),
    ("phone", timedelta(days=1), 10),
    ("address", timedelta(hours=1), 10),
    ("prefix", timedelta(hours=1), 5),
)

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class SentCode(NamedTuple):
    """A code on its way, and the message to ring the bell for."""

    code_id: UUID
    shop_id: UUID
    message_id: UUID


def send_code(phone: str, address: str) -> SentCode:
    """Queue a fresh code for `phone`; raises TooMany where a limit is reached."""
    prefix = prefix_of(phone)
    serialise(f"code:{prefix}")
    serialise(f"code:{address}")
    now = clock.now()
    counted = {"phone": phone, "address": address, "prefix": prefix}
    for field, within, most in CODE_LIMITS:
        unused, signed_in = queries.codes_since(now - within, **{field: counted[field]})
        if unused - signed_in >= most:
            raise TooMany(lazy_gettext("Too many codes were asked for. Please wait a while and try again."))
    code = f"{secrets.randbelow(10**6):06d}"
    expires_at = now + CODE_HOLDS
    row = SignInCode(
        id=new_id(), **counted, code_hash=hasher.hash(code), tries=0, created_at=now, expires_at=expires_at
    )
    db.session.add(row)
    body = gettext("%(code)s is your Khata code. It holds for 10 minutes. Give it to nobody.", code=code)
    return SentCode(row.id, *outbox.queue_code(phone, body, expires_at))


def use_code(phone: str, code_id: UUID | None, typed: str) -> Invalid | None:
    """Use up a code of `phone`: None where it is right, else what to say. Every try is counted: commit it.

    A code opens only the browser that asked for it, and strangers use up tries of their own codes only.
    """
    serialise(f"code:{prefix_of(phone)}")
    row = queries.code_by_id(code_id) if code_id else None
    if row is None or row.phone != phone or row.used_at is not None or row.expires_at <= clock.now():
        return Invalid(lazy_gettext("This code no longer holds. Ask for a new one."), "code_expired")
    if row.tries >= CODE_TRIES:
        return Invalid(lazy_gettext("Too many wrong codes. Ask for a new one."), "code_used_up")
    row.tries += 1
    try:
        hasher.verify(row.code_hash, typed)
    except VerifyMismatchError:
        return Invalid(lazy_gettext("This is not the code we sent. Look again."), "code_wrong")
    row.used_at = clock.now()
    return None


def person_for(phone: str, lang: str, arrival: dict[str, Any]) -> Person:
    """The person with this number; a new one keeps how they came."""
    person = queries.person_by_phone(phone)
    if person is None:
        person = Person(id=new_id(), phone=phone, name="", lang=lang, arrival=arrival, created_at=clock.now())
        db.session.add(person)
        db.session.flush()
    return person


def start_session(person: Person, device_id: UUID | None, device_label: str) -> tuple[str, UUID]:
    """A new session in the person's first shop. Gives its token, which only the browser keeps, and the device."""
    now = clock.now()
    if device_id is None or not queries.device_exists(device_id):
        device_id = new_id()
        db.session.add(Device(id=device_id, label=device_label, created_at=now))
        db.session.flush()
    shops = queries.shops_of(person.id)
    token = secrets.token_urlsafe(32)
    db.session.add(
        Session(
            token_hash=hash_token(token),
            person_id=person.id,
            device_id=device_id,
            shop_id=shops[0].id if shops else None,
            created_at=now,
            last_seen_at=now,
        )
    )
    return token, device_id


def hash_token(token: str) -> bytes:
    """What is kept of a session's token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def end_session(token_hash: bytes) -> None:
    """Sign this browser out."""
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(ended_at=clock.now()))


def end_sessions_on(person_id: UUID, device_id: UUID) -> None:
    """Sign a person out on one of their devices, from afar; raises NotFound where they are not signed in there."""
    _require_own_device(person_id, device_id)
    _end_sessions(Session.person_id == person_id, Session.device_id == device_id)


def end_sessions_elsewhere(person_id: UUID, device_id: UUID) -> None:
    """Sign a person out on all devices but `device_id`."""
    _end_sessions(Session.person_id == person_id, Session.device_id != device_id)


def name_device(person_id: UUID, device_id: UUID, label: str) -> None:
    """Call a device what the person calls it; each of their shops hears it. Raises NotFound."""
    _require_own_device(person_id, device_id)
    for shop in sorted(queries.shops_of(person_id), key=lambda shop: shop.id):
        member = Actor(shop.id, shop.member_id, device_id)
        journal.record(member, journal.Event("device.named", device_id, {"label": label}))
    db.session.execute(sa.update(Device).where(Device.id == device_id).values(label=label))


def _require_own_device(person_id: UUID, device_id: UUID) -> None:
    if device_id not in {device.id for device in queries.devices_of(person_id, clock.now() - SESSION_RESTS)}:
        raise NotFound


def _end_sessions(*which: sa.ColumnElement[bool]) -> None:
    db.session.execute(sa.update(Session).where(*which, Session.ended_at.is_(None)).values(ended_at=clock.now()))


def see_session(token_hash: bytes) -> None:
    """Write down that the session is in use."""
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(last_seen_at=clock.now()))


class NewShop(NamedTuple):
    """What a new shop needs."""

    name: str
    category: str
    currency: str
    time_zone: str
    country: str


def open_shop(person_id: UUID, device_id: UUID | None, new: NewShop) -> Actor:
    """Make a shop with its journal, owned by the person. Gives the owner as actor in it."""
    shop = Shop(id=new_id(), created_at=clock.now(), **new._asdict())
    db.session.add(shop)
    db.session.flush()
    member = Member(shop_id=shop.id, id=new_id(), person_id=person_id, role="owner", created_at=clock.now())
    db.session.add(member)
    db.session.flush()
    journal.start_journal(shop.id)
    owner = Actor(shop.id, member.id, device_id)
    journal.record(owner, journal.Event("shop.opened", shop.id, new._asdict()))
    return owner


def edit_shop(actor: Actor, name: str, category: str) -> None:
    """Change the name and category of the shop."""
    db.session.execute(sa.update(Shop).where(Shop.id == actor.shop_id).values(name=name, category=category))
    journal.record(actor, journal.Event("shop.edited", actor.shop_id, {"name": name, "category": category}))


def enter_shop(token_hash: bytes, person_id: UUID, shop_id: UUID) -> bool:
    """Make `shop_id` the session's shop; False where the person is no member of it."""
    if shop_id not in {shop.id for shop in queries.shops_of(person_id)}:
        return False
    db.session.execute(sa.update(Session).where(Session.token_hash == token_hash).values(shop_id=shop_id))
    return True


def edit_person(person_id: UUID, device_id: UUID | None, name: str, lang: str) -> None:
    """Change a person's name and language; each of their shops hears the name."""
    for shop in sorted(queries.shops_of(person_id), key=lambda shop: shop.id):
        member = Actor(shop.id, shop.member_id, device_id)
        journal.record(member, journal.Event("member.named", shop.member_id, {"name": name}))
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(name=name, lang=lang))


def choose_language(person_id: UUID, lang: str) -> None:
    """Keep the language that a person chose by a link."""
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(lang=lang))


def forget_old_codes() -> None:
    """Delete sign-in codes that no limit counts any more."""
    db.session.execute(sa.delete(SignInCode).where(SignInCode.created_at < clock.now() - timedelta(days=7)))
