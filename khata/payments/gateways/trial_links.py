"""The test gateway, built in: for development and for trying Khata out. No money moves.

Its links lead to a page of Khata itself, `/pay/test/<token>`; all that is known of a link is in the token, signed. The
page says what "happened", and what `webhook` makes of that is taken like a webhook that came from outside.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from itsdangerous import BadData, URLSafeSerializer

from khata.core import clock
from khata.core.gateway_urls import GatewayUrl
from khata.payments.gateways import reading, signatures
from khata.payments.gateways.amounts import check_amount, whole_amount
from khata.payments.gateways.contract import (
    BadSignature,
    Event,
    GatewayLink,
    LinkRequest,
    LinkState,
    Payment,
    PaymentState,
    State,
)
from khata.payments.gateways.reading import Entity, part, text, text_or_none

Outcome = Literal["paid", "partly", "failed", "refunded"]
PAYMENT_STATES: dict[str, PaymentState] = {"paid": "paid", "partly": "paid", "failed": "failed", "refunded": "refunded"}
LINK_STATES: dict[str, State | None] = {"paid": "paid", "partly": "partly", "failed": None, "refunded": None}
SIGNATURE = "Khata-Test-Signature"


class TrialLink(NamedTuple):
    """What stands in a link's token."""

    id: str
    reference: str
    amount_minor: int
    currency: str
    description: str
    accepts_partial: bool
    expires_at: datetime | None
    return_url: str

    @property
    def is_over(self) -> bool:
        """True where the link's time is up."""
        return self.expires_at is not None and self.expires_at <= clock.now()


class TrialGateway:
    """Links to `<public_url>/pay/test/<token>`, or to that path alone where no public address is set."""

    name = "test"
    takes_partial = True

    def __init__(self, url: GatewayUrl, public_url: str = "") -> None:
        self._secret, self._public_url = url.key, public_url
        self.origins: tuple[str, ...] = (public_url,) if public_url else ()
        self._serializer = URLSafeSerializer(url.key, salt="khata.payments.test-link")

    def takes(self, currency: str) -> bool:
        """True: it takes no money, so any."""
        return True

    def create(self, request: LinkRequest) -> GatewayLink:
        """Make a link: the same one, when it is asked for again with the same key."""
        reading.check_request(request, clock.now(), timedelta(0))
        check_amount(request.amount_minor)
        link = TrialLink(
            id=f"tlink_{signatures.digest(self._secret, f'link:{request.idempotency_key}'.encode())[:24]}",
            reference=request.reference,
            amount_minor=request.amount_minor,
            currency=request.currency,
            description=request.description,
            accepts_partial=request.accepts_partial,
            expires_at=request.expires_at,
            return_url=request.return_url,
        )
        return GatewayLink(link.id, f"{self._public_url}/pay/test/{self.make_token(link)}", link.expires_at)

    def make_token(self, link: TrialLink) -> str:
        """The token that says `link`, signed and fit for an address."""
        ends = reading.seconds(link.expires_at) if link.expires_at else 0
        return str(self._serializer.dumps({**link._asdict(), "expires_at": ends}))

    def read_token(self, token: str) -> TrialLink:
        """The link that `token` says; raises BadSignature for one that was not made here."""
        try:
            fields = self._serializer.loads(token)
        except BadData:
            raise BadSignature("the token is not of this installation") from None
        return TrialLink(**{**fields, "expires_at": reading.moment_or_none(fields, "expires_at")})

    def webhook(
        self, link: TrialLink, outcome: Outcome, amount_minor: int | None = None, number: int = 1
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of the webhook that says `outcome`, signed now.

        `amount_minor` is what was paid (the whole amount where None; what is left of a link is for the caller to know),
        or how large the payment was that is "refunded". Payments of one link are told apart by `number`.
        """
        payment = {
            "id": self.payment_id(link, number),
            "amount": link.amount_minor if amount_minor is None else amount_minor,
            "currency": link.currency,
            "created": reading.seconds(clock.now()),
        }
        of = {"id": link.id, "reference": link.reference}
        id_ = f"tevt_{signatures.digest(self._secret, f'{outcome}:{link.id}:{number}'.encode())[:24]}"
        body = {"id": id_, "kind": outcome, "created": payment["created"], "link": of, "payment": payment}
        raw_body = json.dumps(body).encode()
        signature = signatures.sign_with_time(self._secret, raw_body, clock.now())
        return {"Content-Type": "application/json", SIGNATURE: signature}, raw_body

    def payment_id(self, link: TrialLink, number: int) -> str:
        """The id of the link's payment of this number."""
        return f"tpay_{signatures.digest(self._secret, f'payment:{link.id}:{number}'.encode())[:24]}"

    def cancel(self, link_id: str) -> None:
        """Nothing: the page asks Khata's own tables whether a link still holds."""
        reading.path_id(link_id)

    def fetch(self, link_id: str) -> LinkState:
        """Always "open" with nothing paid: this gateway remembers nothing."""
        reading.path_id(link_id)
        return LinkState("open", 0, ())

    def list_payments(self, since: datetime, until: datetime) -> Iterator[Payment]:
        """None: this gateway remembers nothing."""
        return iter(())

    def refund(self, payment_id: str, amount_minor: int, idempotency_key: str) -> str:
        """The id of a refund, the same when it is asked for again; its webhook is for the caller to make."""
        check_amount(amount_minor)
        said = f"refund:{reading.path_id(payment_id)}:{reading.check_key(idempotency_key)}"
        return f"trefund_{signatures.digest(self._secret, said.encode())[:24]}"

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> list[Event]:
        """What the webhook tells; raises BadSignature (also for one signed more than 5 minutes ago), Unreadable."""
        signatures.check_with_time((self._secret,), signatures.header(headers, SIGNATURE), raw_body)
        body = reading.read_object(raw_body)
        kind = text(body, "kind")
        if kind not in PAYMENT_STATES:
            return []
        of = part(body, "link")
        link_id, reference = text(of, "id"), text_or_none(of, "reference")
        payment = _payment(kind, part(body, "payment"), link_id, reference)
        at = reading.moment(body, "created")
        return [Event(text(body, "id"), kind, payment, link_id, reference, LINK_STATES[kind], at)]

    def verify_return(self, query: Mapping[str, str]) -> bool:
        """False: nothing is signed on the way back."""
        return False


def _payment(kind: str, entity: Entity, link_id: str, reference: str | None) -> Payment:
    amount_minor = whole_amount(entity.get("amount"))  # it counts as we do, in every currency
    return Payment(
        id=text(entity, "id"),
        link_id=link_id,
        reference=reference,
        amount_minor=amount_minor,
        currency=text(entity, "currency"),
        state=PAYMENT_STATES[kind],
        refunded_minor=amount_minor if kind == "refunded" else 0,
        at=reading.moment(entity, "created"),
        error="declined" if kind == "failed" else None,
    )
