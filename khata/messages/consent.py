"""What parties agreed to: said by the shop for them, taken back by themselves."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages.models import Consent

BY_SHOP, BY_PAGE, BY_REPLY = "shop", "page", "reply"
CONSENTS = Consent.__table__


def given(shop_id: UUID, party_id: UUID) -> set[str]:
    """The channels that the party agreed to."""
    query = sa.select(Consent.channel).where(Consent.shop_id == shop_id, Consent.party_id == party_id, Consent.is_given)
    return set(db.session.scalars(query))


def refused(shop_id: UUID, party_id: UUID) -> set[str]:
    """The channels that the party itself has stopped: the shop can't agree for it any more."""
    query = sa.select(Consent.channel).where(
        Consent.shop_id == shop_id, Consent.party_id == party_id, ~Consent.is_given, Consent.told_by != BY_SHOP
    )
    return set(db.session.scalars(query))


def agree(actor: Actor, party_id: UUID, channels: set[str]) -> None:
    """Keep what the shop says the party agreed to: these channels and no others, but none that it has stopped."""
    journal.lock(actor.shop_id)
    channels = channels - refused(actor.shop_id, party_id)
    before = given(actor.shop_id, party_id)
    for channel in sorted(channels ^ before):
        _write(actor, party_id, channel, is_given=channel in channels, told_by=BY_SHOP)


def stop(shop_id: UUID, party_id: UUID, channels: set[str], told_by: str) -> None:
    """The party wants no more by these channels."""
    journal.lock(shop_id)
    for channel in sorted(channels - refused(shop_id, party_id)):
        _write(Actor(shop_id, None), party_id, channel, is_given=False, told_by=told_by)


def _write(actor: Actor, party_id: UUID, channel: str, *, is_given: bool, told_by: str) -> None:
    facts = {"party_id": party_id.hex, "channel": channel, "kind": "given" if is_given else "stopped"}
    journal.record(actor, Event("pay.consent", party_id, facts))
    values = {"is_given": is_given, "told_by": told_by, "changed_at": clock.now()}
    row = {"shop_id": actor.shop_id, "party_id": party_id, "channel": channel, **values}
    insert = postgresql.insert(CONSENTS).values(**row)
    db.session.execute(insert.on_conflict_do_update(index_elements=["shop_id", "party_id", "channel"], set_=values))
