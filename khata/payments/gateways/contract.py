"""What all gateways have in common: the values that go in and come out, and how it goes wrong.

A gateway gets and gives plain values and holds no database session. Amounts are whole numbers in the minor unit that
`khata.core.money` knows of the currency; what a gateway counts in is its own affair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

PaymentState = Literal["paid", "failed", "refunded"]
State = Literal["open", "partly", "paid", "expired", "cancelled"]


class LinkRequest(NamedTuple):
    """A link to be made. `reference` is our own name for it, for no other ever: up to 40 letters, digits, - and _.

    `expires_at` is when it should end, `customer_phone` an E.164 number, `return_url` where the payer comes back to.
    `idempotency_key` (10 to 64 of the same characters) makes asking again the same as having asked once.
    """

    reference: str
    amount_minor: int
    currency: str
    description: str
    customer_name: str
    customer_phone: str | None
    accepts_partial: bool
    expires_at: datetime | None
    return_url: str
    idempotency_key: str


class GatewayLink(NamedTuple):
    """A link that was made: the gateway's id of it, where the payer goes, and when it really ends (None: not known)."""

    id: str
    url: str
    expires_at: datetime | None


class Payment(NamedTuple):
    """One payment as the gateway sees it now. It belongs to the link `link_id` or `reference`; one of them is known.

    What is told of a payment comes in any order and more than once: `id` says which one it is, "paid" outweighs
    "failed", "refunded" outweighs both, and the larger `refunded_minor` is the later. "refunded" is a payment that went
    back whole; one that went back in part is "paid". `at` is when it was made, `error` the gateway's short code.
    """

    id: str
    link_id: str | None
    reference: str | None
    amount_minor: int
    currency: str
    state: PaymentState
    refunded_minor: int
    at: datetime
    error: str | None


class LinkState(NamedTuple):
    """How a link stands: `paid_minor` is what came in, whether or not some of it went back since."""

    state: State
    paid_minor: int
    payments: tuple[Payment, ...]


class Event(NamedTuple):
    """Something a webhook tells of; `kind` is the gateway's own word. It may come twice, under the same id."""

    id: str
    kind: str
    payment: Payment | None
    link_id: str | None
    reference: str | None
    link_state: State | None
    at: datetime


class GatewayError(Exception):
    """It was not done; `is_permanent` says that asking again is of no use. `code` is short and for machines.

    The text holds no key, and nothing of the customer: gateways quote names and numbers in theirs, so theirs stays out.
    """

    def __init__(self, message: str, *, is_permanent: bool = False, code: str = "") -> None:
        super().__init__(message)
        self.is_permanent = is_permanent
        self.code = code


class OutcomeUnknown(GatewayError):
    """It may have been done. Asking again with the same reference and idempotency key does it once at most."""


class Unreadable(GatewayError):
    """What the gateway sent is not what its documents promise."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_permanent=True, code="unreadable")


class BadSignature(Exception):
    """What came was not signed by the gateway, or long ago. It is answered with 403 and changes nothing."""


class Gateway(Protocol):
    """One way to be paid. All but `takes` and the last two methods use the network and raise GatewayError."""

    name: str
    takes_partial: bool
    """Whether a link can be paid in parts. Where not, the pay page asks the payer first how much it shall be."""
    origins: tuple[str, ...]
    """Where its links lead, and on to: a page's own policy lets its forms end there."""

    def takes(self, currency: str) -> bool:
        """True where the gateway is known to take `currency`."""

    def create(self, request: LinkRequest) -> GatewayLink:
        """Make a link; raises GatewayError, OutcomeUnknown."""

    def cancel(self, link_id: str) -> None:
        """End a link that is not paid. One that has ended already is fine; one that is paid raises GatewayError."""

    def fetch(self, link_id: str) -> LinkState:
        """How the link stands; raises GatewayError."""

    def list_payments(self, since: datetime, until: datetime) -> Iterator[Payment]:
        """Payments of links that were made, failed or went back between the two; some may come twice."""

    def refund(self, payment_id: str, amount_minor: int, idempotency_key: str) -> str:
        """Give back `amount_minor` of a payment; gives the refund's id. Raises GatewayError, OutcomeUnknown."""

    def read_webhook(self, headers: Mapping[str, str], raw_body: bytes) -> list[Event]:
        """What a webhook tells: nothing, where it tells of what is not ours. Raises BadSignature, Unreadable."""

    def verify_return(self, query: Mapping[str, str]) -> bool:
        """True where the gateway signed what the payer came back with. It is no payment: only webhook and fetch are."""
