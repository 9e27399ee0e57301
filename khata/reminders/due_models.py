"""What falls due: a debt split into parts, and what the shop itself has to pay."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.days import DAY, FORTNIGHT, MONTH, WEEK, YEAR
from khata.core.db import Base, ShopOwned

PART_STEPS = (WEEK, FORTNIGHT, MONTH)
RATE_UNITS = (DAY, WEEK, MONTH, YEAR)
ONCE = "once"
PAYMENT_STEPS = (ONCE, WEEK, MONTH)

_OPEN = sa.text("ended_at IS NULL")
_CHARGED = sa.text("charge_on IS NOT NULL AND ended_at IS NULL AND settled_at IS NULL")
_COMING = sa.text("next_on IS NOT NULL")


class Plan(ShopOwned, Base):
    """A party's debt in parts. What is paid of it follows from the ledger's entries after line `made_seq`."""

    __tablename__ = "plans"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint(sa.column("every").in_(PART_STEPS), name="every"),
        sa.CheckConstraint(sa.column("rate_unit").in_(RATE_UNITS), name="rate_unit"),
        sa.CheckConstraint("(rate_millionths IS NULL) = (rate_unit IS NULL)", name="rate"),
        sa.CheckConstraint("debt_minor > 0 AND parts BETWEEN 2 AND 60", name="parts"),
        sa.Index("ux_plans_party", "shop_id", "party_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        sa.Index("ix_plans_charge", "charge_on", sqlite_where=_CHARGED, postgresql_where=_CHARGED),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    debt_minor: Mapped[int]  # what the parts add up to: the balance of that day, with the flat interest
    parts: Mapped[int] = mapped_column(sa.Integer)
    every: Mapped[str] = mapped_column(sa.String(12))
    first_on: Mapped[date] = mapped_column(sa.Date)
    flat_minor: Mapped[int | None]  # interest in one sum, written with the plan
    rate_millionths: Mapped[int | None]  # of what is open, for each `rate_unit`: 2 % is 20,000
    rate_unit: Mapped[str | None] = mapped_column(sa.String(8))
    compounds: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    made_on: Mapped[date] = mapped_column(sa.Date)
    made_seq: Mapped[int]
    created_at: Mapped[datetime]
    charged: Mapped[int] = mapped_column(sa.Integer, default=0)  # periods of interest that were decided on
    charge_on: Mapped[date | None] = mapped_column(sa.Date)  # when the next one is
    settled_at: Mapped[datetime | None]  # all of it is paid; a payment taken back opens it again
    ended_at: Mapped[datetime | None]  # by hand, or another plan took its place


class PlanPart(Base):
    """One part of a plan."""

    __tablename__ = "plan_parts"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "plan_id"], ["plans.shop_id", "plans.id"]),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.Index("ix_plan_parts_on", "shop_id", "on"),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(sa.Integer, primary_key=True)
    on: Mapped[date] = mapped_column(sa.Date)
    amount_minor: Mapped[int]


class ScheduledPayment(ShopOwned, Base):
    """What the shop has to pay a supplier, once or again and again."""

    __tablename__ = "scheduled_payments"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint(sa.column("every").in_(PAYMENT_STEPS), name="every"),
        sa.Index(
            "ix_scheduled_payments_shop", "shop_id", "next_on", "id", sqlite_where=_COMING, postgresql_where=_COMING
        ),
        sa.Index("ix_scheduled_payments_next", "next_on", sqlite_where=_COMING, postgresql_where=_COMING),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    amount_minor: Mapped[int]
    every: Mapped[str] = mapped_column(sa.String(8))
    first_on: Mapped[date] = mapped_column(sa.Date)
    note: Mapped[str] = mapped_column(sa.String(300), default="")
    done: Mapped[int] = mapped_column(sa.Integer, default=0)  # how many were paid or skipped
    next_on: Mapped[date | None] = mapped_column(sa.Date)  # None once nothing is to come
    told_on: Mapped[date | None] = mapped_column(sa.Date)  # the day of the last one that owners were told of
    created_at: Mapped[datetime]
