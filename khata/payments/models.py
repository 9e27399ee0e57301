"""Links that customers open, what they say there, and what they are asked for and pay through a gateway."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ShopOwned

PAID, WRONG, PROMISE = "paid", "wrong", "promise"
CLAIM_KINDS = (PAID, WRONG, PROMISE)
OPEN, CONFIRMED, DECLINED = "open", "confirmed", "declined"
CLAIM_STATES = (OPEN, CONFIRMED, DECLINED)
PARTLY, EXPIRED, CANCELLED, FAILED, REFUNDED = "partly", "expired", "cancelled", "failed", "refunded"
REQUEST_STATES = (OPEN, PARTLY, PAID, EXPIRED, CANCELLED, FAILED)
PAYMENT_STATES = (PAID, FAILED, REFUNDED)
OTHER_CURRENCY, OTHER_AMOUNT, NO_ACCOUNT = "currency", "amount", "account"
PROBLEMS = (OTHER_CURRENCY, OTHER_AMOUNT, NO_ACCOUNT)

_HOLDS = sa.text("ended_at IS NULL")
_WENT_BACK = sa.text("refunded_at IS NOT NULL")


class PayLink(ShopOwned, Base):
    """A party's link. Its token is made from the id and the installation's secret; here stands the token's hash."""

    __tablename__ = "pay_links"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.Index("ux_pay_links_token_hash", "token_hash", unique=True),
        sa.Index(
            "ux_pay_links_party", "shop_id", "party_id", unique=True, sqlite_where=_HOLDS, postgresql_where=_HOLDS
        ),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    token_hash: Mapped[bytes]
    lang: Mapped[str] = mapped_column(sa.String(12))  # of whoever made it: the customer's, until theirs is known
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]  # taken back, or another one took its place
    opened_at: Mapped[datetime | None]  # last; of one day the first time


class Claim(ShopOwned, Base):
    """A customer says: I have paid, I will pay, this entry is wrong. Nothing changes until the shop says so, too."""

    __tablename__ = "claims"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint(sa.column("kind").in_(CLAIM_KINDS), name="kind"),
        sa.CheckConstraint(sa.column("state").in_(CLAIM_STATES), name="state"),
        sa.CheckConstraint("(kind = 'paid') = (amount_minor IS NOT NULL)", name="amount"),
        sa.CheckConstraint("(kind = 'promise') = (promised_on IS NOT NULL)", name="promised_on"),
        sa.Index("ix_claims_party", "shop_id", "party_id", "created_at"),
        sa.Index("ix_claims_state", "shop_id", "state", "created_at"),
        sa.Index("ix_claims_created", "shop_id", "created_at", "id"),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(sa.String(8))
    amount_minor: Mapped[int | None]
    reference: Mapped[str] = mapped_column(sa.String(40), default="")  # the bank's, such as a UTR
    entry_id: Mapped[UUID | None]  # the entry that is said to be wrong, or the one that a payment became
    promised_on: Mapped[date | None] = mapped_column(sa.Date)
    note: Mapped[str] = mapped_column(sa.String(300), default="")
    state: Mapped[str] = mapped_column(sa.String(12), default=OPEN)
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]


class PaymentRequest(ShopOwned, Base):
    """What a party was asked for through a gateway. It stands here before the gateway hears of it.

    `link_id` and `url` are the gateway's, once it has made the link; while there is no `ended_at` it may be paid.
    """

    __tablename__ = "payment_requests"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint(sa.column("state").in_(REQUEST_STATES), name="state"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.Index("ux_payment_requests_reference", "gateway", "reference", unique=True),
        sa.Index("ix_payment_requests_link", "gateway", "link_id"),
        sa.Index("ix_payment_requests_party", "shop_id", "party_id", "made_at"),
        sa.Index("ix_payment_requests_made", "shop_id", "made_at", "id"),
        sa.Index("ix_payment_requests_open", "made_at", sqlite_where=_HOLDS, postgresql_where=_HOLDS),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    gateway: Mapped[str] = mapped_column(sa.String(20))
    reference: Mapped[str] = mapped_column(sa.String(40))  # ours, of no other request in any shop
    link_id: Mapped[str | None] = mapped_column(sa.String(255))
    url: Mapped[str] = mapped_column(sa.Text, default="")
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[str] = mapped_column(sa.String(12), default=OPEN)
    error: Mapped[str] = mapped_column(sa.String(64), default="")  # the gateway's short code
    member_id: Mapped[UUID | None]  # who asked; nobody where the customer came by themselves
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class GatewayPayment(ShopOwned, Base):
    """A payment as the gateway tells of it. The id follows from the gateway's, and is the entry's that it becomes.

    `problem` says why it became none: it has another currency or amount than was asked for, or no account to stand in.
    """

    __tablename__ = "gateway_payments"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "request_id"], ["payment_requests.shop_id", "payment_requests.id"]),
        sa.CheckConstraint(sa.column("state").in_(PAYMENT_STATES), name="state"),
        sa.CheckConstraint(sa.column("problem").in_(PROBLEMS), name="problem"),
        sa.Index("ux_gateway_payments_payment", "gateway", "payment_id", unique=True),
        sa.Index("ix_gateway_payments_request", "shop_id", "request_id"),
        sa.Index("ix_gateway_payments_paid", "shop_id", "paid_at", "id"),
        sa.Index(
            "ix_gateway_payments_refunded",
            "shop_id",
            "refunded_at",
            "id",
            sqlite_where=_WENT_BACK,
            postgresql_where=_WENT_BACK,
        ),
        {"sqlite_with_rowid": False},
    )

    request_id: Mapped[UUID]
    gateway: Mapped[str] = mapped_column(sa.String(20))
    payment_id: Mapped[str] = mapped_column(sa.String(255))  # the gateway's
    amount_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(sa.String(3))
    state: Mapped[str] = mapped_column(sa.String(12))
    problem: Mapped[str | None] = mapped_column(sa.String(12))
    error: Mapped[str] = mapped_column(sa.String(64), default="")
    refunded_minor: Mapped[int] = mapped_column(default=0)
    refund_written_minor: Mapped[int] = mapped_column(default=0)  # so much of it stands in the book
    paid_at: Mapped[datetime]
    refunded_at: Mapped[datetime | None]  # when it was last heard that more of it went back
    refunded_by: Mapped[UUID | None]
    entry_id: Mapped[UUID | None]
