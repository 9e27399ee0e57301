"""Which operations were taken, and what a phone is told of parties; the first argument is the shop."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import db
from khata.ledger.models import Entry
from khata.parties.models import KINDS, Party
from khata.sync.checksum import checksum
from khata.sync.models import Operation

OPERATIONS, PARTIES, ENTRIES = Operation.__table__, Party.__table__, Entry.__table__
PHONE_KEEPS = 5000  # parties


class Written(NamedTuple):
    """An operation that was taken: its journal line and the hash of what it said."""

    seq: int
    digest: bytes


def written(shop_id: UUID, ids: Collection[UUID]) -> dict[UUID, Written]:
    """Those of `ids` that were taken before."""
    if not ids:
        return {}
    query = sa.select(OPERATIONS.c.id, OPERATIONS.c.seq, OPERATIONS.c.digest)
    query = query.where(OPERATIONS.c.shop_id == shop_id, OPERATIONS.c.id.in_(ids))
    return {row.id: Written(row.seq, row.digest) for row in db.session.execute(query)}


def balances(shop_id: UUID, party_ids: Collection[UUID], entry_ids: Collection[UUID]) -> dict[UUID, int]:
    """How those parties stand, and the parties of those entries: an account may have been joined with another."""
    of_entries = sa.select(ENTRIES.c.party_id).where(ENTRIES.c.shop_id == shop_id, ENTRIES.c.id.in_(entry_ids))
    wanted = {*party_ids, *(db.session.scalars(of_entries) if entry_ids else ())}
    if not wanted:
        return {}
    query = sa.select(PARTIES.c.id, PARTIES.c.balance_minor)
    query = query.where(PARTIES.c.shop_id == shop_id, PARTIES.c.id.in_(wanted))
    return {row.id: row.balance_minor for row in db.session.execute(query)}


def shop_checksum(shop_id: UUID) -> int | None:
    """The checksum over the shop's parties that are not deleted; None where they are more than a phone keeps.

    Such a phone has not all of them and nothing to compare; and no answer takes longer as the shop grows.
    """
    query = sa.select(PARTIES.c.id, PARTIES.c.balance_minor)
    query = query.where(PARTIES.c.shop_id == shop_id, PARTIES.c.deleted_at.is_(None)).limit(PHONE_KEEPS + 1)
    rows = db.session.execute(query).all()
    return None if len(rows) > PHONE_KEEPS else checksum((row.id, row.balance_minor) for row in rows)


class PhoneList(NamedTuple):
    """The parties that a phone keeps, the newest activity first; `is_whole` where the shop has no others."""

    parties: list[Any]
    is_whole: bool


def phone_list(shop_id: UUID) -> PhoneList:
    """At most PHONE_KEEPS parties that are not deleted: id, name, phone, kind, balance_minor."""
    rows: list[Any] = []
    for kind in KINDS:  # each is a stretch of the home page's own index
        query = sa.select(*(PARTIES.c[name] for name in ("id", "name", "phone", "kind", "balance_minor")))
        query = query.add_columns(PARTIES.c.last_activity_at)
        query = query.where(PARTIES.c.shop_id == shop_id, PARTIES.c.kind == kind, PARTIES.c.deleted_at.is_(None))
        query = query.order_by(PARTIES.c.last_activity_at.desc(), PARTIES.c.id.desc()).limit(PHONE_KEEPS + 1)
        rows += db.session.execute(query)
    rows.sort(key=lambda row: (row.last_activity_at, row.id), reverse=True)
    return PhoneList(rows[:PHONE_KEEPS], len(rows) <= PHONE_KEEPS)
