"""Ask that a shop or an account be deleted, and change one's mind."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from khata.accounts.queries import member_by_id, member_names
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import across_shops
from khata.errors import Forbidden, NotFound
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.privacy import queries
from khata.privacy.queries import Place

CHANGE_OF_MIND = timedelta(days=30)


def close_shop(actor: Actor) -> None:
    """Let the shop be deleted in 30 days; raises Forbidden for who is no owner."""
    journal.lock(actor.shop_id)
    member = member_by_id(actor.shop_id, actor.member_id) if actor.member_id else None
    if member is None or member.role != "owner":
        raise Forbidden
    close(actor, clock.now() + CHANGE_OF_MIND)


def close(actor: Actor, erase_at: datetime) -> None:
    """Let the shop be deleted at `erase_at`; what was said before holds."""
    shop = queries.shop_by_id(actor.shop_id)
    if shop.erase_at is None:
        journal.record(actor, Event("shop.closing", actor.shop_id, {"erase_at": erase_at.isoformat()}))
        shop.erase_at = erase_at


def keep_shop(actor: Actor) -> None:
    """The shop stays after all; raises NotFound where its erasing has begun."""
    journal.lock(actor.shop_id)
    if actor.member_id is None or member_by_id(actor.shop_id, actor.member_id) is None:
        raise NotFound
    _keep(actor)


def _keep(actor: Actor) -> None:
    shop = queries.shop_by_id(actor.shop_id)
    if shop.erase_at is not None:
        journal.record(actor, Event("shop.kept", actor.shop_id, {}))
        shop.erase_at = None


def leave(person_id: UUID, device_id: UUID | None) -> None:
    """Let the account be deleted in 30 days, with the shops that have no other owner; each of the shops hears it."""
    with across_shops():
        places = locked_places(person_id)
        person = queries.person_by_id(person_id)
        if person.erase_at is not None:
            return
        person.erase_at = clock.now() + CHANGE_OF_MIND
        for place in places:
            _tell(place, device_id, "member.leaving")
            if place.is_only_owner:
                close(Actor(place.shop_id, place.member_id, device_id), person.erase_at)


def stay(person_id: UUID, device_id: UUID | None) -> None:
    """The account stays after all, with the shops that were to go with it. Raises NotFound where it is too late."""
    with across_shops():
        places = locked_places(person_id)
        person = queries.person_by_id(person_id)
        if person is None or person.phone is None:
            raise NotFound
        for place in places if person.erase_at is not None else ():
            _tell(place, device_id, "member.staying")
            if place.erase_at == person.erase_at:
                _keep(Actor(place.shop_id, place.member_id, device_id))
        person.erase_at = None


def locked_places(person_id: UUID) -> list[Place]:
    """Where the person works, read again once nobody else can change it."""
    for place in queries.places_of(person_id):
        journal.lock(place.shop_id)
    return queries.places_of(person_id)


def _tell(place: Place, device_id: UUID | None, kind: str) -> None:
    name = member_names(place.shop_id, [place.member_id])[place.member_id]
    journal.record(Actor(place.shop_id, place.member_id, device_id), Event(kind, place.member_id, {"name": name}))
