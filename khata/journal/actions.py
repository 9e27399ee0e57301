"""Writing journal lines: always in the transaction of what they tell."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import connection, db
from khata.core.prepared import Prepared
from khata.journal.models import JournalHead, JournalLine

LINES = JournalLine.__table__
HEADS = JournalHead.__table__
GENESIS = bytes(32)

LOCK_HEAD = Prepared(
    sa.select(HEADS.c.seq, HEADS.c.hash).where(HEADS.c.shop_id == sa.bindparam("shop")).with_for_update()
)
MOVE_HEAD = Prepared(
    sa.update(HEADS)
    .where(HEADS.c.shop_id == sa.bindparam("shop"))
    .values(seq=sa.bindparam("new_seq"), hash=sa.bindparam("new_hash"))
)
ADD_LINE = Prepared(sa.insert(LINES), *LINES.c.keys())


class Event(NamedTuple):
    """What a line tells: `kind` such as "entry.recorded", what it is about, and the facts."""

    kind: str
    subject_id: UUID | None
    facts: dict[str, Any]
    happened_at: datetime | None = None


@dataclass
class Head:
    """The end of a chain while its shop is locked."""

    seq: int
    hash: bytes


def start_journal(shop_id: UUID) -> None:
    """The empty chain of a new shop."""
    db.session.execute(sa.insert(HEADS), {"shop_id": shop_id, "seq": 0, "hash": GENESIS})


def lock(shop_id: UUID) -> Head:
    """Lock the shop for writing until the transaction ends, and give the end of its chain.

    Every action that writes calls this before it reads what it will change: one writer a shop, always the same order.
    """
    heads: dict[UUID, Head] = db.session.info.setdefault("journal_heads", {})
    if shop_id not in heads:
        row = LOCK_HEAD.first(connection(), {"shop": shop_id})
        heads[shop_id] = Head(row.seq, row.hash)
    return heads[shop_id]


def record(actor: Actor, event: Event) -> int:
    """Write one line and give its number."""
    return record_all(actor, [event])


def record_all(actor: Actor, events: list[Event]) -> int:
    """Write a line for each of `events`, in order, and give the last one's number."""
    end = lock(actor.shop_id)
    recorded_at = clock.now()
    lines = [_next_line(end, actor, event, recorded_at) for event in events]
    ADD_LINE.run_many(connection(), lines)
    MOVE_HEAD.run(connection(), {"shop": actor.shop_id, "new_seq": end.seq, "new_hash": end.hash})
    return end.seq


def _next_line(end: Head, actor: Actor, event: Event, recorded_at: datetime) -> dict[str, Any]:
    line: dict[str, Any] = {
        "shop_id": actor.shop_id,
        "seq": end.seq + 1,
        "kind": event.kind,
        "subject_id": event.subject_id,
        "member_id": actor.member_id,
        "device_id": actor.device_id,
        "happened_at": event.happened_at or actor.at,
        "recorded_at": recorded_at,
        "payload": canonical(event.facts),
    }
    end.seq, end.hash = line["seq"], line_hash(end.hash, line)
    return {**line, "hash": end.hash}


def canonical(facts: dict[str, Any]) -> str:
    """`facts` as JSON with one spelling only: sorted keys, no blanks, empty values left out."""
    kept = {key: value for key, value in facts.items() if value is not None and value is not False and value != ""}
    return _ENCODER.encode(kept)


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def line_hash(previous: bytes, line: Any) -> bytes:
    """SHA-256 over the line before's hash and every field of `line` (a mapping)."""
    fields = [
        line["shop_id"].hex,
        line["seq"],
        line["kind"],
        line["subject_id"] and line["subject_id"].hex,
        line["member_id"] and line["member_id"].hex,
        line["device_id"] and line["device_id"].hex,
        line["happened_at"] and clock.milliseconds(line["happened_at"]),
        clock.milliseconds(line["recorded_at"]),
        line["payload"],
    ]
    return hashlib.sha256(previous + _ENCODER.encode(fields).encode()).digest()
