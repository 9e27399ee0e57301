"""Rules by which parties are written to without anybody's hand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ShopOwned
from khata.messages.models import AUTOMATIC

DUE, MONTHLY, ENTRY = "due", "monthly", "entry"
RULES = (DUE, MONTHLY, ENTRY)

_HOLDS = sa.text("ended_at IS NULL")


class ReminderRule(ShopOwned, Base):
    """When who is written to: of one party, or of the whole shop.

    DUE: `days` after the day they were to pay (before it, where negative). MONTHLY: on day `days` of the month, who
    owes `least_minor` or more. ENTRY: at each entry, what was written.
    """

    __tablename__ = "reminder_rules"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint(sa.column("kind").in_(RULES), name="kind"),
        sa.CheckConstraint(sa.column("channel").in_(AUTOMATIC), name="channel"),
        sa.Index("ix_reminder_rules_kind", "kind", "shop_id", sqlite_where=_HOLDS, postgresql_where=_HOLDS),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(sa.String(8))
    days: Mapped[int] = mapped_column(sa.Integer, default=0)
    least_minor: Mapped[int] = mapped_column(default=0)
    channel: Mapped[str] = mapped_column(sa.String(20))
    member_id: Mapped[UUID | None]  # who made it: what it sends is theirs
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    run_on: Mapped[date | None] = mapped_column(sa.Date)  # the shop's day up to which it was looked at
    seen_seq: Mapped[int] = mapped_column(default=0)  # ENTRY: the journal's line up to which it was looked at
