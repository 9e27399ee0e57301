"""Stripe: Checkout Sessions. https://docs.stripe.com/api/checkout/sessions

A Session is paid once, ends by itself (in 30 minutes to 24 hours) or when told to, and carries our reference. Stripe's
Payment Links are made for a price in a shop's window: one may be paid any number of times unless limited, has no end,
and adds a product to the catalogue. A Session is short-lived, so it is made when the payer taps "pay", never sent.

The key may be a restricted one: Checkout Sessions and Refunds to write, PaymentIntents, Charges and Events to read.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

import stripe

from khata.core import clock
from khata.core.gateway_urls import GatewayUrl
from khata.payments.gateways import reading, signatures
from khata.payments.gateways.amounts import from_gateway, is_taken, to_gateway
from khata.payments.gateways.contract import (
    Event,
    GatewayError,
    GatewayLink,
    LinkRequest,
    LinkState,
    Payment,
    PaymentState,
    State,
)
from khata.payments.gateways.reading import Entity, part, parts, text, text_or_none
from khata.payments.gateways.wire import Wire

# At DEBUG the client writes whole requests and answers; and it reports on this machine with each request.
logging.getLogger("stripe").setLevel(logging.WARNING)
stripe.enable_telemetry = False

# Decimals where they are not two: https://docs.stripe.com/currencies. UGX stands in Stripe's list of those without any,
# but its special cases say of UGX and ISK that 5 are sent as 500. IQD is not taken; ISO 4217 and CLDR differ on it.
DECIMALS = (
    dict.fromkeys("BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(), 0)
    | dict.fromkeys("BHD JOD KWD OMR TND".split(), 3)
    | {"IQD": -1}
)
SHORTEST, LONGEST = timedelta(minutes=31), timedelta(hours=23, minutes=59)  # 30 minutes and 24 hours, one for the way
PAGE = 100
PAID, FAILED, EXPIRED = (f"checkout.session.{word}" for word in ("completed", "async_payment_failed", "expired"))
PAID_LATE, DECLINED, REFUNDED = (
    "checkout.session.async_payment_succeeded",
    "payment_intent.payment_failed",
    "charge.refunded",
)
EVENTS = [PAID, PAID_LATE, FAILED, EXPIRED, DECLINED, REFUNDED]


class StripeGateway:
    """Checkout Sessions of one Stripe account."""

    name = "stripe"
    takes_partial = False
    origins: tuple[str, ...] = ("https://checkout.stripe.com",)

    def __init__(self, url: GatewayUrl, timeout: tuple[int, int] | None = None) -> None:
        self._webhook_secrets = url.webhook_secrets
        wire = Wire("Stripe", _tag, timeout) if timeout else Wire("Stripe", _tag)
        client = stripe.StripeClient(
            url.key,
            base_addresses={"api": url.api} if url.api else None,
            # Who asks again decides that, with the same idempotency key; a thread must not sleep here.
            max_network_retries=0,
            http_client=_OverTheWire(wire),
        )
        self._api: Any = client.v1

    def takes(self, currency: str) -> bool:
        """True for what it is known to count as we do."""
        return is_taken(currency, DECIMALS)

    def create(self, request: LinkRequest) -> GatewayLink:
        """Make a Session of the whole amount; raises GatewayError, OutcomeUnknown. It ends within a day."""
        now = clock.now()
        reading.check_request(request, now, SHORTEST)
        options = {"idempotency_key": request.idempotency_key}
        session = self._api.checkout.sessions.create(_fields(request, now), options).to_dict()
        with reading.written():
            return GatewayLink(text(session, "id"), text(session, "url"), reading.moment(session, "expires_at"))

    def cancel(self, link_id: str) -> None:
        """End the Session; raises GatewayError where it is paid."""
        try:
            self._api.checkout.sessions.expire(reading.path_id(link_id))
        except GatewayError as error:
            if not error.is_permanent or self.fetch(link_id).state != "expired":
                raise

    def fetch(self, link_id: str) -> LinkState:
        """How the Session stands; raises GatewayError. A cancelled one is "expired": Stripe tells no difference."""
        expand = {"expand": ["payment_intent.latest_charge"]}
        session = self._api.checkout.sessions.retrieve(reading.path_id(link_id), expand).to_dict()
        is_paid = session.get("payment_status") == "paid"
        paid_minor = _minor(session, "amount_total") if is_paid else 0
        intent = session.get("payment_intent")
        payment = _of_intent(intent, session, is_paid) if isinstance(intent, dict) else None
        return LinkState(_state(session, intent), paid_minor, (payment,) if payment else ())

    def list_payments(self, since: datetime, until: datetime) -> Iterator[Payment]:
        """Payments that Stripe's own log of events tells of from `since` (30 days back at most) to `until`.

        Webhooks are made of these events: what one missed is here, a payment that took days and a refund included.
        """
        window = {"gte": reading.seconds(since), "lte": reading.seconds(until)}
        query: Entity = {"created": window, "types": EVENTS, "limit": PAGE}
        while True:
            page = self._api.events.list(query).to_dict()
            found = parts(page, "data")
            for body in found:
                event = _event(body)
                if event and event.payment:
                    yield event.payment
            if not (found and page.get("has_more") is True):
                return
            query["starting_after"] = text(found[-1], "id")

    def refund(self, payment_id: str, amount_minor: int, idempotency_key: str) -> str:
        """Give back `amount_minor`; gives the refund's id. Raises GatewayError, OutcomeUnknown."""
        options = {"idempotency_key": reading.check_key(idempotency_key)}
        # What Stripe counts in follows from the currency, and only the payment knows that.
        intent = self._api.payment_intents.retrieve(reading.path_id(payment_id)).to_dict()
        amount = to_gateway(amount_minor, _currency(intent), DECIMALS)
        fields = {"payment_intent": payment_id, "amount": amount}
        refund = self._api.refunds.create(fields, options).to_dict()
        with reading.written():
            return text(refund, "id")

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> list[Event]:
        """What the webhook tells; raises BadSignature (also for one signed more than 5 minutes ago), Unreadable."""
        signatures.check_with_time(self._webhook_secrets, signatures.header(headers, "Stripe-Signature"), raw_body)
        event = _event(reading.read_object(raw_body))
        return [event] if event else []

    def verify_return(self, query: Mapping[str, str]) -> bool:
        """False: Stripe signs no return."""
        return False


class _OverTheWire(stripe.HTTPClient):
    """Stripe's client with our session, whose errors its own RequestsClient would take for its own."""

    name: ClassVar[str] = "requests"

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def request(
        self, method: str, url: str, headers: Mapping[str, str] | None, post_data: Any = None, **_options: Any
    ) -> tuple[Any, int, Mapping[str, str]]:
        """Body, status and headers of the answer."""
        answer = self._wire.request(method, url, headers=dict(headers or {}), data=post_data)
        return answer.content, answer.status_code, answer.headers

    def close(self) -> None:
        """Close what is open to Stripe."""
        self._wire.close()


def _tag(body: Entity) -> Any:
    error = body.get("error")
    return (error.get("code") or error.get("type")) if isinstance(error, dict) else None


def _fields(request: LinkRequest, now: datetime) -> Entity:
    description = request.description or request.reference
    price = {
        "currency": request.currency.lower(),
        "unit_amount": to_gateway(request.amount_minor, request.currency, DECIMALS),
        "product_data": {"name": description[:250]},
    }
    metadata = {"reference": request.reference}
    # The customer's name and number are not sent: Stripe asks the payer for what it needs.
    fields: Entity = {
        "mode": "payment",
        "line_items": [{"quantity": 1, "price_data": price}],
        "client_reference_id": request.reference,
        "metadata": metadata,
        # Charges and refunds know their payment, and not the Session: so the payment carries the reference too.
        "payment_intent_data": {"metadata": metadata, "description": description[:250]},
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        # The ledger is in the shop's currency: the payer is not offered to pay in another.
        "adaptive_pricing": {"enabled": False},
    }
    if request.expires_at and request.expires_at < now + LONGEST:
        fields["expires_at"] = reading.seconds(request.expires_at)
    return fields


def _currency(entity: Entity) -> str:
    return text(entity, "currency").upper()


def _minor(entity: Entity, name: str) -> int:
    return from_gateway(entity.get(name), _currency(entity), DECIMALS)


def _state(session: Entity, intent: Any) -> State:
    if session.get("payment_status") == "paid":
        return "paid"
    if session.get("status") == "open":
        return "open"
    # Gone through, and the money on its way: with a bank's debit that takes days.
    is_on_its_way = isinstance(intent, dict) and intent.get("status") == "processing"
    return "open" if is_on_its_way else "expired"


def _of_intent(intent: Entity, session: Entity, is_paid: bool) -> Payment | None:
    link_id, reference = text(session, "id"), text_or_none(session, "client_reference_id")
    charge = intent.get("latest_charge")
    if is_paid and isinstance(charge, dict):
        return _of_charge(charge, text(intent, "id"), link_id, reference)
    error = intent.get("last_payment_error")
    if is_paid or not isinstance(error, dict):
        return None
    return _declined(intent, link_id, reference, reading.moment(intent, "created"))


def _of_charge(charge: Entity, payment_id: str, link_id: str | None, reference: str | None) -> Payment:
    amount_minor, refunded_minor = _minor(charge, "amount"), _minor(charge, "amount_refunded")
    state: PaymentState = "refunded" if refunded_minor >= amount_minor else "paid"
    at = reading.moment(charge, "created")
    return Payment(payment_id, link_id, reference, amount_minor, _currency(charge), state, refunded_minor, at, None)


def _declined(intent: Entity, link_id: str | None, reference: str | None, at: datetime) -> Payment:
    said = intent.get("last_payment_error")
    error = reading.short_code(said.get("decline_code") or said.get("code")) if isinstance(said, dict) else None
    amount_minor = _minor(intent, "amount")
    return Payment(
        text(intent, "id"), link_id, reference, amount_minor, _currency(intent), "failed", 0, at, error or "failed"
    )


def _event(body: Entity) -> Event | None:
    """What an event tells, by webhook or from the log; None for what is not of a link of ours."""
    kind = text(body, "type")
    if kind not in EVENTS:
        return None
    read = _payment_event if kind in (DECLINED, REFUNDED) else _session_event
    return read(text(body, "id"), kind, part(body, "data", "object"), reading.moment(body, "created"))


def _payment_event(id_: str, kind: str, entity: Entity, at: datetime) -> Event | None:
    metadata = entity.get("metadata")
    reference = text_or_none(metadata, "reference") if isinstance(metadata, dict) else None
    if reference is None:
        return None
    if kind == REFUNDED:
        payment = _of_charge(entity, text(entity, "payment_intent"), None, reference)
    else:
        payment = _declined(entity, None, reference, at)
    return Event(id_, kind, payment, None, reference, None, at)


def _session_event(id_: str, kind: str, session: Entity, at: datetime) -> Event | None:
    link_id, reference = text(session, "id"), text_or_none(session, "client_reference_id")
    if session.get("mode") != "payment" or reference is None:
        return None
    is_paid = kind in (PAID, PAID_LATE) and session.get("payment_status") == "paid"
    payment = None
    if is_paid or kind == FAILED:
        state: PaymentState = "paid" if is_paid else "failed"
        payment = Payment(
            id=text(session, "payment_intent"),
            link_id=link_id,
            reference=reference,
            amount_minor=_minor(session, "amount_total"),
            currency=_currency(session),
            state=state,
            refunded_minor=0,
            at=at,
            error=None if is_paid else "failed",
        )
    link_state: State = "paid" if is_paid else "open" if kind == PAID else "expired"
    return Event(id_, kind, payment, link_id, reference, link_state, at)
