"""Reads of links and claims; the first argument is the shop, but where a link's own token says which it is."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import across_shops, db
from khata.ledger.models import Entry, PartyDay
from khata.parties.models import Party
from khata.payments.models import OPEN, Claim, PayLink

CLAIMS_PAGE = 50


def link_by_hash(token_hash: bytes) -> PayLink | None:
    """The link that a token opens, of whatever shop, ended or not."""
    with across_shops():
        return db.session.scalar(sa.select(PayLink).where(PayLink.token_hash == token_hash))


def link_of(shop_id: UUID, party_id: UUID) -> PayLink | None:
    """The party's link that was not ended; it may have expired."""
    query = sa.select(PayLink).where(
        PayLink.shop_id == shop_id, PayLink.party_id == party_id, PayLink.ended_at.is_(None)
    )
    return db.session.scalar(query)


def claim_by_id(shop_id: UUID, claim_id: UUID) -> Claim | None:
    """The claim with this id."""
    return db.session.get(Claim, (shop_id, claim_id))


def claims_of(shop_id: UUID, party_id: UUID, limit: int) -> list[Claim]:
    """What the party said, newest first."""
    query = sa.select(Claim).where(Claim.shop_id == shop_id, Claim.party_id == party_id)
    return list(db.session.scalars(query.order_by(Claim.created_at.desc(), Claim.id.desc()).limit(limit)))


def count_open(shop_id: UUID, party_id: UUID) -> int:
    """How many claims of the party wait for the shop."""
    query = sa.select(sa.func.count()).where(Claim.shop_id == shop_id, Claim.party_id == party_id, Claim.state == OPEN)
    return int(db.session.scalar(query) or 0)


def claims(shop_id: UUID, state: str, before: datetime | None = None) -> list[Any]:
    """A page of claims in `state` with the party's name and the entry each is about, newest first."""
    query = (
        sa.select(Claim, Party.name, Entry.on, Entry.direction, Entry.amount_minor)
        .join(Party, (Party.shop_id == Claim.shop_id) & (Party.id == Claim.party_id))
        .outerjoin(Entry, (Entry.shop_id == Claim.shop_id) & (Entry.id == Claim.entry_id))
        .where(Claim.shop_id == shop_id, Claim.state == state)
    )
    if before is not None:
        query = query.where(Claim.created_at < before)
    return list(db.session.execute(query.order_by(Claim.created_at.desc(), Claim.id.desc()).limit(CLAIMS_PAGE)))


def entry_days(shop_id: UUID, party_id: UUID) -> tuple[date | None, date | None]:
    """The days of the party's first and last entry that counts."""
    days = PartyDay.__table__.c
    query = sa.select(sa.func.min(days.on), sa.func.max(days.on)).where(
        days.shop_id == shop_id, days.party_id == party_id
    )
    first, last = db.session.execute(query).one()
    return first, last


def entry_at(shop_id: UUID, party_id: UUID, seq: int) -> UUID | None:
    """The party's entry of journal line `seq`."""
    query = sa.select(Entry.id).where(Entry.shop_id == shop_id, Entry.party_id == party_id, Entry.seq == seq)
    return db.session.scalar(query)
