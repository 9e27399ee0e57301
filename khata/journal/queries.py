"""Reads of the journal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.journal.models import JournalHead, JournalLine

LINES = JournalLine.__table__
PAGE = 50
WINDOW = 5000


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


class Sought(NamedTuple):
    """Which lines: of a member, at a device, of kinds that start with `kind`; None asks for all."""

    member_id: UUID | None = None
    device_id: UUID | None = None
    kind: str | None = None


def newest_lines(shop_id: UUID, sought: Sought, before: int, after: int = 0) -> tuple[list[sa.Row[Any]], int | None]:
    """A page of the lines numbered between `after` and `before`, newest first, and where the next one goes on.

    At most WINDOW lines are looked at, so that a page costs the same however long the journal is; it may hold few.
    """
    start = max(after, before - WINDOW - 1)
    query = sa.select(LINES).where(LINES.c.shop_id == shop_id, LINES.c.seq > start, LINES.c.seq < before)
    if sought.member_id:
        query = query.where(LINES.c.member_id == sought.member_id)
    if sought.device_id:
        query = query.where(LINES.c.device_id == sought.device_id)
    if sought.kind:
        query = query.where(LINES.c.kind.startswith(sought.kind, autoescape=True))
    rows = list(db.session.execute(query.order_by(LINES.c.seq.desc()).limit(PAGE + 1)))
    if len(rows) > PAGE:
        return rows[:PAGE], rows[PAGE - 1].seq
    return rows, start + 1 if start > after else None


def lines_before(shop_id: UUID, moment: datetime) -> int:
    """How many lines were written before `moment`: found by halving, as they stand in the order they were written."""
    low, high = 0, (head(shop_id) or (0, b""))[0]
    while low < high:
        middle = (low + high) // 2
        query = sa.select(LINES.c.recorded_at).where(LINES.c.shop_id == shop_id, LINES.c.seq == middle + 1)
        if (db.session.scalar(query) or moment) < moment:
            low = middle + 1
        else:
            high = middle
    return low


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
