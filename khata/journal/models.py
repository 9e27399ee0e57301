"""The journal's lines and, a shop, where its chain ends."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base


class JournalHead(Base):
    """The end of a shop's chain. Its row lock orders all writes of the shop."""

    __tablename__ = "journal_heads"

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    seq: Mapped[int]
    hash: Mapped[bytes]


class JournalLine(Base):
    """One thing that happened. `hash` covers the line before's hash, so that this one is not stored twice."""

    __tablename__ = "journal_lines"
    __table_args__ = (
        sa.Index("ix_journal_lines_subject", "shop_id", "subject_id", "seq"),
        {"sqlite_with_rowid": False},
    )

    shop_id: Mapped[UUID] = mapped_column(sa.ForeignKey("shops.id"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(sa.String(40))
    subject_id: Mapped[UUID | None]
    member_id: Mapped[UUID | None]
    device_id: Mapped[UUID | None]
    happened_at: Mapped[datetime | None]  # by the phone's clock
    recorded_at: Mapped[datetime]  # by the server's
    payload: Mapped[str] = mapped_column(sa.Text)  # canonical JSON, hashed as it stands
    hash: Mapped[bytes]
