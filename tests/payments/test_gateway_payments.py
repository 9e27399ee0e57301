"""A payment through a gateway: from the customer's page to one entry in the book, whatever comes, in whatever order."""

from __future__ import annotations

import io
import itertools
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import structlog
import time_machine
from flask import Flask

from khata.accounts.models import Shop
from khata.core import clock
from khata.core.actor import Actor
from khata.core.db import db, transaction
from khata.core.ids import new_id
from khata.errors import Invalid
from khata.ledger.models import Entry
from khata.ledger.verification import differences
from khata.payments import collecting, taking
from khata.payments.gateways import from_url
from khata.payments.gateways.contract import Event, GatewayError, GatewayLink, OutcomeUnknown, Payment
from khata.payments.models import GatewayPayment, PaymentRequest
from khata.web import turns
from tests.client import Browser
from tests.factories import dump, faults, make_party, make_shop, row_of, write
from tests.payments.test_pay_page import link_of

HERE = "http://127.0.0.1:8000"


@pytest.fixture
def gateway(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    built = from_url("test://a-secret-of-the-tests", public_url=HERE)
    monkeypatch.setitem(app.extensions, "khata_gateways", {"test": built})
    return built


@pytest.fixture
def party(owner: Browser) -> str:
    made = owner.add_party("Ramesh", phone="98765 43211")
    owner.write(made, "gave", "500", note="Rice")
    return made


@pytest.fixture
def page(owner: Browser, party: str, gateway: Any) -> str:
    return link_of(owner, party)


def begin(visitor: Browser, page: str, amount: str = "500") -> str:
    """The path of the gateway's page."""
    visitor.post(f"{page}/payments", {"pay": amount})
    assert visitor.location.startswith(f"{HERE}/pay/test/")
    return str(visitor.location.removeprefix(HERE))


def balance(party: str) -> int:
    return int(row_of(UUID(party.rpartition("/")[2])).balance_minor)


def rows(model: Any) -> list[Any]:
    with db.engine.connect() as connection:
        return list(connection.execute(sa.select(model.__table__).order_by(model.__table__.c.id)))


def send(visitor: Browser, headers: dict[str, str], raw: bytes, name: str = "test") -> int:
    """As a gateway does: no Origin, no cookie."""
    sent = {**headers, "Origin": ""}
    return int(visitor.app.test_client().post(f"/webhooks/{name}", data=raw, headers=sent).status_code)


@pytest.fixture(autouse=True)
def _books_agree(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "app" in request.fixturenames:
        with request.getfixturevalue("app").app_context():
            for shop in db.session.scalars(sa.select(Shop)).all():
                assert not list(differences(shop.id, shop.currency))


def test_from_the_page_to_the_book(owner: Browser, visitor: Browser, party: str, page: str, context: Flask) -> None:
    shown = visitor.get(page)
    assert shown.hidden("pay") == "500.00"
    assert f"form-action 'self' {HERE};" in visitor.raw("GET", page).headers["Content-Security-Policy"]
    trial = begin(visitor, page)
    (request,) = rows(PaymentRequest)
    assert (request.amount_minor, request.currency, request.state, request.gateway) == (50000, "INR", "open", "test")
    assert "no money moves" in visitor.get(trial).text
    assert balance(party) == 50000
    visitor.post(trial, {"outcome": "paid"}, then=f"{page}?said=back")
    assert "hears of it from the bank" in visitor.get(f"{page}?said=back").text
    assert balance(party) == 0
    (payment,), (request,) = rows(GatewayPayment), rows(PaymentRequest)
    assert (payment.state, payment.problem, payment.entry_id, request.state) == ("paid", None, payment.id, "paid")
    assert request.ended_at is not None
    assert payment.payment_id in owner.get(party).text
    assert "Pay now" not in visitor.get(page).text
    visitor.post(trial, {"outcome": "paid"}, status=422)


def test_coming_back_is_no_payment(visitor: Browser, party: str, page: str, context: Flask) -> None:
    begin(visitor, page)
    visitor.get(f"{page}?said=back&razorpay_payment_link_status=paid")
    assert balance(party) == 50000
    assert not rows(GatewayPayment)


@pytest.mark.parametrize("amount", ["", "0", "-5", "500.01", "1.234", "ten"])
def test_an_amount_that_can_not_be_paid(visitor: Browser, page: str, amount: str, context: Flask) -> None:
    refused = visitor.post(f"{page}/payments", {"pay": amount}, status=422)
    assert refused.hidden("pay") == amount or not amount
    assert not rows(PaymentRequest)


def test_in_parts_and_back(owner: Browser, visitor: Browser, party: str, page: str, context: Flask) -> None:
    trial = begin(visitor, page, "300")
    visitor.post(trial, {"outcome": "partly", "amount": "100"})
    assert rows(PaymentRequest)[0].state == "partly"
    assert "₹200" in visitor.get(trial).text
    visitor.post(trial, {"outcome": "failed"})
    visitor.post(trial, {"outcome": "paid"})
    assert rows(PaymentRequest)[0].state == "paid"
    assert balance(party) == 20000
    visitor.post(trial, {"outcome": "refunded"})
    assert balance(party) == 40000
    visitor.post(trial, {"outcome": "refunded"})
    assert balance(party) == 50000
    visitor.post(trial, {"outcome": "refunded"}, status=422)
    reasons = [entry.reason for entry in rows(Entry)]
    assert sorted(map(str, reasons)) == ["None", "gateway", "gateway", "refund", "refund"]


def test_the_same_form_twice_is_one_request(visitor: Browser, page: str, context: Flask) -> None:
    form = {"id": visitor.get(page).hidden("id"), "pay": "40"}
    visitor.post(f"{page}/payments", form)
    first = visitor.location
    visitor.post(f"{page}/payments", form, then=first)
    visitor.post(f"{page}/payments", {"pay": "40"}, then=first)  # and so is another one like it
    visitor.post(f"{page}/payments", {**form, "pay": "41"}, status=409)
    assert len(rows(PaymentRequest)) == 1


def test_nobody_begins_without_end(visitor: Browser, page: str) -> None:
    for number in range(collecting.MOST_OPEN):
        begin(visitor, page, str(number + 1))
    visitor.post(f"{page}/payments", {"pay": "9"}, status=429)
    with time_machine.travel(clock.now() + collecting.HOLDS + timedelta(minutes=1), tick=False):
        begin(visitor, page, "9")


def test_where_no_gateway_is(owner: Browser, visitor: Browser, party: str) -> None:
    page = link_of(owner, party)
    assert "Pay now" not in visitor.get(page).text
    visitor.post(f"{page}/payments", {"pay": "5"}, status=404)
    visitor.get("/pay/test/" + "A" * 60, 404)
    assert send(visitor, {}, b"{}") == 404


def test_where_nothing_is_owed(owner: Browser, visitor: Browser, gateway: Any) -> None:
    page = link_of(owner, owner.add_party("Nobody"))
    assert "Pay now" not in visitor.get(page).text
    visitor.post(f"{page}/payments", {"pay": "5"}, status=404)


# what goes wrong on the way to the gateway


class Unruly:
    """A gateway that answers as told; a link, where it is told nothing."""

    name, takes_partial, origins = "test", True, ("https://gateway.example",)

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), []  # type: ignore[var-annotated]

    def takes(self, _currency: str) -> bool:
        return True

    def create(self, request: Any) -> GatewayLink:
        self.asked.append(request)
        assert not db.session().in_transaction()
        with db.engine.connect() as other:  # nobody holds the database meanwhile: another one can write
            other.execute(sa.update(Shop).values(city="meanwhile"))
            other.commit()
        answer = self.answers.pop(0) if self.answers else GatewayLink("link", "https://gateway.example/x", None)
        if isinstance(answer, Exception):
            raise answer
        return answer


def with_gateway(app: Flask, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> Unruly:
    built = Unruly(*answers)
    monkeypatch.setitem(app.extensions, "khata_gateways", {"test": built})
    return built


def test_an_unknown_outcome_is_asked_again_under_the_same_reference(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str, context: Flask
) -> None:
    built = with_gateway(app, monkeypatch, OutcomeUnknown("cut"))
    visitor.post(f"{page}/payments", {"pay": "5"}, then="https://gateway.example/x")
    first, second = built.asked
    assert first == second
    assert len(first.reference) == 32


def test_a_gateway_that_is_down_may_be_asked_again(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str, context: Flask
) -> None:
    built = with_gateway(app, monkeypatch, GatewayError("down"))
    refused = visitor.post(f"{page}/payments", {"pay": "5.50"}, status=502)
    assert refused.hidden("pay") == "5.50"
    assert "did not answer" in refused.text
    visitor.post(f"{page}/payments", {"pay": "5.50", "id": refused.hidden("id")}, then="https://gateway.example/x")
    assert built.asked[0] == built.asked[1]
    (row,) = rows(PaymentRequest)
    assert (row.state, row.link_id) == ("open", "link")


def test_a_gateway_that_says_no_ends_it(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str, context: Flask
) -> None:
    with_gateway(app, monkeypatch, GatewayError("no", is_permanent=True, code="amount"))
    refused = visitor.post(f"{page}/payments", {"pay": "5"}, status=422)
    (row,) = rows(PaymentRequest)
    assert (row.state, row.error) == ("failed", "amount")
    visitor.post(f"{page}/payments", {"pay": "5", "id": refused.hidden("id")})


def test_a_gateway_that_says_no_is_not_asked_without_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str
) -> None:
    built = with_gateway(app, monkeypatch, *[GatewayError("no", is_permanent=True)] * 9)
    for _time in range(collecting.MOST_OPEN):
        visitor.post(f"{page}/payments", {"pay": "5"}, status=422)
    visitor.post(f"{page}/payments", {"pay": "5"}, status=429)
    assert len(built.asked) == collecting.MOST_OPEN


def test_where_many_wait_for_the_gateway(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str
) -> None:
    with_gateway(app, monkeypatch)
    monkeypatch.setattr(turns, "_asking", threading.BoundedSemaphore(1))
    with turns._asking:
        refused = visitor.post(f"{page}/payments", {"pay": "5"}, status=503)
    visitor.post(f"{page}/payments", {"pay": "5", "id": refused.hidden("id")})
    visitor.post(f"{page}/payments", {"pay": "6"}, status=403, Origin="https://elsewhere.example")


@pytest.mark.parametrize("url", ["https://elsewhere.example/x", "https://gateway.example.evil/x"])
def test_an_address_elsewhere_is_a_link_to_tap(
    app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str, url: str
) -> None:
    with_gateway(app, monkeypatch, GatewayLink("link", url, None))
    assert visitor.post(f"{page}/payments", {"pay": "5"}, status=200).links(url)


def test_an_address_that_is_none(app: Flask, monkeypatch: pytest.MonkeyPatch, visitor: Browser, page: str) -> None:
    with_gateway(app, monkeypatch, GatewayLink("link", "javascript:alert(1)", None))
    visitor.post(f"{page}/payments", {"pay": "5"}, status=502)


# webhooks


@pytest.fixture
def link(visitor: Browser, page: str, gateway: Any) -> Any:
    """The gateway's own view of a request of 500."""
    return gateway.read_token(begin(visitor, page).rpartition("/")[2])


def test_twice_and_after_a_year(visitor: Browser, party: str, gateway: Any, link: Any, context: Flask) -> None:
    headers, raw = gateway.webhook(link, "paid")
    assert [send(visitor, headers, raw) for _time in range(3)] == [200, 200, 200]
    before = dump()
    with time_machine.travel(clock.now() + timedelta(days=366), tick=False):
        assert send(visitor, headers, raw) == 403  # signed too long ago
        assert send(visitor, *gateway.webhook(link, "paid")) == 200  # signed anew
    assert dump() == before
    assert balance(party) == 0


@pytest.mark.parametrize("order", list(itertools.permutations(["failed", "paid", "refunded"])))
def test_in_any_order(visitor: Browser, party: str, gateway: Any, link: Any, order: Any, context: Flask) -> None:
    for word in (*order, *order):
        assert send(visitor, *gateway.webhook(link, word)) == 200
    (payment,) = rows(GatewayPayment)
    assert (payment.state, payment.refunded_minor) == ("refunded", 50000)
    assert sorted(str(entry.reason) for entry in rows(Entry)) == ["None", "gateway", "refund"]
    assert balance(party) == 50000


def test_a_failed_payment_is_no_entry(owner: Browser, visitor: Browser, gateway: Any, link: Any, party: str) -> None:
    send(visitor, *gateway.webhook(link, "failed"))
    with owner.app.app_context():
        assert balance(party) == 50000
    assert "a payment of ₹500 failed" in owner.get("/daybook?kind=pay").text


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"currency": "USD"}, "currency"), ({"amount": 50001}, "amount"), ({"amount": 0}, "amount")],
)
def test_what_was_not_asked_for_is_shown_and_not_written(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, changes: Any, problem: str
) -> None:
    other = link._replace(currency=changes.get("currency", "INR"))
    for word in ("paid", "paid", "refunded"):
        assert send(visitor, *gateway.webhook(other, word, changes.get("amount"))) == 200
    with owner.app.app_context():
        (payment,) = rows(GatewayPayment)
        assert (payment.problem, payment.entry_id) == (problem, None)
        assert balance(party) == 50000
        assert rows(PaymentRequest)[0].state == "open"
    assert "Look at this one" in owner.get("/collections").text


@pytest.mark.parametrize("change", [{"reference": "f" * 32}, {"reference": "x' OR 1=1 --"}])
def test_of_no_request_of_ours(visitor: Browser, gateway: Any, link: Any, change: Any, context: Flask) -> None:
    before, written, config = dump(), io.StringIO(), structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(written))
    try:
        assert send(visitor, *gateway.webhook(link._replace(**change), "paid")) == 200
    finally:
        structlog.configure(**config)
    assert dump() == before
    (line,) = [json.loads(one) for one in written.getvalue().splitlines()]
    assert line["event"] == "payment_of_no_request"
    assert set(line) <= {"event", "gateway", "level", "timestamp", "request", "route", "verb"}


def test_of_another_shop(
    visitor: Browser, stranger: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    """The reference decides: with our link's id and their reference it is theirs."""
    theirs = stranger.add_party("Theirs")
    stranger.write(theirs, "gave", "900")
    their_link = gateway.read_token(begin(Browser(visitor.app), link_of(stranger, theirs), "900").rpartition("/")[2])
    headers, raw = gateway.webhook(link._replace(reference=their_link.reference), "paid")
    assert send(visitor, headers, raw) == 200
    assert (balance(party), balance(theirs)) == (50000, 40000)
    assert send(visitor, *gateway.webhook(link, "paid")) == 200  # the same payment for us: it is theirs already
    assert (balance(party), balance(theirs)) == (50000, 40000)


@pytest.mark.parametrize("how", ["none", "other key", "other body", "other gateway"])
def test_a_bad_signature(visitor: Browser, gateway: Any, link: Any, how: str, context: Flask) -> None:
    before = dump()
    headers, raw = gateway.webhook(link, "paid")
    if how == "none":
        headers = {}
    elif how == "other body":
        raw = raw.replace(b"50000", b"40000")
    elif how == "other key":
        headers, raw = from_url("test://another-secret-here", public_url=HERE).webhook(link, "paid")  # type: ignore[attr-defined]
    status = send(visitor, headers, raw, "stripe" if how == "other gateway" else "test")
    assert status == (404 if how == "other gateway" else 403)
    assert dump() == before


def test_a_body_too_large_and_in_pieces(visitor: Browser, gateway: Any, link: Any) -> None:
    headers, raw = gateway.webhook(link, "paid")
    assert send(visitor, headers, raw + b" " * 300_000) == 413
    client = visitor.app.test_client()
    cut = {"CONTENT_LENGTH": str(len(raw) + 1)}
    assert client.post("/webhooks/test", data=raw, headers=headers, environ_overrides=cut).status_code == 400


def test_signed_nonsense(visitor: Browser, gateway: Any, link: Any) -> None:
    from khata.payments.gateways.signatures import sign_with_time

    for raw in (b"", b"[]", b'{"kind": 5}', b'{"kind": "paid", "link": {"id": "x"}}', b"\xff"):
        signed = {"Khata-Test-Signature": sign_with_time("a-secret-of-the-tests", raw, clock.now())}
        assert send(visitor, signed, raw) == 400
    raw = b'{"kind": "another"}'
    assert (
        send(visitor, {"Khata-Test-Signature": sign_with_time("a-secret-of-the-tests", raw, clock.now())}, raw) == 200
    )


def test_no_session_is_looked_at(owner: Browser, gateway: Any, link: Any) -> None:
    headers, raw = gateway.webhook(link, "paid")
    answer = owner.client.post("/webhooks/test", data=raw, headers={**headers, "Origin": "https://evil.example"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert "Set-Cookie" not in answer.headers


# the account


def test_more_than_is_owed_is_written(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    owner.write(party, "got", "500", note="By hand meanwhile")
    send(visitor, *gateway.webhook(link, "paid"))
    assert balance(party) == -50000
    assert "You will give ₹500" in owner.get(party).text


def test_joined_with_another_account(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    other = owner.add_party("Ramesh Kumar")
    owner.post(f"{party}/merge", {"into": other.rpartition("/")[2]})
    send(visitor, *gateway.webhook(link, "paid"))
    send(visitor, *gateway.webhook(link, "paid"))
    assert balance(other) == 0


def test_a_deleted_account_is_brought_back(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    owner.write(party, "got", "500")
    owner.post(f"{party}/deletion")
    send(visitor, *gateway.webhook(link, "paid"))
    assert balance(party) == -50000
    assert "₹500" in owner.get("/").text


def test_what_was_written_brings_nothing_back_when_it_comes_again(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    send(visitor, *gateway.webhook(link, "paid"))
    owner.post(f"{party}/deletion")
    before = dump()
    send(visitor, *gateway.webhook(link, "paid"))
    assert dump() == before
    send(visitor, *gateway.webhook(link, "refunded"))
    assert balance(party) == 50000


def test_an_account_that_can_not_come_back(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one has its number, say. Once that is put right, the next word of the payment writes it."""
    owner.write(party, "got", "500")
    owner.post(f"{party}/deletion")

    def refuse(*_arguments: Any) -> None:
        raise Invalid

    with monkeypatch.context() as patch:
        patch.setattr(taking.parties, "restore_party", refuse)
        send(visitor, *gateway.webhook(link, "paid"))
    with owner.app.app_context():
        (payment,) = rows(GatewayPayment)
    assert (payment.problem, payment.entry_id) == ("account", None)
    assert "can’t be written to" in owner.get("/collections").text
    send(visitor, *gateway.webhook(link, "paid"))
    with owner.app.app_context():
        (payment,) = rows(GatewayPayment)
        assert (payment.problem, payment.entry_id) == (None, payment.id)
        assert balance(party) == -50000


def test_an_entry_struck_out_stays_so(
    owner: Browser, visitor: Browser, party: str, gateway: Any, link: Any, context: Flask
) -> None:
    send(visitor, *gateway.webhook(link, "paid"))
    (payment,) = rows(GatewayPayment)
    owner.post(f"/entries/{payment.entry_id}/deletion")
    send(visitor, *gateway.webhook(link, "paid"))
    assert balance(party) == 50000


# at one time, without the web


class Many:
    """A gateway in name."""

    name, takes_partial = "razorpay", True


def told(reference: str, number: int, **changes: Any) -> taking.Told:
    payment = Payment(f"pay_{number}", "plink", reference, 1000, "INR", "paid", 0, clock.now(), None)
    return taking.told_by(Event("e", "k", payment._replace(**changes), "plink", reference, None, clock.now()))


def test_racing(context: Flask) -> None:
    """Eight threads tell of the same five payments, in orders of their own: five entries."""
    actor = make_shop()
    party_id = make_party(actor)
    write(actor, party_id, "gave", 10_000)
    with transaction():
        asked = collecting.Asked("razorpay", 5000, "INR")
        place = collecting.ask(Actor(actor.shop_id, None), party_id, new_id(), asked)
        reference = db.session.get(PaymentRequest, (actor.shop_id, place.request_id)).reference  # type: ignore[union-attr]
    start, wrong = threading.Barrier(8), []

    def tell(number: int) -> None:
        with context.app_context():
            start.wait()
            try:
                for at in range(5):
                    which = (at * (number % 4 + 1) + number) % 5
                    states: Any = ("failed", "paid", "refunded" if which == 4 else "paid")
                    with transaction():
                        taking.take_all(Many(), [told(reference, which, state=states[(at + number) % 3])])  # type: ignore[arg-type]
                    with transaction():
                        taking.take_all(Many(), [told(reference, which)])  # type: ignore[arg-type]
            except Exception as error:
                wrong.append(error)

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
    with transaction():
        taking.take_all(Many(), [told(reference, 4, state="refunded")])  # type: ignore[arg-type]
    assert not faults(actor)
    assert row_of(party_id).balance_minor == 10_000 - 4000
    assert sorted(str(entry.reason) for entry in rows(Entry)) == ["None", *["gateway"] * 5, "refund"]
    assert rows(PaymentRequest)[0].state == "paid"


def test_refunds_grow(context: Flask) -> None:
    actor = make_shop()
    party_id = make_party(actor)
    with transaction():
        place = collecting.ask(
            Actor(actor.shop_id, None), party_id, new_id(), collecting.Asked("razorpay", 1000, "INR")
        )
        reference = db.session.get(PaymentRequest, (actor.shop_id, place.request_id)).reference  # type: ignore[union-attr]
    balances = []
    for refunded in (0, 300, 300, 200, 1000, 0, 900):
        with transaction():
            state: Any = "refunded" if refunded == 1000 else "paid"
            taking.take_all(Many(), [told(reference, 1, refunded_minor=refunded, state=state)])  # type: ignore[arg-type]
        balances.append(row_of(party_id).balance_minor)
    assert balances == [-1000, -700, -700, -700, 0, 0, 0]
    assert not faults(actor)


def test_the_link_s_own_states(context: Flask) -> None:
    actor = make_shop()
    party_id = make_party(actor)
    with transaction():
        place = collecting.ask(
            Actor(actor.shop_id, None), party_id, new_id(), collecting.Asked("razorpay", 1000, "INR")
        )
        reference = db.session.get(PaymentRequest, (actor.shop_id, place.request_id)).reference  # type: ignore[union-attr]
    for state in ("expired", "cancelled", "expired"):
        with transaction():
            taking.take_all(Many(), [taking.Told(None, state, None if state == "x" else reference, "plink")])  # type: ignore[arg-type]
        assert rows(PaymentRequest)[0].state == "expired"
    with transaction():
        taking.take_all(Many(), [taking.Told(told(reference, 1).payment, "paid", None, "plink")])  # type: ignore[arg-type]
    assert rows(PaymentRequest)[0].state == "paid"  # it came after all; found by the gateway's own id of the link
    assert not faults(actor)


def test_made_while_it_was_paid(context: Flask) -> None:
    """The webhook is faster than the answer to the making of the link."""
    actor = make_shop()
    party_id = make_party(actor)
    with transaction():
        place = collecting.ask(
            Actor(actor.shop_id, None), party_id, new_id(), collecting.Asked("razorpay", 1000, "INR")
        )
        reference = db.session.get(PaymentRequest, (actor.shop_id, place.request_id)).reference  # type: ignore[union-attr]
        taking.take_all(Many(), [told(reference, 1)])  # type: ignore[arg-type]
    with transaction():
        collecting.made(actor.shop_id, place.request_id, GatewayLink("plink", "https://x.example/", None))
    (row,) = rows(PaymentRequest)
    assert (row.state, row.link_id) == ("paid", "plink")
    with pytest.raises(collecting.Ended), transaction():
        collecting.ask(actor, party_id, place.request_id, collecting.Asked("razorpay", 1000, "INR"))
