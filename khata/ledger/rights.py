"""Which entries a member sees and may change, by their permissions and by who wrote them when."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from khata.core.actor import Actor
from khata.errors import NotFound
from khata.ledger import history, queries


def sees_entry(actor: Actor, permissions: frozenset[str], entry_id: UUID, time_zone: str) -> bool:
    """True where the member may see the entry: any, or what they wrote themself today on the shop's clock."""
    return "see_balances" in permissions or history.is_own_of_today(actor, entry_id, time_zone)


def seen_entry(actor: Actor, permissions: frozenset[str], entry_id: UUID, time_zone: str) -> Any:
    """The entry with this id; raises NotFound, also where it is not for this member's eyes."""
    entry = queries.get_entry(actor.shop_id, entry_id)
    if not sees_entry(actor, permissions, entry_id, time_zone):
        raise NotFound
    return entry


def changes_entry(actor: Actor, permissions: frozenset[str], entry_id: UUID, time_zone: str) -> bool:
    """True where the member may change the entry: any, or their own of today."""
    if "edit_entries" in permissions:
        return True
    return "edit_own_today" in permissions and history.is_own_of_today(actor, entry_id, time_zone)


def replaces_photo(actor: Actor, permissions: frozenset[str], entry_id: UUID, time_zone: str) -> bool:
    """True where the member may give the entry another photo: who sees it and may change it."""
    sees = sees_entry(actor, permissions, entry_id, time_zone)
    return sees and changes_entry(actor, permissions, entry_id, time_zone)


def adds_photo(actor: Actor, permissions: frozenset[str], entry_id: UUID, time_zone: str) -> bool:
    """True where the member may give the entry its first photo: who may change it, and its writer on whatever day.

    A photo comes after its entry, once there is a network again: to who wrote at night, on the next day. It belongs to
    what they recorded, and takes nothing away that was written.
    """
    return history.is_own(actor, entry_id) or replaces_photo(actor, permissions, entry_id, time_zone)
