"""What customers say on their page, and what the shop makes of it."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.errors import Conflict, NotFound, TooMany, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.ledger import actions as ledger
from khata.ledger.models import GOT
from khata.parties.due import promise
from khata.parties.queries import where_it_went
from khata.payments import queries
from khata.payments.models import CONFIRMED, DECLINED, OPEN, PAID, PROMISE, Claim

MOST_OPEN = 5  # of one party: whoever has the link can write here


class TooManyClaims(TooMany):
    """The shop has not looked at the last ones yet."""

    code = "too_many_claims"
    message = _("The shop has not looked at your last messages yet. Please wait, or call.")


class Decided(Conflict):
    """Somebody of the shop has said the opposite already."""

    code = "claim_decided"


class Said(NamedTuple):
    """What a customer says: `amount_minor` of a payment, `entry_id` of an entry that is wrong, the day of a promise."""

    kind: str
    amount_minor: int | None = None
    reference: str = ""
    entry_id: UUID | None = None
    note: str = ""
    promised_on: date | None = None


def make_claim(shop_id: UUID, party_id: UUID, claim_id: UUID, said: Said) -> None:
    """Put what a customer says before the shop; the same again changes nothing.

    Raises WrittenOtherwise for other words under the same id, TooManyClaims.
    """
    journal.lock(shop_id)
    before = queries.claim_by_id(shop_id, claim_id)
    if before is not None:
        if before.party_id != party_id or said != Said(*(getattr(before, name) for name in Said._fields)):
            raise WrittenOtherwise
        return
    if queries.count_open(shop_id, party_id) >= MOST_OPEN:
        raise TooManyClaims
    facts: dict[str, Any] = {"kind": said.kind, "party_id": party_id.hex, "amount_minor": said.amount_minor}
    facts["due_on"] = said.promised_on and said.promised_on.isoformat()
    journal.record(Actor(shop_id, None), Event("pay.claimed", claim_id, facts))
    now = clock.now()
    db.session.add(Claim(shop_id=shop_id, id=claim_id, party_id=party_id, state=OPEN, created_at=now, **said._asdict()))
    db.session.flush()


def confirm(actor: Actor, claim_id: UUID, today: date) -> UUID:
    """The shop says so, too: a payment becomes one entry of the claim's own id, a promised day the due day.

    Gives the party. Again it changes nothing. Raises NotFound, Decided where it was declined, and what writing an
    entry or a promise raises.
    """
    claim = _locked(actor, claim_id)
    if claim.state == DECLINED:
        raise Decided
    if claim.state == CONFIRMED:
        return claim.party_id
    party_id: UUID = where_it_went(actor.shop_id, claim.party_id).id
    if claim.kind == PAID and claim.amount_minor:
        note = " ".join(part for part in (claim.reference, claim.note) if part)
        ledger.record_entry(actor, party_id, claim.id, ledger.Content(GOT, claim.amount_minor, today, note))
        claim.entry_id = claim.id
    if claim.kind == PROMISE and claim.promised_on:
        promise(actor, party_id, claim.promised_on)
    _decide(actor, claim, CONFIRMED)
    return party_id


def decline(actor: Actor, claim_id: UUID) -> UUID:
    """The shop says otherwise. Gives the party. Raises NotFound, Decided where it was confirmed."""
    claim = _locked(actor, claim_id)
    if claim.state == CONFIRMED:
        raise Decided
    if claim.state == OPEN:
        _decide(actor, claim, DECLINED)
    return where_it_went(actor.shop_id, claim.party_id).id  # type: ignore[no-any-return]


def _locked(actor: Actor, claim_id: UUID) -> Claim:
    journal.lock(actor.shop_id)
    claim = db.session.get(Claim, (actor.shop_id, claim_id), populate_existing=True)
    if claim is None:
        raise NotFound
    return claim


def _decide(actor: Actor, claim: Claim, state: str) -> None:
    facts = {"party_id": claim.party_id.hex, "amount_minor": claim.amount_minor}
    journal.record(actor, Event(f"pay.{state}", claim.id, facts))
    claim.state, claim.decided_at, claim.decided_by = state, clock.now(), actor.member_id
    db.session.flush()
