"""The list of collections and what the shop does there; what webhooks missed; Razorpay, against a provider here."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
import time_machine
from flask import Flask

import tasks.payments
from khata.core import clock
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.payments import collecting
from khata.payments.gateways import from_url
from khata.payments.gateways.contract import GatewayError, GatewayLink, LinkState, OutcomeUnknown, Payment
from khata.payments.models import GatewayPayment, PaymentRequest
from tests.accounts.conftest import hire
from tests.client import Browser
from tests.factories import dump
from tests.payments import test_gateway_payments as through
from tests.payments.provider import Provider
from tests.payments.test_gateway_payments import balance, begin, gateway, page, party, rows, send
from tests.payments.test_razorpay import link as razorpay_link
from tests.payments.test_razorpay import payment as razorpay_payment

__all__ = ["gateway", "hire", "page", "party"]
_books_agree = through._books_agree


class Known:
    """A gateway that remembers: payments and links by id, and what it was asked to do."""

    name, takes_partial, origins = "test", True, ("https://gateway.example",)

    def __init__(self) -> None:
        self.payments: list[Payment] = []
        self.state = "open"
        self.done: list[tuple[Any, ...]] = []
        self.wrong: list[Exception] = []

    def takes(self, _currency: str) -> bool:
        return True

    def _do(self, *what: Any) -> None:
        self.done.append(what)
        if self.wrong:
            raise self.wrong.pop(0)

    def create(self, request: Any) -> GatewayLink:
        self._do("create", request.reference)
        return GatewayLink(f"link_{request.reference}", f"https://gateway.example/{request.reference}", None)

    def cancel(self, link_id: str) -> None:
        self._do("cancel", link_id)

    def fetch(self, link_id: str) -> Any:
        self._do("fetch", link_id)
        return LinkState(self.state, 0, tuple(one for one in self.payments if one.link_id == link_id))  # type: ignore[arg-type]

    def list_payments(self, since: Any, until: Any) -> Any:
        self._do("list", until - since)
        return iter(self.payments)

    def refund(self, payment_id: str, amount_minor: int, key: str) -> str:
        self._do("refund", payment_id, amount_minor, key)
        return "refund"

    def has_paid(self, reference: str, amount_minor: int = 50000, id_: str = "pay_1") -> None:
        link_id = f"link_{reference}"
        self.payments.append(Payment(id_, link_id, reference, amount_minor, "INR", "paid", 0, clock.now(), None))


@pytest.fixture
def known(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Known:
    built = Known()
    monkeypatch.setitem(app.extensions, "khata_gateways", {"test": built})
    return built


@pytest.fixture
def asked(visitor: Browser, page: str, known: Known) -> str:
    """The reference of a request of 500."""
    visitor.post(f"{page}/payments", {"pay": "500"})
    return str(visitor.location.rpartition("/")[2])


def action(owner: Browser, end: str) -> str:
    (found,) = [form["action"] for form in owner.get("/collections").all("form") if form["action"].endswith(end)]
    return found


# the list


def test_what_it_shows(owner: Browser, visitor: Browser, page: str, party: str, gateway: Any) -> None:
    trial = begin(visitor, page, "300")
    visitor.post(trial, {"outcome": "failed"})
    visitor.post(trial, {"outcome": "partly", "amount": "100"})
    visitor.post(trial, {"outcome": "paid"})
    visitor.post(trial, {"outcome": "refunded"})
    visitor.post(f"{page}/claims", {"amount": "20"})
    shown = owner.get("/collections")
    for words in (
        "Asked for: ₹300", "Paid: ₹300", "Said to be paid: ₹20", "Failed: ₹300", "Given back: ₹200", "Ramesh", "Test",
    ):  # fmt: skip
        assert words in shown.text, words
    assert "/collections" in owner.get("/menu").links("/collections")
    only = owner.get("/collections?kind=refunded")
    assert "Given back: ₹200" in only.text
    assert "Asked for: ₹300" not in only.text
    today = clock.today("Asia/Kolkata")
    assert "₹300" in owner.get(f"/collections?day={today}").text
    assert "Nothing here" in owner.get(f"/collections?day={today - timedelta(days=1)}").text
    owner.get("/collections?day=x", 422)
    owner.get(f"/collections?member={new_id()}", 404)
    owner.get("/collections?kind=x&before=x-y")
    owner.get("/collections?before=99999999999999-" + "f" * 32)


def test_by_member(owner: Browser, visitor: Browser, asked: str, known: Known) -> None:
    known.has_paid(asked)
    with owner.app.app_context():
        tasks.payments.reconcile()
    owner.post(action(owner, "/refund"))
    (me,) = [one["value"] for one in owner.get("/collections").all("option") if len(one.get("value", "")) == 36]
    shown = owner.get(f"/collections?member={me}")
    assert "Given back: ₹500" in shown.text
    assert "Asked for: ₹500" not in shown.text


def test_page_by_page(owner: Browser, party: str, context: Flask) -> None:
    from tests.payments.test_gateway_payments import balance as _balance

    assert _balance(party) == 50000
    shop_id = rows_of_party(party)
    with transaction():
        for number in range(95):
            row = PaymentRequest(shop_id=shop_id, id=new_id(), party_id=id_of(party), gateway="test", currency="INR")
            row.reference, row.amount_minor, row.made_at = f"r{number}", 100 * (number + 1), clock.now()
            row.expires_at = clock.now()
            db.session.add(row)
    seen: list[str] = []
    url: str | None = "/collections"
    pages = 0
    while url:
        shown = owner.get(url)
        assert "Asked for: ₹4,560" in shown.text  # the day's whole sum on each page
        seen += shown.text.split("Asked for: ")[2:]
        url = next(iter(shown.links("/collections?before=")), None)
        pages += 1
    assert pages == 3
    assert len({line.split(" ")[0] for line in seen}) == 95


def id_of(party: str) -> Any:
    from uuid import UUID

    return UUID(party.rpartition("/")[2])


def rows_of_party(party: str) -> Any:
    from tests.factories import row_of

    return row_of(id_of(party)).shop_id


def test_of_nobody_else(owner: Browser, stranger: Browser, visitor: Browser, asked: str, known: Known) -> None:
    assert "Ramesh" not in stranger.get("/collections").text
    stranger.post(action(owner, "/cancellation"), status=404)
    assert known.done == [("create", asked)]


# by the shop


def test_taken_back(owner: Browser, asked: str, known: Known, context: Flask) -> None:
    cancel = action(owner, "/cancellation")
    for _time in range(2):
        owner.post(cancel, then="/collections")
    assert known.done[1:] == [("cancel", f"link_{asked}")]
    assert rows(PaymentRequest)[0].state == "cancelled"
    assert "Taken back" in owner.get("/collections").text
    assert "was taken back" in owner.get("/daybook?kind=pay").text


def test_taken_back_while_it_is_paid(owner: Browser, party: str, asked: str, known: Known, context: Flask) -> None:
    cancel = action(owner, "/cancellation")
    known.has_paid(asked)
    known.state, known.wrong = "paid", [GatewayError("paid", is_permanent=True)]
    owner.post(cancel, status=409)
    assert balance(party) == 0
    assert rows(PaymentRequest)[0].state == "paid"


def test_taken_back_and_the_gateway_is_down(owner: Browser, asked: str, known: Known, context: Flask) -> None:
    cancel = action(owner, "/cancellation")
    for error in (GatewayError("down"), OutcomeUnknown("cut")):
        known.wrong = [error]
        owner.post(cancel, status=502)
    assert rows(PaymentRequest)[0].state == "open"


def test_given_back(owner: Browser, party: str, asked: str, known: Known, context: Flask) -> None:
    known.has_paid(asked)
    tasks.payments.reconcile()
    assert balance(party) == 0
    refund = action(owner, "/refund")
    known.wrong = [OutcomeUnknown("cut")]
    owner.post(refund, status=502)
    assert balance(party) == 0
    owner.post(refund, then="/collections")
    owner.post(refund, status=409)
    first, second = [one for one in known.done if one[0] == "refund"]
    assert first == second
    assert first[1:3] == ("pay_1", 50000)
    assert balance(party) == 50000
    known.payments = [known.payments[0]._replace(state="refunded", refunded_minor=50000)]
    before = dump()
    tasks.payments.reconcile()  # the gateway tells the same
    assert dump() == before
    assert "Given back" in owner.get(party).text


def test_who_may_not(owner: Browser, visitor: Browser, asked: str, known: Known, hire: Any) -> None:
    known.has_paid(asked)
    with owner.app.app_context():
        tasks.payments.reconcile()
    refund = action(owner, "/refund")
    accountant = hire("accountant")
    assert not [form for form in accountant.get("/collections").all("form") if form["action"].endswith("/refund")]
    accountant.post(refund, status=403)


# by the worker


def test_what_a_webhook_missed(party: str, asked: str, known: Known, context: Flask) -> None:
    known.has_paid(asked, 20000, "pay_1")
    known.has_paid(asked, 30000, "pay_2")
    known.has_paid("f" * 32, 10000, "pay_3")  # other business
    for _time in range(2):
        tasks.payments.reconcile()
    assert balance(party) == 0
    assert ("list", tasks.payments.DAYS) in known.done
    assert rows(PaymentRequest)[0].state == "paid"
    known.wrong = [GatewayError("down")]
    tasks.payments.reconcile()


@pytest.mark.parametrize(("state", "paid", "ends"), [("expired", 0, "expired"), ("open", 0, "expired"),
                                                     ("paid", 50000, "paid"), ("expired", 100, "partly")])  # fmt: skip
def test_past_its_end(party: str, asked: str, known: Known, context: Flask, state: str, paid: int, ends: str) -> None:
    known.state = state
    with time_machine.travel(clock.now() + collecting.HOLDS + timedelta(minutes=1), tick=False):
        if paid:
            known.payments = [Payment("pay_1", f"link_{asked}", asked, paid, "INR", "paid", 0, clock.now(), None)]
        for _time in range(2):
            tasks.payments.close_ended()
    (row,) = rows(PaymentRequest)
    assert (row.state, row.ended_at is not None) == (ends, True)
    assert len([one for one in known.done if one[0] == "fetch"]) == 1
    assert balance(party) == 50000 - paid


def test_past_its_end_without_its_gateway(
    app: Flask, monkeypatch: pytest.MonkeyPatch, asked: str, known: Known, context: Flask
) -> None:
    monkeypatch.setitem(app.extensions, "khata_gateways", {})
    with time_machine.travel(clock.now() + collecting.HOLDS + timedelta(minutes=1), tick=False):
        tasks.payments.reconcile()
    assert rows(PaymentRequest)[0].state == "expired"


def test_whose_making_was_interrupted(visitor: Browser, page: str, known: Known, context: Flask) -> None:
    known.wrong = [GatewayError("down")]
    visitor.post(f"{page}/payments", {"pay": "5"}, status=502)
    assert tasks.payments.sweep() == 0  # it may be at it still
    with time_machine.travel(clock.now() + timedelta(minutes=3), tick=False):
        known.wrong = [GatewayError("down")]
        assert tasks.payments.sweep() == 1
        assert tasks.payments.sweep() == 1
        assert tasks.payments.sweep() == 0
    assert len({one for one in known.done if one[0] == "create"}) == 1
    assert rows(PaymentRequest)[0].link_id


# Razorpay


def test_through_razorpay(
    app: Flask, monkeypatch: pytest.MonkeyPatch, owner: Browser, visitor: Browser, party: str, provider: Provider,
    page: str,
) -> None:  # fmt: skip
    built = from_url(f"razorpay://rzp_key:secret@?webhook_secret=whs&api={provider.url}", timeout=(1, 1))
    monkeypatch.setitem(app.extensions, "khata_gateways", {"razorpay": built})
    policy = visitor.raw("GET", page).headers["Content-Security-Policy"]
    assert "form-action 'self' https://rzp.io https://*.razorpay.com;" in policy
    provider.will_answer((200, razorpay_link()))
    visitor.post(f"{page}/payments", {"pay": "450"}, then="https://rzp.io/i/nxrHnLJ")
    asked = provider.asked[0].json
    assert (asked["amount"], asked["currency"], asked["accept_partial"]) == (45000, "INR", True)
    assert asked["callback_url"].endswith(f"{page}?said=back")
    reference = asked["reference_id"]
    body = {
        "event": "payment_link.paid",
        "created_at": clock.milliseconds(clock.now()) // 1000,
        "payload": {
            "payment_link": {"entity": razorpay_link(status="paid", reference_id=reference)},
            "payment": {"entity": razorpay_payment()},
        },
    }
    raw = json.dumps(body).encode()
    signed = {"X-Razorpay-Signature": hmac.new(b"whs", raw, "sha256").hexdigest(), "X-Razorpay-Event-Id": "evt"}
    assert send(visitor, {"X-Razorpay-Signature": "0" * 64}, raw, "razorpay") == 403
    for _time in range(2):
        assert send(visitor, signed, raw, "razorpay") == 200
    provider.will_answer((200, {"items": [razorpay_payment(notes={"reference": reference})]}), (200, {"items": []}))
    with app.app_context():
        tasks.payments.reconcile()
        assert balance(party) == 5000
        (payment,) = db.session.execute(sa.select(GatewayPayment.__table__)).all()
    assert (payment.payment_id, payment.amount_minor) == ("pay_FOGsH8uHkF2FbR", 45000)
    provider.will_answer((200, {"id": "rfnd_1"}))
    owner.post(action(owner, "/refund"))
    refund = provider.asked[-1]
    assert refund.path == "/v1/payments/pay_FOGsH8uHkF2FbR/refund"
    assert len(refund.headers["x-refund-idempotency"]) == 32
    with app.app_context():
        assert balance(party) == 50000
