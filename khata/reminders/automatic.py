"""Messages that go to parties without anybody's hand: queued, and made ready when they go out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID

from khata.accounts import queries as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.ids import derived_id
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages import actions as messages
from khata.messages import consent
from khata.messages.actions import Later, Place, Queued, Skip
from khata.messages.channels import Outgoing, Template
from khata.messages.preparing import prepared_by
from khata.parties import queries as parties
from khata.payments import links
from khata.reminders import queries, wording
from khata.reminders.queries import RECEIPT, REMINDER

QUIET_FROM, QUIET_TO = time(21), time(10)  # on the shop's clock; nobody is written to in between
MOST_A_DAY, MOST_A_WEEK = 1, 3  # reminders to one party
HOLDS = timedelta(days=3)  # what could not go out for so long is no longer true


def queue(actor: Actor, batch_id: UUID, party_ids: Iterable[UUID], channel: str, due_at: datetime) -> int:
    """Queue a reminder for each party at `due_at`; the same batch again queues nothing. Gives how many are new."""
    journal.lock(actor.shop_id)
    places = [Place(derived_id(batch_id, party_id.hex), party_id) for party_id in party_ids]
    new = messages.queue_for_parties(actor, places, Queued(REMINDER, channel, due_at, due_at + HOLDS))
    if new:
        journal.record(actor, Event("pay.queued", batch_id, {"count": new, "channel": channel}))
    return new


@prepared_by(REMINDER, RECEIPT)
def prepare(row: Any, secret: str, public_url: str) -> Outgoing | Skip | Later:
    """What goes out of a claimed message to a party, by how things are now.

    Nothing is sent to who owes nothing any more, agreed to nothing, is gone, or was reminded enough.
    """
    shop = accounts.shop_by_id(row.shop_id)
    party = parties.where_it_went(row.shop_id, row.party_id)
    if shop is None or shop.erase_at is not None or party.deleted_at is not None:
        return Skip("deleted")
    if row.kind == REMINDER and party.balance_minor <= 0:
        return Skip("settled")
    if not party.phone:
        return Skip("no address")
    if row.channel not in consent.given(shop.id, party.id):
        return Skip("no consent")
    later = after_quiet_hours(clock.now(), shop.time_zone)
    if later is not None:
        return Skip("quiet hours") if row.expires_at and later >= row.expires_at else Later(later)
    if row.kind == REMINDER and (reason := _enough(shop, party.id)) is not None:
        return Skip(reason)
    return _outgoing(row, shop, party, secret, public_url)


def _enough(shop: Any, party_id: UUID) -> str | None:
    now = clock.now()
    today = clock.start_of(clock.today(shop.time_zone), shop.time_zone)
    if queries.count_reminders(shop.id, party_id, today) >= MOST_A_DAY:
        return "duplicate"
    return "cap" if queries.count_reminders(shop.id, party_id, now - timedelta(days=7)) >= MOST_A_WEEK else None


def after_quiet_hours(now: datetime, time_zone: str) -> datetime | None:
    """When the quiet hours that it is now are over; None where it is not quiet."""
    local = clock.local(now, time_zone)
    if QUIET_TO <= local.time() < QUIET_FROM:
        return None
    day = local.date() + timedelta(days=1 if local.time() >= QUIET_FROM else 0)
    return clock.moment(day, QUIET_TO, time_zone)


def _outgoing(row: Any, shop: Any, party: Any, secret: str, public_url: str) -> Outgoing:
    lang = party.lang or queries.lang_of(shop.id, row.member_id)
    actor = Actor(shop.id, row.member_id, row.device_id)
    token = links.ensure_link(actor, secret, party.id, lang)
    link = f"{public_url}/pay/{token}"
    said = wording.words(row.kind, party, shop, lang, link, entry=queries.entry_of(row))
    kept = {"recipient": party.phone, "body": said.text, "lang": lang, "amount_minor": party.balance_minor}
    messages.write_down(shop.id, row.id, **kept)
    template = Template(row.kind, tuple(said.values.items()), button=token)
    return Outgoing(str(row.id), row.channel, party.phone, said.text, "", lang, template, link)
