"""Entries and what is kept in step with them: sums a party and day, totals a shop, cash a day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ShopOwned

GAVE, GOT = "gave", "got"
DIRECTIONS = (GAVE, GOT)
SETTLEMENT, INTEREST = "settlement", "interest"  # why Khata wrote an entry
CASH_IN, CASH_OUT = "in", "out"


class Entry(ShopOwned, Base):
    """You gave or you got, on a day. `seq` is its first journal line's: entries of one day stand in that order."""

    __tablename__ = "entries"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint(sa.column("direction").in_(DIRECTIONS), name="direction"),
        sa.Index("ix_entries_order", "shop_id", "party_id", "on", "seq"),
        sa.Index(
            "ix_entries_cash",
            "shop_id",
            "on",
            "seq",
            sqlite_where=sa.text("in_cash"),
            postgresql_where=sa.text("in_cash"),
        ),
        {"sqlite_with_rowid": False},
    )

    party_id: Mapped[UUID]
    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(sa.String(4))
    amount_minor: Mapped[int]
    on: Mapped[date] = mapped_column(sa.Date)
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    reason: Mapped[str | None] = mapped_column(sa.String(12))
    photo_id: Mapped[UUID | None]
    in_cash: Mapped[bool] = mapped_column(sa.Boolean, default=False)
    version: Mapped[int] = mapped_column(sa.Integer, default=1)
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[UUID | None]


class PartyDay(Base):
    """Sums of a party's entries on one day: older pages and statements start from them, whatever came before."""

    __tablename__ = "party_days"
    __table_args__: Any = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    party_id: Mapped[UUID] = mapped_column(primary_key=True)
    on: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    gave_minor: Mapped[int]
    got_minor: Mapped[int]


class LedgerTotal(Base):
    """What the shop will get and will give, customers and suppliers apart."""

    __tablename__ = "ledger_totals"

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(8), primary_key=True)
    get_minor: Mapped[int]
    give_minor: Mapped[int]


class CashEntry(ShopOwned, Base):
    """Cash that came in or went out beside the parties' entries: a sale, rent, a salary."""

    __tablename__ = "cash_entries"
    __table_args__: Any = (
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.CheckConstraint(sa.column("direction").in_((CASH_IN, CASH_OUT)), name="direction"),
        sa.Index("ix_cash_entries_on", "shop_id", "on", "seq"),
        {"sqlite_with_rowid": False},
    )

    seq: Mapped[int]
    direction: Mapped[str] = mapped_column(sa.String(3))
    amount_minor: Mapped[int]
    on: Mapped[date] = mapped_column(sa.Date)
    category: Mapped[str] = mapped_column(sa.String(40))
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    deleted_at: Mapped[datetime | None]


class CashDay(Base):
    """Cash in and out on one day, entries paid in cash included."""

    __tablename__ = "cash_days"

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    on: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    in_minor: Mapped[int]
    out_minor: Mapped[int]
