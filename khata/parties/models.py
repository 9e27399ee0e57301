"""Parties and the words they are found by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ByCodePoint, ShopOwned

KINDS = ("customer", "supplier")


def _index(name: str, *columns: str, where: str = "deleted_at IS NULL") -> sa.Index:
    condition = sa.text(where)
    return sa.Index(f"ix_parties_{name}", "shop_id", *columns, sqlite_where=condition, postgresql_where=condition)


class Party(ShopOwned, Base):
    """A customer or supplier. The columns from `balance_minor` on are kept by the ledger with every entry."""

    __tablename__ = "parties"
    __table_args__: Any = (
        sa.CheckConstraint(sa.column("kind").in_(KINDS), name="kind"),
        sa.Index(
            "ux_parties_phone",
            "shop_id",
            "phone",
            unique=True,
            sqlite_where=sa.text("phone IS NOT NULL AND deleted_at IS NULL"),
            postgresql_where=sa.text("phone IS NOT NULL AND deleted_at IS NULL"),
        ),
        # one index for each order of the home page
        _index("activity", "kind", "last_activity_at", "id"),
        _index("amount", "kind", "balance_minor", "id"),
        _index("name", "kind", "sort_name", "id"),
        _index("oldest", "kind", "debt_since", "id", where="deleted_at IS NULL AND debt_since IS NOT NULL"),
        _index("due", "kind", "due_on", "id", where="deleted_at IS NULL AND due_on IS NOT NULL"),
        sa.Index("ix_parties_phone_any", "shop_id", "phone"),
        {"sqlite_with_rowid": False},
    )

    kind: Mapped[str] = mapped_column(sa.String(8))
    name: Mapped[str] = mapped_column(sa.String(80))
    sort_name: Mapped[str] = mapped_column(ByCodePoint)
    phone: Mapped[str | None] = mapped_column(sa.String(16))
    address: Mapped[str] = mapped_column(sa.String(200), default="")
    gstin: Mapped[str] = mapped_column(sa.String(15), default="")
    note: Mapped[str] = mapped_column(sa.String(500), default="")
    photo_id: Mapped[UUID | None]
    credit_limit_minor: Mapped[int | None]
    due_on: Mapped[date | None] = mapped_column(sa.Date)
    lang: Mapped[str] = mapped_column(sa.String(12), default="")
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    merged_into: Mapped[UUID | None]

    # where instalments say when it is due; kept by the room of reminders
    has_plan: Mapped[bool] = mapped_column(sa.Boolean, default=False, server_default=sa.false())

    balance_minor: Mapped[int] = mapped_column(default=0)
    last_activity_at: Mapped[datetime]
    debt_since: Mapped[date | None] = mapped_column(sa.Date)


class PartyWord(Base):
    """A word, or the sound of a word, by which a party is found: a search is a look-up of a prefix."""

    __tablename__ = "party_words"
    __table_args__ = (
        sa.ForeignKeyConstraint(["shop_id", "party_id"], ["parties.shop_id", "parties.id"]),
        sa.Index("ix_party_words_party", "shop_id", "party_id"),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(ByCodePoint, primary_key=True)
    party_id: Mapped[UUID] = mapped_column(primary_key=True)
