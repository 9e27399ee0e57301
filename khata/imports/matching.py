"""Who a line is about and whether it is in the ledger already. Reads only: the preview and the writing ask alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from khata.errors import Invalid
from khata.imports.drafts import Draft
from khata.imports.readers import Refused
from khata.ledger.models import Entry, PartyDay
from khata.parties.models import Party

PARTIES, ENTRIES, DAYS = Party.__table__, Entry.__table__, PartyDay.__table__
KNOWN = (
    PARTIES.c.id,
    PARTIES.c.name,
    PARTIES.c.sort_name,
    PARTIES.c.phone,
    PARTIES.c.balance_minor,
    PARTIES.c.deleted_at,
    PARTIES.c.merged_into,
)


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


class Matcher:
    """Matches the chunks of one file, in order, against the ledger and against the file's earlier lines."""

    def __init__(self, shop_id: UUID, today: date, salt: str = "") -> None:
        self.shop_id, self.today, self.salt = shop_id, today, salt
        self._counts: dict[bytes, int] = {}  # how often each content stood so far
        self._fresh_ids: set[UUID] = set()
        self._fresh_by_phone: dict[str, UUID] = {}
        self._fresh_by_name: dict[str, list[_Fresh]] = {}
        self._opened: set[UUID] = set()  # parties whose opening balance the file has given
        self._named_entries: set[UUID] = set()

    def match(self, chunk: Iterable[Draft | Refused]) -> Matched:
        """Find the place of each line of the next chunk."""
        matched = Matched([], [])
        drafts: list[tuple[Draft, UUID | None]] = []
        for each in chunk:
            if isinstance(each, Refused):
                matched.refused.append(each)
            else:
                drafts.append((each, self._entry_id(each)))
        found = self._found([draft.party for draft, _entry_id in drafts])
        placed: list[tuple[Draft, UUID, UUID | None, bool]] = []
        for draft, entry_id in drafts:
            try:
                placed.append((draft, *self._party(draft.party, found), entry_id)[:3] + (False,))  # type: ignore[arg-type]
            except Invalid as wrong:
                matched.refused.append(Refused(draft.line, wrong.message, draft.party.name))
        return matched
