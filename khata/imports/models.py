"""Files that were brought in: what each is, how it is read, how far it is written."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from khata.core.db import Base, ShopOwned

CSV, VCARD, CDNOW = "csv", "vcard", "cdnow"
FORMATS = (CSV, VCARD, CDNOW)

NEW, QUEUED, WRITING, DONE, FAILED = "new", "queued", "writing", "done", "failed"
STATUSES = (NEW, QUEUED, WRITING, DONE, FAILED)


class Import(ShopOwned, Base):
    """One file. `chunks_done` moves on in the transaction of each chunk, so that a restart writes nothing twice."""

    __tablename__ = "imports"
    __table_args__: Any = (
        sa.CheckConstraint(sa.column("status").in_(STATUSES), name="status"),
        sa.CheckConstraint(sa.column("format").in_(FORMATS), name="format"),
        sa.Index(
            "ix_imports_unfinished",
            "seen_at",
            sqlite_where=sa.text("status IN ('queued', 'writing')"),
            postgresql_where=sa.text("status IN ('queued', 'writing')"),
        ),
        {"sqlite_with_rowid": False},
    )

    status: Mapped[str] = mapped_column(sa.String(8))
    filename: Mapped[str] = mapped_column(sa.String(120))
    format: Mapped[str] = mapped_column(sa.String(8))
    encoding: Mapped[str] = mapped_column(sa.String(12))
    mapping: Mapped[dict[str, int]] = mapped_column(sa.JSON, default=dict)  # field -> column, of a CSV file
    again: Mapped[bool] = mapped_column(sa.Boolean, default=False)  # written even where it is in the ledger already
    lang: Mapped[str] = mapped_column(sa.String(12), default="en")  # the reasons of refused lines are told in it
    member_id: Mapped[UUID]
    device_id: Mapped[UUID | None]
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]  # when the last chunk was written: tells the sweep what was left behind
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(sa.Integer, default=0)

    chunks_done: Mapped[int] = mapped_column(sa.Integer, default=0)
    added_parties: Mapped[int] = mapped_column(sa.Integer, default=0)
    added_entries: Mapped[int] = mapped_column(sa.Integer, default=0)
    skipped_count: Mapped[int] = mapped_column(sa.Integer, default=0)
    refused_count: Mapped[int] = mapped_column(sa.Integer, default=0)
    refused: Mapped[list[Any]] = mapped_column(sa.JSON, default=list)  # the first of them: line, reason, text
