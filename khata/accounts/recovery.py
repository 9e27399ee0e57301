"""The ways back in: another number, a code on paper for who lost phone and number, and a shop that gets a new owner."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from babel.dates import format_date
from flask_babel import force_locale, gettext
from flask_babel import lazy_gettext as _

from khata.accounts import membership, notices, permissions, queries, sessions
from khata.accounts.codes import network_of
from khata.accounts.models import Person, SignInCode
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, in_shop, serialise
from khata.core.ids import new_id
from khata.core.phone import prefix_of
from khata.errors import Forbidden, Invalid, NotFound, TooMany
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages import actions as outbox

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: nothing that is read for something else
LENGTH, GROUP = 25, 5  # 125 random bits; from 112 on a plain hash is enough (ASVS 6.5.2)
_READ_AS = str.maketrans("OIL", "011")
_NO_CODE = bytes(32)

# (what is counted, within, at most): wrong codes. Nobody guesses 125 bits; this keeps a flood from the database.
LIMITS = (("address", timedelta(hours=1), 20), ("phone", timedelta(hours=1), 30))
TRY = "recovery"  # stands for the block of numbers in the rows that count tries

LEAVE = "leave"
BECOMES = (*(role for role in permissions.ROLES if role != "owner"), LEAVE)


class NumberTaken(Invalid):
    """The number is somebody else's. Said only to who has shown that they hold it, as signing in would tell them."""

    code = "number_taken"
    message = _("This number has an account of its own. Sign in with it, or give another number.")


class QueuedText(NamedTuple):
    """A message to ring the bell for."""

    shop_id: UUID
    message_id: UUID


# --- Another number ---


def change_number(person_id: UUID, device_id: UUID | None, phone: str) -> QueuedText | None:
    """Let the person sign in with `phone` from now on; their shops hear of it, and the number before gets a text.

    Gives that text, None where there was no number or it is the same. Raises NumberTaken. Whoever calls has had a code
    typed that was sent to `phone`.
    """
    serialise(f"code:{prefix_of(phone)}")  # as whoever signs in with that number: one of the two comes first
    holder = queries.person_by_phone(phone)
    person = db.session.get_one(Person, person_id, populate_existing=True)
    if holder is not None:
        if holder.id != person_id:
            raise NumberTaken
        return None
    before, person.phone = person.phone, phone
    db.session.flush()
    _tell_shops(person_id, device_id, "member.number_changed")
    return _tell_number(before, person.lang) if before else None


def _tell_shops(person_id: UUID, device_id: UUID | None, kind: str) -> None:
    """A line in each of the person's shops, without a number: who did it stands beside every line."""
    for shop in sorted(queries.shops_of(person_id), key=lambda shop: shop.id):
        with in_shop(shop.id):
            journal.record(Actor(shop.id, shop.member_id, device_id), Event(kind, shop.member_id, {}))


def _tell_number(phone: str, lang: str) -> QueuedText:
    with force_locale(lang):
        day = format_date(clock.now().date(), "d MMM y", locale=lang)
        body = gettext(
            "On %(day)s your Khata account got another number. If it was not you, tell an owner of your shop at once.",
            day=day,
        )
    return QueuedText(*outbox.queue_text(phone, body))


# --- The code on paper ---


def make_code(person_id: UUID, device_id: UUID | None) -> str:
    """A new recovery code, as it is written on paper ("4XK7P-…"); the one before opens nothing any more."""
    code = "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))
    db.session.execute(sa.update(Person).where(Person.id == person_id).values(recovery_hash=hash_of(code)))
    _tell_shops(person_id, device_id, "member.recovery_code")
    return "-".join(_groups(code))


def _groups(code: str) -> Iterator[str]:
    return (code[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def has_code(person_id: UUID) -> bool:
    """True where the person has made a code that was not used yet."""
    query = sa.select(Person.recovery_hash.is_not(None)).where(Person.id == person_id)
    return bool(db.session.scalar(query))


def hash_of(typed: str) -> bytes:
    """What is kept of a code, however it is typed: spaces, dashes, small letters, O for 0, I or L for 1."""
    plain = unicodedata.normalize("NFKC", typed[:200]).upper()
    kept = "".join(str(int(char)) if char.isdecimal() else char for char in plain if char.isalnum())
    return hashlib.sha256(kept.translate(_READ_AS).encode()).digest()


def use_code(phone: str, typed: str, address: str) -> UUID | None:
    """Use up the recovery code of who has `phone`: the person, who is signed out everywhere; None where it is wrong.

    It takes as long and says as much whether the number or the code is wrong. Every try is counted: commit it. Raises
    TooMany.
    """
    counted = {"phone": "r" + phone.removeprefix("+"), "address": f"r:{network_of(address)}"[:45], "prefix": TRY}
    _refuse_flood(counted)
    person = queries.person_by_phone(phone)
    kept = person.recovery_hash if person is not None else None
    is_right = hmac.compare_digest(kept or _NO_CODE, hash_of(typed))
    if person is None or not is_right or not _claim(person.id, kept):
        _count_try(counted)
        return None
    sessions.end_all_sessions(person.id)
    _tell_shops(person.id, None, "member.recovered")
    return person.id


def _refuse_flood(counted: dict[str, str]) -> None:
    for field, within, most in LIMITS:
        serialise(f"recovery:{counted[field]}")
        wrong, _right = queries.codes_since(clock.now() - within, field, counted[field], None)
        if wrong >= most:
            raise TooMany


def _claim(person_id: UUID, kept: bytes | None) -> bool:
    """Whoever empties the row has used the code: one, of however many."""
    row = sa.update(Person).where(Person.id == person_id, Person.recovery_hash == kept).values(recovery_hash=None)
    return db.session.execute(row).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def _count_try(counted: dict[str, str]) -> None:
    """A wrong try stands where codes are counted, under keys of its own; opens nothing, and is forgotten with them."""
    now = clock.now()
    db.session.add(SignInCode(id=new_id(), **counted, code_hash="", tries=0, created_at=now, expires_at=now))
    db.session.flush()


# --- Another owner ---


def heirs(shop_id: UUID, member_id: UUID | None) -> list[tuple[str, str]]:
    """(id, name) of who can become the owner instead of this member: everybody with a number of their own."""
    team = [one for one in queries.team(shop_id) if one.phone is not None and one.id != member_id]
    names = queries.member_names(shop_id, (one.id for one in team))
    return [(str(one.id), names[one.id]) for one in team]


def hand_over(actor: Actor, heir_id: UUID, become: str) -> None:
    """Make another member the owner, and the owner who acts what `become` says: a role, or LEAVE.

    Raises Forbidden for who is no owner, NotFound, and Invalid where the heir has no number of their own.
    """
    journal.lock(actor.shop_id)
    db.session.expire_all()  # somebody may have changed the members while we waited
    me = queries.member_by_id(actor.shop_id, actor.member_id) if actor.member_id else None
    heir = queries.member_by_id(actor.shop_id, heir_id)
    if me is None or me.role != "owner":
        raise Forbidden
    if heir is None or heir is me:
        raise NotFound
    if not queries.has_number(heir.person_id):
        raise Invalid(_("An owner needs a number of their own: invite them by a link."), "owner_without_number")
    name = queries.member_names(actor.shop_id, [heir_id])[heir_id]
    journal.record(actor, Event("shop.handed_over", heir_id, {"name": name, "became": become}))
    heir.role, heir.switches = "owner", ""
    if become == LEAVE:
        membership.end_access(me)
    else:
        me.role, me.switches = become, ""
    db.session.flush()
    notices.tell_owners(actor.shop_id, "shop.handed_over", {"name": name})
