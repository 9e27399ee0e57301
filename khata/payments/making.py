"""A request's talk with its gateway, in steps: what is known is committed before, and no database session waits."""

from __future__ import annotations

from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core.actor import Actor
from khata.core.db import transaction
from khata.core.ids import derived_id
from khata.errors import Conflict, KhataError
from khata.payments import collecting, gateway_queries, taking
from khata.payments.gateways.contract import Gateway, GatewayError, GatewayLink, LinkRequest, OutcomeUnknown
from khata.payments.models import CANCELLED, EXPIRED, OPEN, PAID, PARTLY


class GatewayFailed(KhataError):
    """The gateway did not do it; it may be asked again."""

    code = "gateway_failed"
    status = 502
    message = _("The bank’s side did not answer as it should. Try again in a minute, or another way.")


class GatewayRefused(GatewayFailed):
    """The gateway won't, however often it is asked."""

    code = "gateway_refused"
    status = 422
    message = _("The bank’s side does not take this. Pay another amount, or another way.")


class IsPaid(Conflict):
    """A link that was paid can't be taken back."""

    code = "is_paid"
    message = _("This was paid already. Give it back instead.")


class NothingLeft(Conflict):
    """All of the payment went back already."""

    code = "nothing_left"
    message = _("All of this payment went back already.")


def make_link(gateway: Gateway, shop_id: UUID, request_id: UUID, secret: str, public_url: str) -> str:
    """Let the gateway make the request's link, and give its address; raises GatewayFailed, Ended.

    An outcome that nobody knows is asked for again under the same reference and key: it is made once.
    """
    own = collecting.Installation(secret, public_url, gateway.takes_partial)
    with transaction():
        words = collecting.words_for_gateway(shop_id, request_id, own)
        if words is None:
            known = gateway_queries.get_request(shop_id, request_id)
            if known.ended_at is not None or not known.url:
                raise collecting.Ended
            return str(known.url)
    try:
        link = _create(gateway, words)
    except GatewayError as error:
        if not error.is_permanent or isinstance(error, OutcomeUnknown):
            raise GatewayFailed from None
        with transaction():
            collecting.not_made(shop_id, request_id, error.code)
        raise GatewayRefused from None
    with transaction():
        return collecting.made(shop_id, request_id, link)


def _create(gateway: Gateway, words: LinkRequest) -> GatewayLink:
    try:
        return gateway.create(words)
    except OutcomeUnknown:
        return gateway.create(words)


def cancel(gateway: Gateway | None, actor: Actor, request_id: UUID) -> None:
    """Take a request back. Again it changes nothing. Raises NotFound, BeingMade, IsPaid, GatewayFailed."""
    with transaction():
        row = gateway_queries.get_request(actor.shop_id, request_id)
        link_id, is_over = row.link_id, row.ended_at is not None
    if is_over:
        return
    if link_id is None or gateway is None:
        raise collecting.BeingMade if gateway is not None else GatewayFailed
    try:
        gateway.cancel(link_id)
    except GatewayError as error:
        if error.is_permanent and not isinstance(error, OutcomeUnknown) and look(gateway, actor.shop_id, request_id):
            raise IsPaid from None
        raise GatewayFailed from None
    with transaction():
        collecting.end(actor, request_id, CANCELLED)


def look(gateway: Gateway, shop_id: UUID, request_id: UUID, *, is_over: bool = False) -> bool:
    """Ask the gateway how a request's link stands and take that; True where something was paid.

    `is_over` says that its time is up: then it is closed, too. Raises GatewayFailed.
    """
    with transaction():
        row = gateway_queries.get_request(shop_id, request_id)
        link_id, reference = row.link_id, row.reference
    if link_id is not None:
        try:
            found = gateway.fetch(link_id)
        except GatewayError:
            raise GatewayFailed from None
        told = [taking.Told(payment, None, reference, link_id) for payment in found.payments]
        with transaction():
            taking.take_all(gateway, [*told, taking.Told(None, found.state, reference, link_id)])
    with transaction():
        row = gateway_queries.get_request(shop_id, request_id)
        if is_over and row.state in (OPEN, PARTLY):
            collecting.end(Actor(shop_id, None), request_id, EXPIRED)
        return row.state in (PAID, PARTLY)


def give_back(gateway: Gateway | None, actor: Actor, payment_id: UUID) -> None:
    """Give all that is left of a payment back. The key follows from what went back before: twice is once.

    Raises NotFound, NothingLeft, GatewayFailed.
    """
    with transaction():
        row = gateway_queries.get_payment(actor.shop_id, payment_id)
        left, before, theirs = row.amount_minor - row.refunded_minor, row.refunded_minor, row.payment_id
        is_paid = row.state == PAID
        if is_paid and left and gateway is not None:
            taking.ask_back(actor, payment_id, left)
    if not is_paid or not left:
        raise NothingLeft
    if gateway is None:
        raise GatewayFailed
    key = derived_id(payment_id, f"refund from {before} by {actor.shop_id.hex}").hex
    try:
        gateway.refund(theirs, left, key)
    except GatewayError:
        raise GatewayFailed from None
    with transaction():
        taking.went_back(actor.shop_id, payment_id, before + left)
