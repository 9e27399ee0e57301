"""Asking a party for money through a gateway: the request is written down first, then the gateway makes its link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from khata.accounts import queries as accounts
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db
from khata.core.ids import derived_id
from khata.errors import Conflict, NotFound, TooMany, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal.actions import Event
from khata.parties.queries import where_it_went
from khata.payments import links
from khata.payments.gateways.contract import GatewayLink, LinkRequest
from khata.payments.models import FAILED, OPEN, PaymentRequest

MOST_OPEN = 5  # of one party: whoever has the link can ask here, and each asks the gateway
HOLDS = timedelta(hours=6)  # how long a gateway's link may be paid; Stripe wants half an hour to a day
KEPT_IN_MIND = timedelta(days=2)  # no gateway's link holds longer
AGAIN = timedelta(minutes=30)  # with so much left, the link of before is given again
COME_BACK = "back"  # what the address says where the payer comes back to: no payment


class TooManyRequests(TooMany):
    """Several payments were begun and none was finished."""

    code = "too_many_requests"
    message = _("Several payments were begun and not finished. Please wait a while, or pay another way.")


class Ended(Conflict):
    """The request is over: paid, expired or taken back."""

    code = "request_ended"
    message = _("This payment is over. Look at the page again.")


class BeingMade(Conflict):
    """The gateway has not answered yet."""

    code = "being_made"
    message = _("The bank’s side has not answered yet. Try again in a minute.")


class Asked(NamedTuple):
    """What a party is to be asked for."""

    gateway: str
    amount_minor: int
    currency: str


class Installation(NamedTuple):
    """What of this installation goes into a link: the secret of its tokens, its address, what the gateway can do."""

    secret: str
    public_url: str
    takes_partial: bool


class Place(NamedTuple):
    """Which request, and where the payer goes, once the gateway has said so."""

    request_id: UUID
    url: str


def ask(actor: Actor, party_id: UUID, request_id: UUID, asked: Asked) -> Place:
    """Write down what is asked. The same id again is the same request; so is one like it that still holds.

    Raises WrittenOtherwise for another amount under the id, Ended, TooManyRequests.
    """
    journal.lock(actor.shop_id)
    row = db.session.get(PaymentRequest, (actor.shop_id, request_id), populate_existing=True)
    if row is not None:
        if (row.party_id, *(getattr(row, name) for name in Asked._fields)) != (party_id, *asked):
            raise WrittenOtherwise
        if row.ended_at is not None:
            raise Ended
        return Place(row.id, row.url)
    now = clock.now()
    begun = _begun(actor.shop_id, party_id)
    for one in begun:
        is_like_it = one.state == OPEN and Asked(one.gateway, one.amount_minor, one.currency) == asked
        if is_like_it and one.url and one.expires_at > now + AGAIN:
            return Place(one.id, one.url)
    if sum(one.expires_at > now for one in begun) >= MOST_OPEN:
        raise TooManyRequests
    facts = {"party_id": party_id.hex, "amount_minor": asked.amount_minor, "gateway": asked.gateway}
    journal.record(actor, Event("pay.asked", request_id, facts))
    row = PaymentRequest(shop_id=actor.shop_id, id=request_id, party_id=party_id, **asked._asdict())
    row.reference = derived_id(actor.shop_id, f"payment request {request_id.hex}").hex
    row.state, row.url, row.error, row.member_id = OPEN, "", "", actor.member_id
    row.made_at, row.expires_at = now, now + HOLDS
    db.session.add(row)
    db.session.flush()
    return Place(request_id, "")


def _begun(shop_id: UUID, party_id: UUID) -> list[PaymentRequest]:
    """Those that were begun and not finished, newest first; what a gateway refused counts, as it was asked."""
    query = sa.select(PaymentRequest).where(
        PaymentRequest.shop_id == shop_id,
        PaymentRequest.party_id == party_id,
        PaymentRequest.ended_at.is_(None) | (PaymentRequest.state == FAILED),
        PaymentRequest.made_at > clock.now() - KEPT_IN_MIND,
    )
    return list(db.session.scalars(query.order_by(PaymentRequest.made_at.desc())))


def words_for_gateway(shop_id: UUID, request_id: UUID, own: Installation) -> LinkRequest | None:
    """What the gateway is to make a link of; None where there is nothing to make any more."""
    row = db.session.get(PaymentRequest, (shop_id, request_id))
    shop = accounts.shop_by_id(shop_id)
    if row is None or shop is None or row.link_id is not None or row.ended_at is not None:
        return None
    party = where_it_went(shop_id, row.party_id)
    token = links.token_for(own.secret, shop_id, row.party_id) or links.token_for(own.secret, shop_id, party.id)
    return LinkRequest(
        reference=row.reference,
        amount_minor=row.amount_minor,
        currency=row.currency,
        description=shop.name,
        customer_name=party.name,
        customer_phone=party.phone,
        accepts_partial=own.takes_partial,
        expires_at=row.expires_at,
        return_url=f"{own.public_url}/pay/{token}?said={COME_BACK}" if token else own.public_url,
        idempotency_key=row.reference,
    )


def made(shop_id: UUID, request_id: UUID, link: GatewayLink) -> str:
    """The gateway has made its link: keep it, and give where the payer goes. Again it changes nothing."""
    journal.lock(shop_id)
    row = db.session.get(PaymentRequest, (shop_id, request_id), populate_existing=True)
    if row is None:
        raise NotFound
    row.link_id, row.url = link.id, link.url
    if link.expires_at is not None:
        row.expires_at = link.expires_at
    db.session.flush()
    return link.url


def not_made(shop_id: UUID, request_id: UUID, code: str) -> None:
    """The gateway has refused to make a link, for good."""
    journal.lock(shop_id)
    row = db.session.get(PaymentRequest, (shop_id, request_id), populate_existing=True)
    if row is not None and row.state == OPEN and row.link_id is None and row.ended_at is None:
        row.error = code[:64]
        _end(Actor(shop_id, None), row, FAILED, "pay.not_made")


def end(actor: Actor, request_id: UUID, state: str) -> None:
    """The link is over, by its time (EXPIRED) or because the shop took it back (CANCELLED). Raises NotFound."""
    journal.lock(actor.shop_id)
    row = db.session.get(PaymentRequest, (actor.shop_id, request_id), populate_existing=True)
    if row is None:
        raise NotFound
    if row.ended_at is None:
        _end(actor, row, state if row.state == OPEN else row.state, f"pay.{state}")


def _end(actor: Actor, row: Any, state: str, kind: str) -> None:
    facts = {"party_id": row.party_id.hex, "amount_minor": row.amount_minor, "gateway": row.gateway}
    journal.record(actor, Event(kind, row.id, facts))
    row.state, row.ended_at = state, clock.now()
    db.session.flush()
