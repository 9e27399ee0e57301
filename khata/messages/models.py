"""Messages to be sent and how far each came."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base

HOUSE = UUID(int=0)  # stands for the shop where a message is Khata's own, such as a sign-in code

STATES = ("queued", "sending", "sent", "delivered", "read", "clicked", "failed", "unknown", "skipped")

# Why one was not sent at all.
SKIPPED_FOR = ("no consent", "no address", "quiet hours", "cap", "duplicate", "settled", "deleted", "expired")
AUTOMATIC = ("sms", "whatsapp")  # channels by which a party is written to without anybody's hand


class Message(Base):
    """One message to one address. `body` is emptied once it has done its work where it holds a secret.

    `is_by_hand`: a member sent it from a phone of the shop, which we know of as having been begun.
    """

    __tablename__ = "messages"
    __table_args__ = (
        sa.CheckConstraint(sa.column("state").in_(STATES), name="state"),
        sa.Index(
            "ix_messages_waiting",
            "due_at",
            sqlite_where=sa.text("state = 'queued'"),
            postgresql_where=sa.text("state = 'queued'"),
        ),
        sa.Index("ix_messages_party", "shop_id", "party_id", "created_at"),
        sa.Index("ix_messages_provider_id", "provider_id"),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    channel: Mapped[str] = mapped_column(sa.String(20))
    recipient: Mapped[str] = mapped_column(sa.String(200))
    body: Mapped[str] = mapped_column(sa.Text)
    is_secret: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    is_by_hand: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())
    party_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    subject_id: Mapped[UUID | None]  # of a receipt: the entry
    lang: Mapped[str] = mapped_column(sa.String(12), default="", server_default="")
    amount_minor: Mapped[int | None]  # what the party was told to owe
    state: Mapped[str] = mapped_column(sa.String(12), default="queued")
    reason: Mapped[str | None] = mapped_column(sa.String(20))  # of a skipped one
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(sa.String(200))
    provider_id: Mapped[str | None] = mapped_column(sa.String(120))


class Consent(Base):
    """What a party has said to being written to by a channel; nobody who has said nothing is."""

    __tablename__ = "consents"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint(sa.column("channel").in_(AUTOMATIC), name="channel"),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    party_id: Mapped[UUID] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(sa.String(20), primary_key=True)
    is_given: Mapped[bool] = mapped_column(sa.Boolean)
    told_by: Mapped[str] = mapped_column(sa.String(12))  # "shop", or the party itself: "page", "reply"
    changed_at: Mapped[datetime]


class MessageText(Base):
    """The shop's own text of a kind of message in a language; without one, Khata's is sent."""

    __tablename__ = "message_texts"

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    lang: Mapped[str] = mapped_column(sa.String(12), primary_key=True)
    body: Mapped[str] = mapped_column(sa.Text)
