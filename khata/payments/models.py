"""Links that customers open, and what they say there."""

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

_HOLDS = sa.text("ended_at IS NULL")


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
