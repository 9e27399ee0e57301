"""What the shop itself has to pay: once, each week, each month; paid, skipped, ended, and told of once."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.accounts.notices import put_away, tell_owners
from khata.core import clock
from khata.core.actor import Actor
from khata.core.days import day_after
from khata.core.db import db
from khata.core.ids import derived_id
from khata.errors import Conflict, Invalid, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.ledger import actions as ledger
from khata.ledger import queries as ledger_queries
from khata.ledger.models import GAVE
from khata.parties import queries as parties
from khata.reminders import due_queries as queries
from khata.reminders.due_models import ONCE, ScheduledPayment

TO_PAY = "due.to_pay"  # the notice


class MovedOn(Conflict):
    """Somebody paid, skipped or ended it already."""

    code = "moved_on"
    message = _("Somebody of the shop has seen to this already. Look again.")


class Payment(NamedTuple):
    """What is to be paid, to whom, from which day on."""

    party_id: UUID
    amount_minor: int
    every: str
    first_on: date
    note: str = ""


def schedule(actor: Actor, payment_id: UUID, payment: Payment) -> None:
    """Write down what has to be paid; the same again changes nothing.

    Raises NotFound for no such party, WrittenOtherwise for other words under this id, Invalid for a deleted party.
    """
    journal.lock(actor.shop_id)
    party = parties.get_party(actor.shop_id, payment.party_id)
    before = queries.payment_by_id(actor.shop_id, payment_id)
    if before is not None:
        if payment != Payment(*(getattr(before, name) for name in Payment._fields)):
            raise WrittenOtherwise
        return
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")
    facts = {**payment._asdict(), "party_id": payment.party_id.hex, "first_on": payment.first_on.isoformat()}
    journal.record(actor, Event("due.scheduled", payment_id, facts))
    keys = {"shop_id": actor.shop_id, "id": payment_id, "next_on": payment.first_on, "created_at": clock.now()}
    db.session.add(ScheduledPayment(**keys, **payment._asdict()))
    db.session.flush()


def pay(actor: Actor, payment_id: UUID, on: date, today: date, *, in_cash: bool) -> UUID:
    """The payment of day `on` was made: one entry, whose id follows from schedule and day. Gives the party.

    The same again changes nothing. Raises NotFound, MovedOn, and what writing an entry raises.
    """
    row = _locked(actor, payment_id)
    party_id: UUID = parties.where_it_went(actor.shop_id, row.party_id).id
    entry_id = derived_id(row.id, on.isoformat())
    if ledger_queries.entry_by_id(actor.shop_id, entry_id) is not None:
        return party_id
    _require(row, on)
    ledger.record_entry(actor, party_id, entry_id, ledger.Content(GAVE, row.amount_minor, today, row.note, in_cash))
    _move_on(actor, row, "due.paid")
    return party_id


def skip(actor: Actor, payment_id: UUID, on: date) -> None:
    """Leave out the payment of day `on`; the same again changes nothing. Raises NotFound, MovedOn where it was paid."""
    row = _locked(actor, payment_id)
    if ledger_queries.entry_by_id(actor.shop_id, derived_id(row.id, on.isoformat())) is not None:
        raise MovedOn
    if row.next_on is None or row.next_on > on:
        return
    _require(row, on)
    _move_on(actor, row, "due.skipped")


def end(actor: Actor, payment_id: UUID) -> None:
    """Nothing of it is to be paid any more; again it changes nothing. Raises NotFound."""
    row = _locked(actor, payment_id)
    if row.next_on is not None:
        journal.record(actor, Event("due.schedule_ended", row.id, _facts(row)))
        put_away(actor.shop_id, TO_PAY, row.id.hex)
        row.next_on = None
        db.session.flush()


def tell(actor: Actor, payment_id: UUID, today: date, currency: str) -> bool:
    """Let the owners know that it is due, once for each of its days; True where they were told now."""
    row = _locked(actor, payment_id)
    if row.next_on is None or row.next_on > today or row.told_on == row.next_on:
        return False
    journal.record(actor, Event("due.told", row.id, _facts(row)))
    name = parties.where_it_went(actor.shop_id, row.party_id).name
    facts = {"name": name, "amount_minor": row.amount_minor, "currency": currency, "about": row.id.hex}
    tell_owners(actor.shop_id, TO_PAY, facts)
    row.told_on = row.next_on
    db.session.flush()
    return True


def _locked(actor: Actor, payment_id: UUID) -> ScheduledPayment:
    journal.lock(actor.shop_id)
    return queries.get_payment(actor.shop_id, payment_id)


def _require(row: ScheduledPayment, on: date) -> None:
    if row.next_on != on:
        raise MovedOn


def _move_on(actor: Actor, row: ScheduledPayment, kind: str) -> None:
    journal.record(actor, Event(kind, row.id, _facts(row)))
    put_away(actor.shop_id, TO_PAY, row.id.hex)
    row.done += 1
    row.next_on = None if row.every == ONCE else day_after(row.first_on, row.every, row.done)
    db.session.flush()


def _facts(row: ScheduledPayment) -> dict[str, object]:
    due_on = row.next_on and row.next_on.isoformat()
    return {"party_id": row.party_id.hex, "amount_minor": row.amount_minor, "due_on": due_on}
