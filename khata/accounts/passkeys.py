"""Passkeys: a key pair that the phone opens by fingerprint, face or screen lock, in the place of a code.

What WebAuthn (https://www.w3.org/TR/webauthn-3/) wants to be verified, its library verifies. A challenge is used once,
though no table keeps it: of each passkey we know when the last challenge that it answered was made, and take no older.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
import webauthn
from cryptography.exceptions import UnsupportedAlgorithm
from flask_babel import lazy_gettext as _
from webauthn.helpers import (
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json,
    parse_authentication_credential_json,
    parse_registration_credential_json,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from khata.accounts import queries
from khata.accounts.models import Passkey, Person
from khata.accounts.sessions import rest_on
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, in_shop, inserting_new
from khata.core.ids import new_id
from khata.core.phone import format_phone
from khata.errors import Forbidden, Invalid, NotFound
from khata.journal import actions as journal
from khata.journal.actions import Event

HOLDS = timedelta(minutes=5)
MOST = 20  # passkeys a person
MOST_CHARACTERS = 16 * 1024  # of an answer; phones send less than 2 KB
LOCK_CHOICES = (60, 300, 900)  # seconds
# What else the library lets through where JSON, CBOR or a key are not what they should be.
MALFORMED = (
    WebAuthnException,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)

REQUIRED = UserVerificationRequirement.REQUIRED
TABLE = Passkey.__table__
Made = TypeVar("Made")


class Site(NamedTuple):
    """Where passkeys hold: the name they are made for, and the origin of the pages that may ask for one."""

    rp_id: str
    origin: str


class Challenge(NamedTuple):
    """What a passkey has to sign, and when it was made."""

    value: bytes
    made_at: datetime


class Refused(Invalid):
    """The answer does not prove anything."""

    code = "passkey_refused"
    message = _("That did not work. Try once more, or use a code.")


class Expired(Invalid):
    """The challenge is not there any more."""

    code = "passkey_expired"
    message = _("That took too long. Please try once more.")


def site_of(url: str) -> Site:
    """The site at `url`, as browsers spell its origin."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, {"http": 80, "https": 443}.get(parts.scheme)) else f":{parts.port}"
    return Site(host, f"{parts.scheme}://{name}{port}")


def new_challenge() -> Challenge:
    """A fresh one."""
    return Challenge(secrets.token_bytes(32), clock.now())


def asking(site: Site, challenge: Challenge, person_id: UUID | None) -> str:
    """What a page asks the phone for, as JSON: a passkey of the person, or of whoever holds the phone."""
    options = webauthn.generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge.value,
        timeout=_milliseconds(HOLDS),
        allow_credentials=_of(person_id) if person_id else None,
        user_verification=REQUIRED,
    )
    return options_to_json(options)


def making(site: Site, challenge: Challenge, person: Any) -> str:
    """What a page asks the phone to make for the person, as JSON; raises Forbidden for who works by PIN only."""
    if person.phone is None:
        raise Forbidden
    phone = format_phone(person.phone)
    options = webauthn.generate_registration_options(
        rp_id=site.rp_id,
        rp_name="Khata",
        user_id=person.id.bytes,
        user_name=phone,
        user_display_name=person.name or phone,
        challenge=challenge.value,
        timeout=_milliseconds(HOLDS),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=REQUIRED
        ),
        exclude_credentials=_of(person.id),
    )
    return options_to_json(options)


def _milliseconds(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)


def _of(person_id: UUID) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=passkey.credential_id) for passkey in queries.passkeys_of(person_id)]


class New(NamedTuple):
    """A passkey to be added: what the phone answered, to which challenge, and what the person calls it."""

    challenge: Challenge | None
    answer: str
    label: str


def add(site: Site, person: Any, device_id: UUID, new: New) -> UUID:
    """Keep a new passkey of the person; each of their shops hears it. Gives its id; raises Invalid and Forbidden."""
    if person.phone is None:
        raise Forbidden
    challenge = _still_good(new.challenge)
    made = _made(site, challenge, new.answer)
    shops = _locked_shops(person.id)
    if len(queries.passkeys_of(person.id)) >= MOST:
        raise Invalid(_("You have many of these. Remove one that you no longer use."), "too_many_passkeys")
    passkey_id = new_id()
    row = {
        "id": passkey_id,
        "person_id": person.id,
        "credential_id": made.credential_id,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "label": new.label,
        "created_at": clock.now(),
        "used_at": challenge.made_at,
    }
    if db.session.scalar(inserting_new(TABLE, "credential_id").values(row).returning(TABLE.c.id)) is None:
        raise Refused
    _tell(shops, device_id, Event("member.passkey_added", passkey_id, {"label": new.label}))
    return passkey_id


def _made(site: Site, challenge: Challenge, answer: str) -> VerifiedRegistration:
    credential = _read(parse_registration_credential_json, answer)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge.value,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
        decoded_public_key_to_cryptography(decode_credential_public_key(made.credential_public_key))  # usable later?
    except MALFORMED as error:
        raise Refused from error
    return made


def use(site: Site, challenge: Challenge | None, answer: str, person_id: UUID | None = None) -> UUID:
    """The person whose passkey has answered the challenge, `person_id` where only that one will do; raises Invalid."""
    challenge = _still_good(challenge)
    credential = _read(parse_authentication_credential_json, answer)
    passkey = queries.passkey_by_credential(credential.raw_id)
    handle = credential.response.user_handle
    if passkey is None or person_id not in (None, passkey.person_id):
        raise Refused
    if handle != passkey.person_id.bytes and not (handle is None and person_id):
        raise Refused
    try:
        verified = webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge.value,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            credential_current_sign_count=passkey.sign_count,
            require_user_verification=True,
        )
    except MALFORMED as error:
        raise Refused from error
    _use_up(passkey, challenge, verified.new_sign_count)
    person = db.session.get_one(Person, passkey.person_id)
    if person.erase_at is not None and person.erase_at <= clock.now():
        raise Refused
    return passkey.person_id


def _use_up(passkey: Passkey, challenge: Challenge, sign_count: int) -> None:
    """The challenge, and all that are older, for this passkey; raises Refused where somebody was faster."""
    used = sa.update(Passkey).where(Passkey.id == passkey.id, Passkey.used_at < challenge.made_at)
    used = used.values(used_at=challenge.made_at, sign_count=sign_count).returning(Passkey.id)
    if db.session.scalar(used) is None:
        raise Refused


def _still_good(challenge: Challenge | None) -> Challenge:
    if challenge is None or not challenge.made_at <= clock.now() < challenge.made_at + HOLDS:
        raise Expired
    return challenge


def _read(parse: Callable[[str], Made], answer: str) -> Made:
    if len(answer) > MOST_CHARACTERS:
        raise Refused
    try:
        return parse(answer)
    except MALFORMED as error:
        raise Refused from error


def remove(person_id: UUID, device_id: UUID, passkey_id: UUID, token_hash: bytes | None = None) -> None:
    """Forget a passkey of the person; each of their shops hears it. With the last goes the lock of their own phones.

    `token_hash` is of the session that does it, which is in use. Raises NotFound.
    """
    shops = _locked_shops(person_id)
    passkey = next((one for one in queries.passkeys_of(person_id) if one.id == passkey_id), None)
    if passkey is None:
        raise NotFound
    db.session.execute(sa.delete(Passkey).where(Passkey.id == passkey_id))
    _tell(shops, device_id, Event("member.passkey_removed", passkey_id, {"label": passkey.label}))
    if not queries.passkeys_of(person_id):
        _unlock_own_phones(person_id, device_id, token_hash, shops)


def _unlock_own_phones(person_id: UUID, device_id: UUID, token_hash: bytes | None, shops: list[sa.Row[Any]]) -> None:
    """With no passkey left a lock would only ask for a code each time: phones that only this person uses lose it."""
    for device in queries.locking_devices_of(person_id):
        device.lock_seconds = None
        facts = {"label": device.label, "lock_seconds": None}
        _tell(shops, device_id, Event("device.lock_changed", device.id, facts))
        rest_on(device.id, token_hash, None)


def lock_after(person_id: UUID, device_id: UUID, token_hash: bytes, seconds: int | None) -> None:
    """Let the person's own phone lock when it rests so long; None: never. Raises Invalid; NotFound on a shop's."""
    shops = _locked_shops(person_id)
    device = queries.device_by_id(device_id)
    if device is None or device.shop_id is not None:
        raise NotFound
    if seconds is not None and not queries.passkeys_of(person_id):
        raise Invalid(_("Add your fingerprint first."), "no_passkey")
    device.lock_seconds = seconds
    _tell(shops, device_id, Event("device.lock_changed", device_id, {"label": device.label, "lock_seconds": seconds}))
    rest_on(device_id, token_hash, seconds)


def _locked_shops(person_id: UUID) -> list[sa.Row[Any]]:
    """The person's shops, each locked: the same order everywhere, so that two never wait for each other."""
    shops = sorted(queries.shops_of(person_id), key=lambda shop: shop.id)
    for shop in shops:
        with in_shop(shop.id):
            journal.lock(shop.id)
    return shops


def _tell(shops: list[sa.Row[Any]], device_id: UUID, event: Event) -> None:
    for shop in shops:
        with in_shop(shop.id):
            journal.record(Actor(shop.id, shop.member_id, device_id), event)
