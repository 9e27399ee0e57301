"""What gateways tell, taken into the book: one payment is one entry, always.

Webhooks, the daily reconcile and the test gateway's page come through `take_all`. What is told comes twice, late and
out of order: "refunded" outweighs "paid", "paid" outweighs "failed", and the larger refund is the later. The shop's
lock is held from before the first look to the commit, so that two at one time are one after the other.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql

from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import connection, in_shop
from khata.core.ids import derived_id
from khata.core.prepared import Prepared
from khata.errors import KhataError, WrittenOtherwise
from khata.journal import actions as journal
from khata.journal import queries as journal_queries
from khata.journal.actions import Event as Line
from khata.ledger import actions as ledger
from khata.ledger.models import GAVE, GOT
from khata.ledger.posting import MAX_BALANCE_MINOR
from khata.parties import actions as parties
from khata.parties.queries import get_account, where_it_went
from khata.payments import gateway_queries as queries
from khata.payments.gateways.contract import Event, Gateway, Payment, PaymentState
from khata.payments.models import (
    CANCELLED,
    EXPIRED,
    FAILED,
    NO_ACCOUNT,
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    PAID,
    PARTLY,
    REFUNDED,
    GatewayPayment,
    PaymentRequest,
)

REQUESTS, PAYMENTS = PaymentRequest.__table__, GatewayPayment.__table__
SPACE = UUID("5f1c5a1e-0a0c-5c1f-9a43-3b1d2f0c7e11")  # of the ids that follow from gateways' own
TITLES = {"razorpay": "Razorpay", "stripe": "Stripe", "test": "Test"}
WEIGHT = {FAILED: 0, PAID: 1, REFUNDED: 2}
PAID_REASON, REFUND_REASON = "gateway", "refund"

log = structlog.get_logger()

_ADD = Prepared(postgresql.insert(PAYMENTS).on_conflict_do_nothing(), *PAYMENTS.c.keys())
_CHANGED = (
    "amount_minor", "currency", "state", "problem", "error", "refunded_minor", "refund_written_minor",
    "paid_at", "refunded_at", "refunded_by", "entry_id",
)  # fmt: skip
_CHANGE = Prepared(
    sa.update(PAYMENTS)
    .where(PAYMENTS.c.shop_id == sa.bindparam("shop"), PAYMENTS.c.id == sa.bindparam("which"))
    .values({name: sa.bindparam(f"new_{name}", type_=PAYMENTS.c[name].type) for name in _CHANGED})
)
_MOVE_REQUEST = Prepared(
    sa.update(REQUESTS)
    .where(REQUESTS.c.shop_id == sa.bindparam("shop"), REQUESTS.c.id == sa.bindparam("which"))
    .values(
        state=sa.bindparam("new_state"),
        link_id=sa.bindparam("new_link", type_=REQUESTS.c.link_id.type),
        ended_at=sa.bindparam("new_end", type_=REQUESTS.c.ended_at.type),
    )
)


class Told(NamedTuple):
    """What a gateway tells of a link: a payment, or how the link stands, or both."""

    payment: Payment | None
    link_state: str | None
    reference: str | None
    link_id: str | None


def told_by(event: Event) -> Told:
    """What a webhook's event tells."""
    payment = event.payment
    reference = event.reference or (payment.reference if payment else None)
    return Told(payment, event.link_state, reference, event.link_id or (payment.link_id if payment else None))


def told_of(payment: Payment) -> Told:
    """What a payment in a gateway's list tells."""
    return Told(payment, None, payment.reference, payment.link_id)


def take_all(gateway: Gateway, told: list[Told]) -> None:
    """Take what a gateway tells, in the transaction under way.

    The reference says whose it is, and nobody else's is touched. What names no request of ours, such as other business
    on the same account, is passed over.
    """
    places = [(queries.place_of(gateway.name, one.reference, one.link_id), one) for one in told]
    for place, _one in places:
        if place is None:
            log.info("payment_of_no_request", gateway=gateway.name)
    found = [(place, one) for place, one in places if place is not None]
    for place, one in sorted(found, key=lambda each: each[0].shop_id):  # shops are locked in one order, always
        with in_shop(place.shop_id):
            _Taking(gateway, place.shop_id, place.id).take(one)


def ask_back(actor: Actor, payment_id: UUID, amount_minor: int) -> None:
    """Write down that the shop gives money back, before the gateway hears of it."""
    journal.lock(actor.shop_id)
    row = queries.get_payment(actor.shop_id, payment_id)
    party_id = queries.get_request(actor.shop_id, row.request_id).party_id
    facts = {"party_id": party_id.hex, "amount_minor": amount_minor, "gateway": row.gateway}
    journal.record(actor, Line("pay.refunding", payment_id, facts))
    values = {f"new_{name}": getattr(row, name) for name in _CHANGED} | {"new_refunded_by": actor.member_id}
    _CHANGE.run(connection(), {"shop": actor.shop_id, "which": payment_id, **values})


def went_back(shop_id: UUID, payment_id: UUID, refunded_minor: int) -> None:
    """The gateway has taken the shop's refund: so much of the payment went back in all."""
    journal.lock(shop_id)
    row = queries.get_payment(shop_id, payment_id)
    state: PaymentState = "refunded" if refunded_minor >= row.amount_minor else "paid"
    request = queries.get_request(shop_id, row.request_id)
    payment = Payment(
        row.payment_id, request.link_id, request.reference, row.amount_minor, row.currency,
        state, refunded_minor, row.paid_at, None,
    )  # fmt: skip
    _Taking(None, shop_id, row.request_id).take(Told(payment, None, None, None))


def id_of(gateway: str, payment_id: str) -> UUID:
    """The id of a gateway's payment, and of the entry that it becomes: the same whenever it is heard of."""
    return derived_id(SPACE, f"{gateway} {payment_id}")


class _Taking:
    """One request, while its shop is locked."""

    def __init__(self, gateway: Gateway | None, shop_id: UUID, request_id: UUID) -> None:
        journal.lock(shop_id)
        self.shop_id = shop_id
        self.actor = Actor(shop_id, None)
        self.request = queries.get_request(shop_id, request_id)
        self.takes_partial = gateway is None or gateway.takes_partial
        self.account: Any = None
        self.entered_minor = 0

    def take(self, told: Told) -> None:
        """Take one thing that was told."""
        is_new = told.payment is not None and self._take_payment(told.payment)
        self._move_request(told, is_new)

    def _take_payment(self, payment: Payment) -> bool:
        """Merge it with what was heard before; True where that changed something."""
        id_ = id_of(self.request.gateway, payment.id)
        row = self._with_problem(self._fresh(id_, payment))
        expected = _as_expected(row)
        if _ADD.run(connection(), {**row, **expected}) == 0:  # most are new: so the first look is the writing
            before = queries.payment_by_id(self.shop_id, id_)
            if before is None or before.request_id != self.request.id:  # another shop's, whatever that means
                log.warning("payment_of_another_request", gateway=self.request.gateway)
                return False
            row = self._with_problem(_merged(before, payment))
            expected = {name: getattr(before, name) for name in _CHANGED}
            is_written = row["entry_id"] is None or row["refunded_minor"] == row["refund_written_minor"]
            if is_written and all(expected[name] == row[name] for name in _CHANGED):
                return False
        self._write(row)
        if any(expected[name] != row[name] for name in _CHANGED):
            values = {f"new_{name}": row[name] for name in _CHANGED}
            _CHANGE.run(connection(), {"shop": self.shop_id, "which": id_, **values})
        return True

    def _with_problem(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["state"] != FAILED and row["entry_id"] is None and row["problem"] in (None, NO_ACCOUNT):
            row["problem"] = self._problem(row)
        return row

    def _fresh(self, id_: UUID, payment: Payment) -> dict[str, Any]:
        refunded = _refunded(payment)
        return {
            "shop_id": self.shop_id,
            "id": id_,
            "request_id": self.request.id,
            "gateway": self.request.gateway,
            "payment_id": payment.id,
            "amount_minor": payment.amount_minor,
            "currency": payment.currency,
            "state": payment.state,
            "problem": None,
            "error": payment.error or "",
            "refunded_minor": refunded,
            "refund_written_minor": 0,
            "paid_at": payment.at,
            "refunded_at": clock.now() if refunded else None,
            "refunded_by": None,
            "entry_id": None,
        }

    def _problem(self, row: dict[str, Any]) -> str | None:
        """Why this payment can be no entry; None where it can."""
        asked, amount = self.request, row["amount_minor"]
        if row["currency"] != asked.currency:
            return OTHER_CURRENCY
        if not 0 < amount <= asked.amount_minor or (amount != asked.amount_minor and not self.takes_partial):
            return OTHER_AMOUNT
        return None if self._find_account(amount) else NO_ACCOUNT

    def _find_account(self, amount_minor: int) -> bool:
        """Find the account that the money belongs to; False where its balance would be past the bounds."""
        account = get_account(self.shop_id, self.request.party_id)
        if account.merged_into is not None:
            account = where_it_went(self.shop_id, account.merged_into)
        self.account = account
        return bool(abs(account.balance_minor - amount_minor) <= MAX_BALANCE_MINOR)

    def _open_account(self) -> bool:
        """A deleted account is brought back, as the money moved; False where another one has its number now."""
        if self.account.deleted_at is None:
            return True
        try:
            parties.restore_party(self.actor, self.account.id)
        except KhataError:
            return False
        return True

    def _write(self, row: dict[str, Any]) -> None:
        """Entries for what came and what went back; a line where there is nothing to enter."""
        facts = {"party_id": self.request.party_id.hex, "amount_minor": row["amount_minor"]}
        if row["state"] == FAILED:
            journal.record(self.actor, Line("pay.failed", row["id"], facts))
            return
        if row["entry_id"] is None and row["problem"] is None:
            self._enter(row)
        if row["problem"] is not None:
            journal.record(self.actor, Line("pay.unclear", row["id"], facts))
        elif row["refunded_minor"] > row["refund_written_minor"]:
            self._enter_refund(row)

    def _enter(self, row: dict[str, Any]) -> None:
        if not self._open_account():
            row["problem"] = NO_ACCOUNT
            return
        zone = self.request.time_zone
        on = min(clock.local(row["paid_at"], zone).date(), clock.today(zone))
        content = ledger.Content(GOT, row["amount_minor"], on, _note(row), reason=PAID_REASON)
        try:
            ledger.record_entry(self.actor, self.account.id, row["id"], content)
        except WrittenOtherwise:  # somebody used this very id for an entry of theirs: nothing was written
            row["problem"] = NO_ACCOUNT
            return
        row["entry_id"], self.entered_minor = row["id"], row["amount_minor"]

    def _enter_refund(self, row: dict[str, Any]) -> None:
        growth = row["refunded_minor"] - row["refund_written_minor"]
        if not self._find_account(-growth) or not self._open_account():
            return
        today = clock.today(self.request.time_zone)
        content = ledger.Content(GAVE, growth, today, _note(row), reason=REFUND_REASON)
        entry_id = derived_id(row["id"], f"refund {row['refunded_minor']}")
        if journal_queries.first_payload(self.shop_id, entry_id, "entry.recorded") is None:
            ledger.record_entry(self.actor, self.account.id, entry_id, content)
        row["refund_written_minor"] = row["refunded_minor"]

    def _came_in(self) -> int:
        """How much came of the request; where one payment is all of it, nobody need add up."""
        if self.entered_minor >= self.request.amount_minor:
            return self.entered_minor
        return queries.came_in(self.shop_id, self.request.id)

    def _move_request(self, told: Told, is_new: bool) -> None:
        """How the request stands now: payments say what is paid, the gateway when a link is over."""
        asked = self.request
        state, ended_at, link_id = asked.state, asked.ended_at, asked.link_id or told.link_id
        if is_new and state != PAID:
            came = self._came_in()
            state = PAID if came >= asked.amount_minor else PARTLY if came else state
        if ended_at is None and (state == PAID or told.link_state in (EXPIRED, CANCELLED)):
            ended_at = clock.now()
            if state not in (PAID, PARTLY):
                state = str(told.link_state)
            if state != PAID:
                facts = {"party_id": asked.party_id.hex, "amount_minor": asked.amount_minor}
                journal.record(self.actor, Line(f"pay.{told.link_state}", asked.id, facts))
        if (state, ended_at, link_id) == (asked.state, asked.ended_at, asked.link_id):
            return
        values = {"new_state": state, "new_link": link_id, "new_end": ended_at}
        _MOVE_REQUEST.run(connection(), {"shop": self.shop_id, "which": asked.id, **values})


def _as_expected(row: dict[str, Any]) -> dict[str, Any]:
    """A new row as it will be once its entries are written, so that it need not be written twice."""
    expected = {name: row[name] for name in _CHANGED}
    if row["state"] != FAILED and row["problem"] is None:
        expected |= {"entry_id": row["id"], "refund_written_minor": row["refunded_minor"]}
    return expected


def _merged(before: Any, payment: Payment) -> dict[str, Any]:
    row: dict[str, Any] = dict(before._asdict())
    if WEIGHT[payment.state] > WEIGHT[before.state]:
        row["state"] = payment.state
    if before.state == FAILED and payment.state != FAILED:  # what failed told of no money
        row |= {"amount_minor": payment.amount_minor, "currency": payment.currency, "paid_at": payment.at, "error": ""}
    refunded = min(_refunded(payment), row["amount_minor"])
    if refunded > before.refunded_minor:
        row |= {"refunded_minor": refunded, "refunded_at": clock.now()}
    return row


def _refunded(payment: Payment) -> int:
    return payment.amount_minor if payment.state == REFUNDED else min(payment.refunded_minor, payment.amount_minor)


def _note(row: dict[str, Any]) -> str:
    return f"{TITLES.get(row['gateway'], row['gateway'])} {row['payment_id']}"
