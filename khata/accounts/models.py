"""People, shops, members, devices, sessions, and the ways to sign in."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ShopOwned


class Person(Base):
    """Somebody who works with Khata; without a number only by PIN, on a shop's phone.

    `arrival` keeps the link or advertisement they first came by.
    """

    __tablename__ = "people"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    phone: Mapped[str | None] = mapped_column(sa.String(16), unique=True)  # E.164
    name: Mapped[str] = mapped_column(sa.String(80), default="")
    lang: Mapped[str] = mapped_column(sa.String(12))
    arrival: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[datetime]
    recovery_hash: Mapped[bytes | None]  # of the code on paper, for who lost phone and number
    erase_at: Mapped[datetime | None]  # asked to be deleted: from then on really gone


class Shop(Base):
    """A shop. Currency and time zone stay as they were chosen: amounts and days hang on them."""

    __tablename__ = "shops"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80))
    category: Mapped[str] = mapped_column(sa.String(40))
    currency: Mapped[str] = mapped_column(sa.String(3))
    time_zone: Mapped[str] = mapped_column(sa.String(40))
    country: Mapped[str] = mapped_column(sa.String(2))
    created_at: Mapped[datetime]
    erase_at: Mapped[datetime | None]  # asked to be deleted: from then on really gone
    # where and how it is paid, as its customers see it
    upi_address: Mapped[str] = mapped_column(sa.String(50), default="", server_default="")
    pix_key: Mapped[str] = mapped_column(sa.String(77), default="", server_default="")
    iban: Mapped[str] = mapped_column(sa.String(34), default="", server_default="")
    city: Mapped[str] = mapped_column(sa.String(40), default="", server_default="")
    picture_id: Mapped[UUID | None]
    link_days: Mapped[int | None] = mapped_column(sa.Integer)  # how long a customer's link holds; without: until ended


class Member(ShopOwned, Base):
    """A person's place in a shop."""

    __tablename__ = "members"
    __table_args__ = (
        sa.UniqueConstraint("shop_id", "person_id"),
        sa.Index("ix_members_person_id", "person_id"),
        {"sqlite_with_rowid": False},
    )

    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    role: Mapped[str] = mapped_column(sa.String(20))
    switches: Mapped[str] = mapped_column(sa.String(600), default="", server_default="")
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]
    photo_id: Mapped[UUID | None]
    pin_hash: Mapped[str | None] = mapped_column(sa.String(120))
    pin_is_temporary: Mapped[bool] = mapped_column(default=False, server_default=sa.false())  # set by somebody else
    wrong_pins: Mapped[int] = mapped_column(sa.Integer, default=0, server_default="0")
    wrong_pin_at: Mapped[datetime | None]
    wrong_pin_digests: Mapped[str | None] = mapped_column(sa.String(140))  # of those since the last right one


class Invitation(ShopOwned, Base):
    """A place in the shop for whoever opens the link first. The link's key is made from the id, not kept."""

    __tablename__ = "invitations"

    role: Mapped[str] = mapped_column(sa.String(20))
    invited_by: Mapped[UUID]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]  # used or taken back


class Device(Base):
    """A browser that somebody signed in on; a shop's phone has `shop_id`, and changes hands by PIN."""

    __tablename__ = "devices"
    __table_args__ = (sa.Index("ix_devices_shop_id", "shop_id"), {"sqlite_with_rowid": False})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    label: Mapped[str] = mapped_column(sa.String(60))
    created_at: Mapped[datetime]
    shop_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shops.id"))
    lock_seconds: Mapped[int | None] = mapped_column(sa.Integer)  # unused for so long it locks
    wrong_pins: Mapped[int] = mapped_column(sa.Integer, default=0, server_default="0")
    wrong_pin_at: Mapped[datetime | None]


class Session(Base):
    """A signed-in browser. Only the hash of its token is kept.

    `method` tells how it was opened (code, passkey, recovery, pin), `proved_at` when a code or passkey last proved who
    it is; a PIN proves too little for that. `idle_seconds` is how long it may rest on a phone that locks.
    """

    __tablename__ = "sessions"
    __table_args__ = (sa.Index("ix_sessions_person_id", "person_id"), {"sqlite_with_rowid": False})

    token_hash: Mapped[bytes] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    device_id: Mapped[UUID] = mapped_column(sa.ForeignKey("devices.id"))
    shop_id: Mapped[UUID | None] = mapped_column(sa.ForeignKey("shops.id"))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    method: Mapped[str] = mapped_column(sa.String(10), server_default="code")
    proved_at: Mapped[datetime | None]
    idle_seconds: Mapped[int | None] = mapped_column(sa.Integer)


class SignInCode(Base):
    """A one-time code sent to a number, and what counts against the limits."""

    __tablename__ = "sign_in_codes"
    __table_args__ = (
        sa.Index("ix_sign_in_codes_phone", "phone", "created_at"),
        sa.Index("ix_sign_in_codes_address", "address", "created_at"),
        sa.Index("ix_sign_in_codes_prefix", "prefix", "created_at"),
        {"sqlite_with_rowid": False},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    phone: Mapped[str] = mapped_column(sa.String(16))
    address: Mapped[str] = mapped_column(sa.String(45))
    prefix: Mapped[str] = mapped_column(sa.String(16))
    code_hash: Mapped[str] = mapped_column(sa.String(120))
    tries: Mapped[int] = mapped_column(sa.Integer, default=0)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None]  # the asking browser's, where its cookie proves one


class Passkey(Base):
    """A key pair that a phone keeps behind its fingerprint reader; its public half (COSE, as WebAuthn gives it)."""

    __tablename__ = "passkeys"
    __table_args__ = (sa.Index("ix_passkeys_person_id", "person_id"), {"sqlite_with_rowid": False})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(sa.ForeignKey("people.id"))
    credential_id: Mapped[bytes] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int]
    label: Mapped[str] = mapped_column(sa.String(60))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]  # when the last challenge that it answered was made: none older is taken


class Notice(ShopOwned, Base):
    """Something a member should hear of, shown to them until they have read it."""

    __tablename__ = "notices"
    __table_args__ = (sa.Index("ix_notices_unread", "shop_id", "member_id", "read_at"), {"sqlite_with_rowid": False})

    member_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(sa.String(40))
    facts: Mapped[dict[str, Any]] = mapped_column(sa.JSON, default=dict)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
