"""Reads of the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.journal.models import JournalHead, JournalLine

LINES = JournalLine.__table__


def lines_about(shop_id: UUID, subject_id: UUID) -> list[sa.Row[Any]]:
    """Every line about `subject_id`, oldest first."""
    query = sa.select(LINES).where(LINES.c.shop_id == shop_id, LINES.c.subject_id == subject_id).order_by(LINES.c.seq)
    return list(db.session.execute(query))


def first_payload(shop_id: UUID, subject_id: UUID, kind: str) -> dict[str, Any] | None:
    """The payload of the first `kind` line about `subject_id`; None where there is none."""
    query = (
        sa.select(LINES.c.payload)
        .where(LINES.c.shop_id == shop_id, LINES.c.subject_id == subject_id, LINES.c.kind == kind)
        .order_by(LINES.c.seq)
        .limit(1)
    )
    text = db.session.scalar(query)
    return None if text is None else json.loads(text)


def chain(shop_id: UUID) -> Iterator[sa.Row[Any]]:
    """Every line of the shop in order, a few at a time in memory."""
    query = sa.select(LINES).where(LINES.c.shop_id == shop_id).order_by(LINES.c.seq)
    return iter(db.session.execute(query.execution_options(yield_per=2000)))


def by_subject(shop_id: UUID, kind_prefix: str) -> Iterator[sa.Row[Any]]:
    """The lines whose kind starts with `kind_prefix`, grouped by subject, each group in order."""
    query = (
        sa.select(LINES.c.seq, LINES.c.subject_id, LINES.c.kind, LINES.c.payload)
        .where(LINES.c.shop_id == shop_id, LINES.c.kind.startswith(kind_prefix, autoescape=True))
        .order_by(LINES.c.subject_id, LINES.c.seq)
    )
    return iter(db.session.execute(query.execution_options(yield_per=2000)))


def head(shop_id: UUID) -> tuple[int, bytes] | None:
    """(seq, hash) of the last line as the head row says."""
    query = sa.select(JournalHead.seq, JournalHead.hash).where(JournalHead.shop_id == shop_id)
    row = db.session.execute(query).first()
    return None if row is None else (row.seq, row.hash)
