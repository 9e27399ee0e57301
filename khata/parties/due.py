"""The day by which a party is to pay: promised, moved on by instalments, gone with the debt."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.core.actor import Actor
from khata.core.db import db
from khata.errors import Invalid
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.parties import queries
from khata.parties.models import Party

PARTIES = Party.__table__
PROMISED, DUE, NOT_DUE = "party.promised", "party.due", "party.not_due"


class NothingToPromise(Invalid):
    """The party owes nothing, so no day can be promised."""

    code = "nothing_owed"
    message = _("Nothing is open here any more.")


class InParts(Invalid):
    """The party pays by instalments, and they say when."""

    code = "in_parts"
    message = _("This is paid in instalments. They say when it is due.")


def promise(actor: Actor, party_id: UUID, day: date) -> None:
    """Write the day that a party promised; the same day again changes nothing.

    Raises NotFound, NothingToPromise, InParts, and Invalid for a deleted party.
    """
    journal.lock(actor.shop_id)
    party = queries.get_party(actor.shop_id, party_id)
    if party.deleted_at is not None:
        raise Invalid(_("%(name)s was deleted. Bring them back first.", name=party.name), "party_deleted")
    if party.balance_minor <= 0:
        raise NothingToPromise
    if party.has_plan:
        raise InParts
    set_due(actor, party_id, day, PROMISED)


def forget_promise(actor: Actor, party_id: UUID) -> None:
    """The party has no day any more; raises NotFound, InParts."""
    journal.lock(actor.shop_id)
    if queries.get_party(actor.shop_id, party_id).has_plan:
        raise InParts
    set_due(actor, party_id, None)


def set_due(actor: Actor, party_id: UUID, due_on: date | None, kind: str = DUE) -> None:
    """Set or clear the party's due day, with a line of the journal; what it is already changes nothing."""
    party = queries.get_party(actor.shop_id, party_id)
    if party.due_on == due_on:
        return
    facts = {"due_on": due_on and due_on.isoformat()}
    journal.record(actor, Event(kind if due_on else NOT_DUE, party_id, facts))
    _change(actor.shop_id, party_id, due_on=due_on)


def set_has_plan(shop_id: UUID, party_id: UUID, has_plan: bool) -> None:
    """Say whether instalments keep the party's due day: the row only, the plan has its own line."""
    _change(shop_id, party_id, has_plan=has_plan)


def _change(shop_id: UUID, party_id: UUID, **values: object) -> None:
    row = sa.update(PARTIES).where(PARTIES.c.shop_id == shop_id, PARTIES.c.id == party_id)
    db.session.execute(row.values(**values))
