"""What the member of this request may see of a party's book.

Who may not see balances finds a customer and writes an entry: of the book they see what they wrote themself today.
What would tell the rest is not put into the page at all.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import g

from khata.accounts.queries import member_names
from khata.ledger import forms, history, queries, rights
from khata.web.auth import may


def entry(entry_id: UUID) -> Any:
    """The entry with this id; raises NotFound, also where it is not for this member's eyes."""
    return rights.seen_entry(g.actor, g.permissions, entry_id, g.shop.time_zone)


def sees_entry(entry_id: UUID) -> bool:
    """True where the member may see the entry of this id."""
    return rights.sees_entry(g.actor, g.permissions, entry_id, g.shop.time_zone)


def sees_photo(photo_id: UUID) -> bool:
    """True where the member may see the photo of a bill."""
    return may("see_balances") or history.is_on_own_of_today(g.actor, photo_id, g.shop.time_zone)


def book(party: Any, before: str | None = None) -> dict[str, Any]:
    """A page of the party's entries, the newest or those `before` a place; raises NotFound for no such place."""
    page = _page(party, before)
    gone = [line.deleted_by for line in page.entries if line.deleted_at is not None]
    names: dict[Any, str] = {**member_names(g.shop.id, gone)} if gone else {}
    older = (
        forms.with_query(f"/parties/{party.id}", before=forms.spell_entry_cursor(page.older)) if page.older else None
    )
    entries = [_Named(line, names.get(line.deleted_by, "")) for line in page.entries] if gone else page.entries
    return {"party": party, "entries": entries, "older_url": older, "folded": page.folded}


def _page(party: Any, before: str | None) -> queries.EntryPage:
    if not may("see_balances"):
        return history.own_of_today(g.actor, party.id, g.shop.time_zone)
    if before:
        return queries.older_entries(g.shop.id, party, forms.entry_cursor(before))
    return queries.newest_entries(g.shop.id, party)


class _Named:
    """An entry's line with the name of who deleted it."""

    def __init__(self, line: queries.EntryLine, deleted_by_name: str) -> None:
        self._line = line
        self.deleted_by_name = deleted_by_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._line, name)
