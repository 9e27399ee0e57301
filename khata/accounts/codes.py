"""Sign-in codes: sent to a number, good once, for ten minutes, in the browser that asked; and what limits them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from ipaddress import ip_address, ip_network
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import gettext, lazy_gettext

from khata.accounts import queries
from khata.accounts.models import SignInCode
from khata.core import clock
from khata.core.db import db, serialise
from khata.core.hashing import hashed, matches
from khata.core.ids import new_id
from khata.core.phone import prefix_of
from khata.errors import Invalid, TooMany
from khata.messages import actions as outbox

CODE_HOLDS = timedelta(minutes=10)
CODE_TRIES = 5
CODES_KEPT = timedelta(days=7)

# (what is counted, within, at most): codes that were asked for and never used, beyond as many numbers that did sign
# in. People who sign in make room for others; somebody who pumps messages makes none, and is mostly met by the first.
CODE_LIMITS = (
    ("prefix", timedelta(hours=1), 5),
    ("address", timedelta(hours=1), 10),
    ("phone", timedelta(minutes=10), 3),
    ("phone", timedelta(days=1), 10),
)
# The same for a browser that this number has signed in on before. Nothing else counts there, so that strangers who ask
# for codes keep nobody out.
OWN_LIMITS = (("phone", timedelta(minutes=10), 3), ("phone", timedelta(days=1), 10))


class SentCode(NamedTuple):
    """A code on its way, and the message to ring the bell for."""

    code_id: UUID
    shop_id: UUID
    message_id: UUID


def send_code(phone: str, address: str, device_id: UUID | None = None) -> SentCode:
    """Queue a fresh code for `phone`, asked for on `device_id`; raises TooMany where a limit is reached."""
    counted = {"phone": phone, "address": network_of(address), "prefix": prefix_of(phone)}
    serialise(f"code:{counted['prefix']}")
    serialise(f"code:{counted['address']}")
    now = clock.now()
    own_device = device_id if device_id and queries.has_signed_in(phone, device_id) else None
    for field, within, most in OWN_LIMITS if own_device else CODE_LIMITS:
        unused, signed_in = queries.codes_since(now - within, field, counted[field], own_device)
        if unused - signed_in >= most:
            raise TooMany(lazy_gettext("Too many codes were asked for. Please wait a while and try again."))
    code = f"{secrets.randbelow(10**6):06d}"
    expires_at = now + CODE_HOLDS
    row = SignInCode(
        id=new_id(),
        **counted,
        device_id=own_device,
        code_hash=hashed(code),
        tries=0,
        created_at=now,
        expires_at=expires_at,
    )
    db.session.add(row)
    db.session.flush()
    body = gettext("%(code)s is your Khata code. It holds for 10 minutes. Give it to nobody.", code=code)
    return SentCode(row.id, *outbox.queue_code(phone, body, expires_at))


def network_of(address: str) -> str:
    """What limits count as one address: of IPv6 the /64, as every customer of a provider has one of their own."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address[:45]
    if ip.version == 4:
        return str(ip)
    return str(ip.ipv4_mapped or ip_network((ip, 64), strict=False).network_address)


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
    if not matches(row.code_hash, typed):
        return Invalid(lazy_gettext("This is not the code we sent. Look again."), "code_wrong")
    row.used_at = clock.now()
    return None


def forget_old_codes() -> None:
    """Delete sign-in codes that no limit counts any more."""
    db.session.execute(sa.delete(SignInCode).where(SignInCode.created_at < clock.now() - CODES_KEPT))
