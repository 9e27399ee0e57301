"""Reads of parties; the first argument is the shop."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import sqlalchemy as sa

from khata.core.db import connection, db
from khata.core.prepared import Prepared
from khata.errors import NotFound
from khata.parties.models import Party, PartyWord
from khata.parties.search import end_of, prefixes_of

PARTIES, WORDS = Party.__table__, PartyWord.__table__
LISTED = (
    PARTIES.c.id,
    PARTIES.c.name,
    PARTIES.c.phone,
    PARTIES.c.kind,
    PARTIES.c.balance_minor,
    PARTIES.c.last_activity_at,
    PARTIES.c.debt_since,
    PARTIES.c.due_on,
)
SEARCH_LIMIT = 20
COMMON = 60  # parties under one prefix, from which on it is not worth counting them

_BY_ID = Prepared(
    sa.select(PARTIES).where(PARTIES.c.shop_id == sa.bindparam("shop"), PARTIES.c.id == sa.bindparam("id"))
)


def party_by_id(shop_id: UUID, party_id: UUID) -> Any:
    """The party with this id, deleted or not."""
    return _BY_ID.first(connection(), {"shop": shop_id, "id": party_id})


def get_party(shop_id: UUID, party_id: UUID) -> Any:
    """The party with this id, deleted or not; raises NotFound."""
    party = party_by_id(shop_id, party_id)
    if party is None:
        raise NotFound
    return party


def where_it_went(shop_id: UUID, party_id: UUID) -> Any:
    """The party, or the one that its account was joined with; raises NotFound."""
    party = get_party(shop_id, party_id)
    while party.merged_into is not None:
        party = get_party(shop_id, party.merged_into)
    return party


_OF_ACCOUNT = ("id", "kind", "name", "balance_minor", "debt_since", "due_on", "has_plan", "deleted_at", "merged_into")
_ACCOUNT = Prepared(
    sa.select(*(PARTIES.c[name] for name in _OF_ACCOUNT)).where(
        PARTIES.c.shop_id == sa.bindparam("shop"), PARTIES.c.id == sa.bindparam("id")
    )
)


def get_account(shop_id: UUID, party_id: UUID) -> Any:
    """The little of a party that an entry is written with; raises NotFound."""
    account = _ACCOUNT.first(connection(), {"shop": shop_id, "id": party_id})
    if account is None:
        raise NotFound
    return account


def party_by_phone(shop_id: UUID, phone: str) -> sa.Row[Any] | None:
    """Who has this number: a party in use before a deleted one; never one that was merged away."""
    query = sa.select(PARTIES).where(PARTIES.c.shop_id == shop_id, PARTIES.c.phone == phone)
    query = query.where(PARTIES.c.merged_into.is_(None))
    return db.session.execute(query.order_by(PARTIES.c.deleted_at.is_not(None), PARTIES.c.id).limit(1)).first()


def is_of_party(shop_id: UUID, photo_id: UUID) -> bool:
    """True where the photo is one of a party, not of a bill."""
    query = sa.select(PARTIES.c.id).where(PARTIES.c.shop_id == shop_id, PARTIES.c.photo_id == photo_id).limit(1)
    return db.session.scalar(query) is not None


def search(shop_id: UUID, text: str, kind: str | None = None, limit: int = SEARCH_LIMIT) -> list[sa.Row[Any]]:
    """Parties in use that match every word of `text`: as written first, then by sound. At most `limit`."""
    prefixes = prefixes_of(text)
    if not prefixes:
        return []
    found = _matching(shop_id, [word for word, _sound in prefixes], kind, limit)
    sounds = [sound or word for word, sound in prefixes]
    if len(found) < limit and any(sound for _word, sound in prefixes):
        known = {party.id for party in found}
        by_sound = _matching(shop_id, sounds, kind, limit)
        found += [party for party in by_sound if party.id not in known]
    return found[:limit]


def _rarest_first(shop_id: UUID, prefixes: list[str]) -> list[str]:
    """The prefix that fewest words start with leads; among common ones the longest."""
    if len(prefixes) < 2:
        return prefixes
    counts = {prefix: _count(shop_id, prefix) for prefix in prefixes}
    return sorted(prefixes, key=lambda prefix: (counts[prefix], -len(prefix)))


def _count(shop_id: UUID, prefix: str) -> int:
    """How many words start with `prefix`; COMMON stands for any more."""
    words = sa.select(WORDS.c.party_id).where(WORDS.c.shop_id == shop_id)
    words = words.where(WORDS.c.word >= prefix, WORDS.c.word < end_of(prefix)).limit(COMMON)
    return db.session.scalar(sa.select(sa.func.count()).select_from(words.subquery())) or 0


def _matching(shop_id: UUID, prefixes: list[str], kind: str | None, limit: int) -> list[sa.Row[Any]]:
    """Walk the rarest prefix's stretch of the index, test the others by look-up, stop at `limit`."""
    leading, *others = _rarest_first(shop_id, prefixes)
    words = WORDS.alias()
    query: sa.Select[Any] = (
        sa.select(*LISTED)
        .join(words, (words.c.shop_id == PARTIES.c.shop_id) & (words.c.party_id == PARTIES.c.id))
        .where(PARTIES.c.shop_id == shop_id, words.c.shop_id == shop_id, PARTIES.c.deleted_at.is_(None))
        .where(words.c.word >= leading, words.c.word < end_of(leading))
    )
    if kind:
        query = query.where(PARTIES.c.kind == kind)
    for prefix in others:
        other = WORDS.alias()
        query = query.where(
            sa.exists().where(
                other.c.shop_id == shop_id,
                other.c.party_id == words.c.party_id,  # tested before the party is looked up
                other.c.word >= prefix,
                other.c.word < end_of(prefix),
            )
        )
    found = db.session.execute(query.order_by(words.c.word).limit(limit * 2))
    return list({party.id: party for party in found}.values())[:limit]
