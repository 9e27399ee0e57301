"""Remind a party."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core.actor import Actor
from khata.errors import Invalid
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.messages import actions as messages
from khata.parties import queries as parties
from khata.reminders import instalments
from khata.reminders.queries import REMINDER

WHATSAPP, SMS = "whatsapp", "sms"
BY_HAND = (WHATSAPP, SMS)


class NothingOwed(Invalid):
    """The party owes nothing, so there is nothing to remind of."""

    code = "nothing_owed"
    message = _("Nothing is open here any more.")


class ByHand(NamedTuple):
    """A reminder that a member sends from their own phone: which way, to which number, in which words."""

    channel: str
    recipient: str
    body: str
    lang: str


def remind_by_hand(actor: Actor, message_id: UUID, party_id: UUID, sent: ByHand, today: date) -> None:
    """Write down that the party was reminded; the same id again changes nothing.

    Raises NotFound, NothingOwed, and Invalid for a deleted party.
    """
    journal.lock(actor.shop_id)
    party = parties.get_party(actor.shop_id, party_id)
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")
    if party.balance_minor <= 0:
        raise NothingOwed
    asked_minor = instalments.asked_minor(actor.shop_id, party, today)
    to_party = messages.ToParty(REMINDER, party_id, asked_minor, **sent._asdict())
    if messages.keep_sent_by_hand(actor, message_id, to_party):
        facts = {"party_id": party_id.hex, "amount_minor": asked_minor, "channel": sent.channel}
        journal.record(actor, Event("pay.reminded", message_id, facts))
