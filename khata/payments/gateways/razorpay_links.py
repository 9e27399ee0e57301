"""Razorpay: payment links. https://razorpay.com/docs/api/payments/payment-links/

A link's `reference_id` is unique at Razorpay for ever, and that is what makes `create` happen once: a link that is
there already is found again by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import razorpay
from babel.numbers import list_currencies

from khata.core import clock
from khata.core.gateway_urls import GatewayUrl
from khata.core.money import exponent
from khata.payments.gateways import reading, signatures
from khata.payments.gateways.amounts import check_amount, from_gateway, is_taken, to_gateway
from khata.payments.gateways.contract import (
    BadSignature,
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

# Decimals where they are not two: Razorpay counts in the smallest unit of ISO 4217. Where CLDR, which we follow, says
# otherwise (ALL, LAK, RSD, …) an amount could be taken for a hundredfold, so those currencies are refused (-1).
_ISO = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)
_ISO |= dict.fromkeys("BHD JOD KWD OMR TND".split(), 3)
DECIMALS = _ISO | {code: -1 for code in list_currencies() if exponent(code) != _ISO.get(code, 2)}
SHORTEST = timedelta(minutes=16)  # Razorpay wants 15; one for the way
PAGE = 100
STATES: dict[str, State] = {
    "created": "open",
    "partially_paid": "partly",
    "paid": "paid",
    "expired": "expired",
    "cancelled": "cancelled",
}
PAYMENT_STATES: dict[str, PaymentState] = {"captured": "paid", "refunded": "refunded", "failed": "failed"}
# What a webhook is listened to for. A link's events bring the link along; those of payments and refunds don't.
LINK_EVENTS = {f"payment_link.{word}" for word in ("paid", "partially_paid", "expired", "cancelled")}
PAYMENT_EVENTS = {"payment.captured", "payment.failed", "refund.created", "refund.processed", "refund.failed"}


class RazorpayGateway:
    """Payment links of one Razorpay account."""

    name = "razorpay"
    takes_partial = True
    origins: tuple[str, ...] = ("https://rzp.io", "https://*.razorpay.com")

    def __init__(self, url: GatewayUrl, timeout: tuple[int, int] | None = None) -> None:
        self._key_secret, self._webhook_secrets = url.secret, url.webhook_secrets
        wire = Wire("Razorpay", _tag, timeout) if timeout else Wire("Razorpay", _tag)
        options = {"base_url": url.api} if url.api else {}
        self._client = razorpay.Client(session=wire, auth=(url.key, url.secret), **options)

    def takes(self, currency: str) -> bool:
        """True for what it is known to count as we do."""
        return is_taken(currency, DECIMALS)

    def create(self, request: LinkRequest) -> GatewayLink:
        """Make the link, or find it where it is there already; raises GatewayError, OutcomeUnknown."""
        reading.check_request(request, clock.now(), SHORTEST)
        fields = _fields(request)
        try:
            link = self._client.payment_link.create(fields)
        except GatewayError as error:
            if error.code != "reference_exists":
                raise
            link = self._made_before(request.reference, fields)
        with reading.written():
            return GatewayLink(text(link, "id"), text(link, "short_url"), reading.moment_or_none(link, "expire_by"))

    def _made_before(self, reference: str, fields: Entity) -> Entity:
        # The filter is documented, and said to find nothing on some accounts: then the newest hundred are read.
        for query in ({"reference_id": reference}, {"count": PAGE}):
            answer = self._client.payment_link.all(query)
            for link in parts(answer, "payment_links") or parts(answer, "items"):
                if link.get("reference_id") == reference:
                    if any(link.get(name) != fields[name] for name in ("amount", "currency")):
                        raise GatewayError("the reference stands for another link", is_permanent=True, code="reference")
                    return link
        raise GatewayError("the link is there and can't be found", is_permanent=True, code="reference_exists")

    def cancel(self, link_id: str) -> None:
        """End the link; raises GatewayError where it is paid, in part or in full."""
        try:
            self._client.payment_link.cancel(reading.path_id(link_id))
        except GatewayError as error:
            if not error.is_permanent or self.fetch(link_id).state not in ("cancelled", "expired"):
                raise

    def fetch(self, link_id: str) -> LinkState:
        """How the link stands, with each payment as it is now; raises GatewayError."""
        link = self._client.payment_link.fetch(reading.path_id(link_id))
        currency, reference = text(link, "currency"), text_or_none(link, "reference_id")
        payments = [
            _payment(self._client.payment.fetch(reading.path_id(text(one, "payment_id"))), link_id, reference)
            for one in parts(link, "payments")
        ]
        paid_minor = from_gateway(link.get("amount_paid"), currency, DECIMALS)
        return LinkState(_state(link), paid_minor, tuple(payment for payment in payments if payment))

    def list_payments(self, since: datetime, until: datetime) -> Iterator[Payment]:
        """Payments of links made from `since` to `until`, then those that had a refund in that time."""
        window = {"from": reading.seconds(since), "to": reading.seconds(until)}
        for entity in self._pages(self._client.payment, window):
            if (payment := _payment_of_a_link(entity)) is not None:
                yield payment
        for refund in self._pages(self._client.refund, window):
            entity = self._client.payment.fetch(reading.path_id(text(refund, "payment_id")))
            if (payment := _payment_of_a_link(entity)) is not None:
                yield payment

    def _pages(self, resource: Any, window: dict[str, int]) -> Iterator[Entity]:
        skip = 0
        while True:
            page = parts(resource.all({**window, "count": PAGE, "skip": skip}), "items")
            yield from page
            if len(page) < PAGE:
                return
            skip += PAGE

    def refund(self, payment_id: str, amount_minor: int, idempotency_key: str) -> str:
        """Give back `amount_minor`; gives the refund's id. Raises GatewayError, OutcomeUnknown."""
        # Every currency that is taken here has the decimals that we count in, so none needs to be known.
        check_amount(amount_minor)
        headers = {"X-Refund-Idempotency": reading.check_key(idempotency_key)}
        refund = self._client.payment.refund(reading.path_id(payment_id), {"amount": amount_minor}, headers=headers)
        with reading.written():
            return text(refund, "id")

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> list[Event]:
        """What the webhook tells; raises BadSignature, Unreadable. No time is signed: an old one is like a second."""
        signature = signatures.header(headers, "X-Razorpay-Signature")
        if not signatures.is_signed(self._webhook_secrets, raw_body, [signature]):
            raise BadSignature("the webhook is not signed by Razorpay")
        body = reading.read_object(raw_body)
        kind = text(body, "event")
        if kind not in LINK_EVENTS | PAYMENT_EVENTS:
            return []
        # The id is Razorpay's for the event, the same when it comes again. Without it the bytes stand for themselves.
        id_ = signatures.header(headers, "X-Razorpay-Event-Id") or signatures.digest("", raw_body)
        event = _link_event(id_, kind, body) if kind in LINK_EVENTS else _payment_event(id_, kind, body)
        return [event] if event else []

    def verify_return(self, query: Mapping[str, str]) -> bool:
        """True where Razorpay signed what the payer came back with; that is no payment yet."""
        names = ("link_id", "link_reference_id", "link_status", "id")
        values = [query.get(f"razorpay_payment_{name}") or "" for name in names]
        # A link may have no reference; the others there always are.
        if not (values[0] and values[2] and values[3]):
            return False
        signature = query.get("razorpay_signature") or ""
        return signatures.is_signed((self._key_secret,), "|".join(values).encode(), [signature])


def _tag(body: Entity) -> Any:
    error = body.get("error")
    if not isinstance(error, dict):
        return None
    said = str(error.get("description") or "").lower()
    if "reference_id" in said and "already exists" in said:
        return "reference_exists"
    return error.get("reason") or error.get("code")


def _fields(request: LinkRequest) -> Entity:
    customer = {"name": request.customer_name[:50], "contact": request.customer_phone}
    fields: Entity = {
        "amount": to_gateway(request.amount_minor, request.currency, DECIMALS),
        "currency": request.currency,
        "accept_partial": request.accepts_partial,
        "reference_id": request.reference,
        "description": request.description[:2048],
        "customer": {name: value for name, value in customer.items() if value},
        # The shop reminds, in the customer's language and within its own hours; Razorpay keeps quiet.
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "notes": {"reference": request.reference},
        "callback_url": request.return_url,
        "callback_method": "get",
    }
    if request.expires_at:
        fields["expire_by"] = reading.seconds(request.expires_at)
    return fields


def _state(link: Entity) -> State:
    state = STATES.get(text(link, "status"))
    if state is None:
        raise reading.Unreadable("Razorpay's link is in no state that is known")
    return state


def _payment_of_a_link(entity: Entity) -> Payment | None:
    """None for what else comes in on the same account: nothing of it names a link."""
    # Razorpay describes a link's payment by the link: "#FOGqq3O6E5bkml" is of plink_FOGqq3O6E5bkml.
    found = re.fullmatch(r"#([A-Za-z0-9]{14})", text_or_none(entity, "description") or "")
    notes = entity.get("notes")  # an empty list where there are none
    reference = text_or_none(notes, "reference") if isinstance(notes, dict) else None
    return _payment(entity, f"plink_{found[1]}" if found else None, reference) if found or reference else None


def _payment(entity: Entity, link_id: str | None, reference: str | None) -> Payment | None:
    """None while it is neither paid nor failed."""
    state = PAYMENT_STATES.get(text(entity, "status"))
    if state is None:
        return None
    currency = text(entity, "currency")
    return Payment(
        id=text(entity, "id"),
        link_id=link_id,
        reference=reference,
        amount_minor=from_gateway(entity.get("amount"), currency, DECIMALS),
        currency=currency,
        state=state,
        refunded_minor=from_gateway(entity.get("amount_refunded") or 0, currency, DECIMALS),
        at=reading.moment(entity, "created_at"),
        error=reading.short_code(entity.get("error_reason") or entity.get("error_code")) if state == "failed" else None,
    )


def _link_event(id_: str, kind: str, body: Entity) -> Event:
    link = part(body, "payload", "payment_link", "entity")
    link_id, reference = text(link, "id"), text_or_none(link, "reference_id")
    has_payment = kind in ("payment_link.paid", "payment_link.partially_paid")
    payment = _payment(part(body, "payload", "payment", "entity"), link_id, reference) if has_payment else None
    # Not the link's own status: it is read when it is sent, and an event that comes late would tell of another one.
    state = STATES[kind.removeprefix("payment_link.")]
    return Event(id_, kind, payment, link_id, reference, state, reading.moment(body, "created_at"))


def _payment_event(id_: str, kind: str, body: Entity) -> Event | None:
    payment = _payment_of_a_link(part(body, "payload", "payment", "entity"))
    if payment is None:
        return None
    return Event(id_, kind, payment, payment.link_id, payment.reference, None, reading.moment(body, "created_at"))
