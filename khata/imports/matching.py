"""Who a line is about and whether it is in the ledger already. Reads only: the preview and the writing ask alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core.db import db
from khata.core.ids import derived_id
from khata.imports.drafts import Draft, Named
from khata.imports.readers import Refused
from khata.ledger.models import GAVE, Entry, PartyDay
from khata.parties import queries as party_queries
from khata.parties.models import Party

PARTIES, ENTRIES, DAYS = Party.__table__, Entry.__table__, PartyDay.__table__
KNOWN = tuple(PARTIES.c[name] for name in "id name sort_name phone balance_minor deleted_at merged_into".split())


class Placed(NamedTuple):
    """A draft with its party and, where it has one, its entry. `is_new` is what the ledger does not have yet."""

    draft: Draft
    party_id: UUID
    entry_id: UUID | None
    is_new_party: bool
    is_new_entry: bool

    @property
    def is_new(self) -> bool:
        """True where something is written for it."""
        return self.is_new_party or self.is_new_entry


class Matched(NamedTuple):
    """What becomes of a chunk: lines that have a place, in order, and lines that have none."""

    placed: list[Placed]
    refused: list[Refused]


class _Found(NamedTuple):
    """What the ledger has of all that a chunk names."""

    by_id: dict[UUID, Any]
    by_phone: dict[str, Any]
    by_name: dict[str, list[Any]]


class _Fresh(NamedTuple):
    """A party that the file itself brings."""

    id: UUID
    phone: str | None


class _Half(NamedTuple):
    """A draft whose party is known; `problem` is why nothing new may be written to it."""

    draft: Draft
    entry_id: UUID | None
    party_id: UUID
    is_new_party: bool
    balance_minor: int = 0
    problem: Any = None


class Matcher:
    """Matches the chunks of one file, in order, against the ledger and against the file's earlier lines.

    With a `salt` entries get ids of their own, so that what is in the ledger already is written again.
    """

    def __init__(self, shop_id: UUID, salt: str = "") -> None:
        self.shop_id, self.salt = shop_id, salt
        self._counts: dict[bytes, int] = {}  # how often each content stood so far
        self._named_entries: set[UUID] = set()
        self._fresh_by_phone: dict[str, UUID] = {}
        self._fresh_by_name: dict[str, list[_Fresh]] = {}
        self._fresh_ids: set[UUID] = set()
        self._opened: set[UUID] = set()  # parties whose opening balance the file has given

    def match(self, chunk: Iterable[Draft | Refused]) -> Matched:
        """Find the place of each line of the next chunk."""
        placed: list[Placed] = []
        refused: list[Refused] = []
        for each in self._finished(list(self._halves(list(chunk)))):
            if isinstance(each, Refused):
                refused.append(each)
            else:
                placed.append(each)
        return Matched(placed, refused)

    def _halves(self, chunk: list[Draft | Refused]) -> Iterator[_Half | Refused]:
        found = self._found([each.party for each in chunk if isinstance(each, Draft)])
        for each in chunk:
            if isinstance(each, Refused):
                yield each
            elif each.entry_id is not None and self._stands_twice(each.entry_id):
                yield _refusal(each, _("This entry stands in the file before."))
            else:
                yield self._half(each, found)

    def _half(self, draft: Draft, found: _Found) -> _Half | Refused:
        entry_id = self._entry_id(draft)  # counted whatever becomes of it: the next such line has the next number
        candidates = self._candidates(draft.party, found)
        if len(candidates) > 1:
            return _refusal(draft, _("Two accounts have this name. Add the phone number to this line."))
        if not candidates:
            return _Half(draft, entry_id, self._add(draft.party), True)
        party = found.by_id.get(candidates[0])
        if party is None:  # the file brought it
            return _Half(draft, entry_id, candidates[0], False)
        while party.merged_into is not None:
            party = party_queries.get_party(self.shop_id, party.merged_into)
        was_deleted = _("%(name)s was deleted. Bring them back first.", name=party.name)
        problem = was_deleted if party.deleted_at is not None else None
        return _Half(draft, entry_id, party.id, False, party.balance_minor, problem)

    def _stands_twice(self, entry_id: UUID) -> bool:
        known = entry_id in self._named_entries
        self._named_entries.add(entry_id)
        return known

    def _entry_id(self, draft: Draft) -> UUID | None:
        """The id of the entry: from the shop, what the line says, and how often it said so before in this file."""
        if draft.direction is None:
            return None
        if draft.entry_id is not None and not self.salt:
            return draft.entry_id
        digest = blake2b(draft.content.encode(), digest_size=16).digest()
        count = self._counts[digest] = self._counts.get(digest, 0) + 1
        return derived_id(self.shop_id, f"entry:{self.salt}{digest.hex()}:{count}")

    # --- Parties: by id, by phone, by name, by what an earlier import called them; else new ---

    def _found(self, named: list[Named]) -> _Found:
        by_id = {row.id: row for row in self._parties(PARTIES.c.id, {self._own_id(party) for party in named})}
        by_phone: dict[str, Any] = {}
        for row in self._parties(PARTIES.c.phone, {party.phone for party in named if party.phone}):
            if row.merged_into is None and (row.phone not in by_phone or row.deleted_at is None):
                by_phone[row.phone] = row
        by_name: dict[str, list[Any]] = {}
        for row in self._parties(
            PARTIES.c.sort_name,
            {party.sort_name for party in named if not party.is_own_id},
            PARTIES.c.deleted_at.is_(None),
        ):
            by_name.setdefault(row.sort_name, []).append(row)
        for row in [*by_phone.values(), *(row for rows in by_name.values() for row in rows)]:
            by_id.setdefault(row.id, row)
        return _Found(by_id, by_phone, by_name)

    def _parties(self, column: sa.ColumnElement[Any], keys: set[Any], *where: sa.ColumnElement[bool]) -> list[Any]:
        if not keys:
            return []
        query = sa.select(*KNOWN).where(PARTIES.c.shop_id == self.shop_id, column.in_(keys), *where)
        return list(db.session.execute(query))

    def _own_id(self, party: Named) -> UUID:
        return party.party_id or derived_id(self.shop_id, f"party:{party.phone or ''}\x1f{party.sort_name}")

    def _candidates(self, party: Named, found: _Found) -> list[UUID]:
        """Who it may be: one, none where they are new, two where the name alone does not tell."""
        own_id = self._own_id(party)
        is_known = own_id in found.by_id or own_id in self._fresh_ids
        if is_known and party.party_id is not None:
            return [own_id]
        if party.is_own_id:
            return []
        if party.phone in found.by_phone:
            return [found.by_phone[party.phone].id]
        if party.phone in self._fresh_by_phone:
            return [self._fresh_by_phone[party.phone]]
        return self._named(party, found) or ([own_id] if is_known else [])

    def _named(self, party: Named, found: _Found) -> list[UUID]:
        """Those of this name; somebody with another number is somebody else."""
        rows = [*found.by_name.get(party.sort_name, ()), *self._fresh_by_name.get(party.sort_name, ())]
        ids = {row.id: None for row in rows if not party.phone or not row.phone}
        return list(ids)[:2]

    def _add(self, party: Named) -> UUID:
        party_id = self._own_id(party)
        self._fresh_ids.add(party_id)
        if party.phone:
            self._fresh_by_phone[party.phone] = party_id
        if not party.is_own_id:
            self._fresh_by_name.setdefault(party.sort_name, []).append(_Fresh(party_id, party.phone))
        return party_id

    # --- Entries: what is in the ledger already, and opening balances of accounts that are open ---

    def _finished(self, halves: list[_Half | Refused]) -> Iterator[Placed | Refused]:
        written = self._written({half.entry_id for half in halves if isinstance(half, _Half) and half.entry_id})
        used = self._with_entries(
            {
                each.party_id
                for each in halves
                if isinstance(each, _Half) and each.draft.is_opening and not each.is_new_party
            }
        )
        for half in halves:
            if isinstance(half, Refused):
                yield half
                continue
            draft, entry_id, party_id, is_new_party, _balance, problem = half
            is_new_entry = entry_id is not None and entry_id not in written
            if is_new_entry and draft.is_opening:
                is_new_entry = not self._is_open_already(half, used)
                problem = problem or (is_new_entry and self._opening_problem(party_id, used))
            if draft.is_opening:
                self._opened.add(party_id)
            if problem and (is_new_entry or entry_id is None):
                yield _refusal(draft, problem)
            else:
                yield Placed(draft, party_id, entry_id, is_new_party, is_new_entry)

    def _written(self, entry_ids: set[UUID]) -> set[UUID]:
        if not entry_ids:
            return set()
        query = sa.select(ENTRIES.c.id).where(ENTRIES.c.shop_id == self.shop_id, ENTRIES.c.id.in_(entry_ids))
        return set(db.session.scalars(query))

    def _with_entries(self, party_ids: set[UUID]) -> set[UUID]:
        if not party_ids:
            return set()
        query = sa.select(DAYS.c.party_id).where(DAYS.c.shop_id == self.shop_id, DAYS.c.party_id.in_(party_ids))
        return set(db.session.scalars(query.distinct()))

    def _is_open_already(self, half: _Half, used: set[UUID]) -> bool:
        """True where the account stands at that balance: it came from the list that was exported, or from here."""
        if self.salt or half.party_id in self._opened or half.party_id not in used:
            return False
        return half.balance_minor == (
            half.draft.amount_minor if half.draft.direction == GAVE else -half.draft.amount_minor
        )

    def _opening_problem(self, party_id: UUID, used: set[UUID]) -> Any:
        if party_id in self._opened:
            return _("This account has an opening balance in the file before.")
        if party_id in used and not self.salt:
            return _("This account has entries already: an opening balance would count them twice.")
        return None


def _refusal(draft: Draft, reason: Any) -> Refused:
    return Refused(draft.line, reason, draft.party.name)
