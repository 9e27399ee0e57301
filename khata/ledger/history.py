"""What happened to an entry, as the journal tells it."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from khata.accounts.queries import device_labels, member_names
from khata.core import clock
from khata.core.actor import Actor
from khata.journal import queries as journal_queries
from khata.ledger import queries


class Version(NamedTuple):
    """One thing that was done to an entry and how it stood then."""

    at: datetime
    by: str
    device: str
    action: str
    amount_minor: int
    direction: str
    on: date
    note: str
    has_photo: bool


def versions(shop_id: UUID, entry_id: UUID) -> list[Version]:
    """Everything that was done to the entry, newest first."""
    lines = [line for line in journal_queries.lines_about(shop_id, entry_id) if line.kind.startswith("entry.")]
    names = member_names(shop_id, (line.member_id for line in lines))
    labels = device_labels(line.device_id for line in lines)
    told: list[Version] = []
    facts: dict[str, str] = {}
    for line in lines:
        action = line.kind.split(".")[1]
        if action in ("recorded", "edited"):
            facts = json.loads(line.payload)
        told.append(
            Version(
                at=line.recorded_at,
                by=names.get(line.member_id, ""),
                device=labels.get(line.device_id, ""),
                action=action,
                amount_minor=int(facts["amount_minor"]),
                direction=facts["direction"],
                on=date.fromisoformat(facts["on"]),
                note=facts.get("note", ""),
                has_photo=bool(facts.get("photo_id")),
            )
        )
    return told[::-1]


def photos(shop_id: UUID, entry_id: UUID) -> list[UUID]:
    """Every photo that the entry has or ever had, oldest first."""
    lines = journal_queries.lines_about(shop_id, entry_id)
    told = (json.loads(line.payload).get("photo_id") for line in lines if line.kind.startswith("entry."))
    return [UUID(photo_id) for photo_id in told if photo_id]


def is_own(actor: Actor, entry_id: UUID) -> bool:
    """True where this very member wrote the entry, whenever that was."""
    return _own_since(actor, entry_id) is not None


def is_own_of_today(actor: Actor, entry_id: UUID, time_zone: str) -> bool:
    """True where this very member wrote the entry, today on the shop's clock."""
    at = _own_since(actor, entry_id)
    return at is not None and clock.local(at, time_zone).date() == clock.today(time_zone)


def _own_since(actor: Actor, entry_id: UUID) -> datetime | None:
    """When this very member wrote the entry; None where it was somebody else."""
    lines = journal_queries.lines_about(actor.shop_id, entry_id)
    if not lines or lines[0].member_id != actor.member_id:
        return None
    at: datetime = lines[0].recorded_at
    return at


def own_of_today(actor: Actor, party_id: UUID, time_zone: str) -> queries.EntryPage:
    """What this very member wrote in the party's book today on the shop's clock, newest first, without balances."""
    lines = queries.lines_by(actor.shop_id, actor.member_id, _lines_before_today(actor, time_zone), party_id)
    return queries.EntryPage(lines, None, False)


def is_on_own_of_today(actor: Actor, photo_id: UUID, time_zone: str) -> bool:
    """True where an entry that this very member wrote today has the photo."""
    after = _lines_before_today(actor, time_zone)
    return any(line.photo_id == photo_id for line in queries.lines_by(actor.shop_id, actor.member_id, after))


def _lines_before_today(actor: Actor, time_zone: str) -> int:
    return journal_queries.lines_before(actor.shop_id, clock.start_of(clock.today(time_zone), time_zone))
