"""Stripe's Checkout Sessions, against a server that checks what https://docs.stripe.com/api says."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from khata.core import clock
from khata.payments.gateways import from_url
from khata.payments.gateways.contract import BadSignature, Event, GatewayError, LinkState, Payment, Unreadable
from tests.payments.conftest import NOW
from tests.payments.provider import Provider

SESSION = "cs_test_a1Ae6ClgOkjygKwrf9"
AT = datetime(2026, 11, 24, 9, 58, tzinfo=UTC)
SECONDS = clock.milliseconds(AT) // 1000
PAID = Payment("pi_1", SESSION, "ref-0001", 45000, "INR", "paid", 0, AT, None)


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def gateway(api: str = "", secrets: str = "whsec_one", timeout: tuple[int, int] = (1, 1)) -> Any:
    options = "&".join(f"webhook_secret={secret}" for secret in secrets.split())
    return from_url(f"stripe://sk_test_Abc@?{options}" + (f"&api={api}" if api else ""), timeout=timeout)


def session(**changes: Any) -> dict[str, Any]:
    return {
        "id": SESSION,
        "object": "checkout.session",
        "amount_total": 45000,
        "client_reference_id": "ref-0001",
        "currency": "inr",
        "customer_details": {"email": "ramesh@example.com", "name": "Ramesh"},
        "expires_at": SECONDS + 86400,
        "mode": "payment",
        "payment_intent": "pi_1",
        "payment_status": "paid",
        "status": "complete",
        "url": "https://checkout.stripe.com/c/pay/cs_test_a1#fid",
    } | changes


def charge(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ch_1",
        "object": "charge",
        "amount": 45000,
        "amount_refunded": 0,
        "created": SECONDS,
        "currency": "inr",
        "metadata": {"reference": "ref-0001"},
        "payment_intent": "pi_1",
    } | changes


def intent(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 45000,
        "created": SECONDS,
        "currency": "inr",
        "last_payment_error": None,
        "latest_charge": charge(),
        "metadata": {"reference": "ref-0001"},
        "status": "succeeded",
    } | changes


def test_works(provider: Provider, link_request: Any) -> None:
    provider.will_answer((200, session(payment_intent=None, payment_status="unpaid", status="open")))
    made = gateway(provider.url).create(link_request(expires_at=NOW + timedelta(hours=2)))
    assert made == (SESSION, "https://checkout.stripe.com/c/pay/cs_test_a1#fid", AT + timedelta(days=1))
    (asked,) = provider.asked
    assert (asked.method, asked.target) == ("POST", "/v1/checkout/sessions")
    assert asked.headers["authorization"] == "Bearer sk_test_Abc"
    assert asked.headers["idempotency-key"] == "key-0001-abcdef"
    assert asked.form == {
        "mode": "payment",
        "line_items[0][quantity]": "1",
        "line_items[0][price_data][currency]": "inr",
        "line_items[0][price_data][unit_amount]": "45000",
        "line_items[0][price_data][product_data][name]": "Asha Store",
        "client_reference_id": "ref-0001",
        "metadata[reference]": "ref-0001",
        "payment_intent_data[metadata][reference]": "ref-0001",
        "payment_intent_data[description]": "Asha Store",
        "success_url": "https://khata.example/pay/abc",
        "cancel_url": "https://khata.example/pay/abc",
        "adaptive_pricing[enabled]": "false",
        "expires_at": str(clock.milliseconds(NOW) // 1000 + 7200),
    }
    # Stripe is told nothing of the customer or of this machine.
    assert b"9876543210" not in asked.body
    assert "telemetry" not in str(asked.headers)
    assert "platform" not in asked.headers["x-stripe-client-user-agent"]


def test_ends_within_a_day(provider: Provider, link_request: Any) -> None:
    provider.will_answer((200, session()), (200, session()))
    for later in (None, NOW + timedelta(days=30)):
        gateway(provider.url).create(link_request(expires_at=later))
        assert "expires_at" not in provider.asked[-1].form
    with pytest.raises(GatewayError):
        gateway(provider.url).create(link_request(expires_at=NOW + timedelta(minutes=29)))


@pytest.mark.parametrize(
    ("currency", "minor", "wire"),
    [
        ("INR", 1, 1),
        ("JPY", 500, 500),
        ("KRW", 7, 7),
        ("MGA", 7, 7),
        ("ISK", 5, 500),
        ("UGX", 5, 500),
        ("RSD", 7, 700),
        ("HUF", 12345, 12345),
        ("TWD", 99, 99),
        ("KWD", 5120, 5120),
    ],
)
def test_amounts(provider: Provider, link_request: Any, currency: str, minor: int, wire: int) -> None:
    provider.will_answer((200, session()))
    gateway(provider.url).create(link_request(amount_minor=minor, currency=currency))
    assert provider.asked[0].form["line_items[0][price_data][unit_amount]"] == str(wire)
    told = hook("checkout.session.completed", session(currency=currency.lower(), amount_total=wire))
    (event,) = gateway().read_webhook(*told)
    assert (event.payment.amount_minor, event.payment.currency) == (minor, currency)


@pytest.mark.parametrize(("currency", "minor"), [("KWD", 5124), ("LYD", 10), ("IQD", 10), ("CLF", 10000)])
def test_amounts_that_can_not_be(provider: Provider, link_request: Any, currency: str, minor: int) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway(provider.url).create(link_request(amount_minor=minor, currency=currency))
    assert caught.value.is_permanent
    assert not provider.asked


def test_cancel(provider: Provider) -> None:
    late = (400, {"error": {"type": "invalid_request_error", "message": "Only Checkout Sessions with a status in"}})
    gone = session(status="expired", payment_status="unpaid", payment_intent=None)
    provider.will_answer((200, gone), late, (200, gone), late, (200, session(payment_intent=intent())))
    one = gateway(provider.url)
    one.cancel(SESSION)
    one.cancel(SESSION)
    with pytest.raises(GatewayError) as caught:
        one.cancel(SESSION)
    assert caught.value.is_permanent
    assert (provider.asked[0].method, provider.asked[0].path) == ("POST", f"/v1/checkout/sessions/{SESSION}/expire")
    with pytest.raises(GatewayError):
        one.cancel("../refunds")


def test_fetch(provider: Provider) -> None:
    declined = intent(
        status="requires_payment_method", latest_charge=None, last_payment_error={"code": "card_declined"}
    )
    unpaid = {"payment_status": "unpaid"}
    provider.will_answer(
        (200, session(payment_intent=intent())),
        (200, session(payment_intent=intent(latest_charge=charge(amount_refunded=500)))),
        (200, session(payment_intent=intent(latest_charge=charge(amount_refunded=45000)))),
        (200, session(payment_intent=None, status="open", **unpaid)),
        (200, session(payment_intent=declined, status="open", **unpaid)),
        (200, session(payment_intent=intent(status="processing", latest_charge=None), **unpaid)),
        (200, session(payment_intent=declined, **unpaid)),
        (200, session(payment_intent=None, status="expired", **unpaid)),
    )
    failed = PAID._replace(state="failed", error="card_declined")
    found = [gateway(provider.url).fetch(SESSION) for _ in range(8)]
    assert found == [
        LinkState("paid", 45000, (PAID,)),
        LinkState("paid", 45000, (PAID._replace(refunded_minor=500),)),
        LinkState("paid", 45000, (PAID._replace(refunded_minor=45000, state="refunded"),)),
        LinkState("open", 0, ()),
        LinkState("open", 0, (failed,)),
        LinkState("open", 0, ()),
        LinkState("expired", 0, (failed,)),
        LinkState("expired", 0, ()),
    ]
    assert provider.asked[0].path == f"/v1/checkout/sessions/{SESSION}"
    assert provider.asked[0].query == {"expand[0]": ["payment_intent.latest_charge"]}


def event(kind: str, entity: dict[str, Any], id_: str = "evt_1") -> dict[str, Any]:
    return {"id": id_, "object": "event", "type": kind, "created": SECONDS, "data": {"object": entity}}


def test_list_payments(provider: Provider) -> None:
    first = [
        event("checkout.session.completed", session(), "evt_9"),
        event("checkout.session.expired", session(), "evt_8"),
    ]
    second = [event("charge.refunded", charge(amount_refunded=100), "evt_7")]
    provider.will_answer(
        (200, {"object": "list", "data": first, "has_more": True}),
        (200, {"object": "list", "data": second, "has_more": False}),
    )
    found = list(gateway(provider.url).list_payments(NOW - timedelta(days=1), NOW))
    assert found == [PAID, PAID._replace(link_id=None, refunded_minor=100)]
    until = clock.milliseconds(NOW) // 1000
    kinds = ["completed", "async_payment_succeeded", "async_payment_failed", "expired"]
    asked = provider.asked[0].query
    assert provider.asked[0].path == "/v1/events"
    assert (asked["created[gte]"], asked["created[lte]"], asked["limit"]) == (
        [str(until - 86400)],
        [str(until)],
        ["100"],
    )
    types = {value[0] for name, value in asked.items() if name.startswith("types[")}
    assert types == {f"checkout.session.{word}" for word in kinds} | {
        "charge.refunded",
        "payment_intent.payment_failed",
    }
    assert provider.asked[1].query == asked | {"starting_after": ["evt_8"]}


def test_refund(provider: Provider) -> None:
    provider.will_answer((200, intent(currency="isk")), (200, {"id": "re_1", "object": "refund"}))
    assert gateway(provider.url).refund("pi_1", 5, "refund-0001") == "re_1"
    assert [(asked.method, asked.path) for asked in provider.asked] == [
        ("GET", "/v1/payment_intents/pi_1"),
        ("POST", "/v1/refunds"),
    ]
    assert provider.asked[1].form == {"payment_intent": "pi_1", "amount": "500"}
    assert provider.asked[1].headers["idempotency-key"] == "refund-0001"


def hook(kind: str, entity: dict[str, Any]) -> tuple[dict[str, str], bytes]:
    return signed(json.dumps(event(kind, entity)).encode())


def mac(raw: bytes, secret: str, at: int) -> str:
    return hmac.new(secret.encode(), b"%d." % at + raw, "sha256").hexdigest()


def signed(raw: bytes, secret: str = "whsec_one", age: int = 0, *, more: str = "") -> tuple[dict[str, str], bytes]:
    at = clock.milliseconds(NOW) // 1000 - age
    return {"Stripe-Signature": f"t={at},{more}v1={mac(raw, secret, at)},v0=6ffbb59b"}, raw


def test_webhooks_of_sessions() -> None:
    read = gateway().read_webhook
    paid = read(*hook("checkout.session.completed", session()))
    assert paid == [Event("evt_1", "checkout.session.completed", PAID, SESSION, "ref-0001", "paid", AT)]
    (waiting,) = read(*hook("checkout.session.completed", session(payment_status="unpaid")))
    assert (waiting.payment, waiting.link_state) == (None, "open")
    (late,) = read(*hook("checkout.session.async_payment_succeeded", session()))
    assert (late.payment, late.link_state) == (PAID, "paid")
    (failed,) = read(*hook("checkout.session.async_payment_failed", session(payment_status="unpaid")))
    assert (failed.payment.state, failed.link_state) == ("failed", "expired")
    (over,) = read(*hook("checkout.session.expired", session(payment_status="unpaid", payment_intent=None)))
    assert (over.payment, over.link_state) == (None, "expired")


def test_webhooks_of_payments() -> None:
    read = gateway().read_webhook
    said = {"code": "card_declined", "decline_code": "insufficient_funds", "message": "Ramesh's card was declined"}
    (failed,) = read(*hook("payment_intent.payment_failed", intent(last_payment_error=said)))
    assert failed.payment == PAID._replace(link_id=None, state="failed", error="insufficient_funds")
    (refunded,) = read(*hook("charge.refunded", charge(amount_refunded=45000)))
    assert refunded.payment == PAID._replace(link_id=None, state="refunded", refunded_minor=45000)


@pytest.mark.parametrize(
    ("kind", "entity"),
    [
        ("customer.created", {"id": "cus_1"}),
        ("checkout.session.completed", session(client_reference_id=None)),
        ("checkout.session.completed", session(mode="subscription")),
        ("charge.refunded", charge(metadata={})),
        ("payment_intent.payment_failed", intent(metadata={})),
    ],
)
def test_what_is_not_ours_is_nothing(kind: str, entity: dict[str, Any]) -> None:
    assert gateway().read_webhook(*hook(kind, entity)) == []


RAW = json.dumps(event("checkout.session.completed", session())).encode()


def test_signatures() -> None:
    headers, _ = signed(RAW)
    for place in (0, len(RAW) // 2, len(RAW) - 1):
        with pytest.raises(BadSignature):
            gateway().read_webhook(headers, RAW[:place] + bytes([RAW[place] ^ 1]) + RAW[place + 1 :])
    value = headers["Stripe-Signature"]
    time, mac_, old = value.split(",")
    wrong = ["", "t=,v1=", mac_, time, f"{time},{old}", f"{time},{time},{mac_}", f"t=-5,{mac_}", f"t=١٢٣,{mac_}"]
    wrong += [value.replace("t=1", "t=2"), value.replace("v1", "v2"), f"{time},v1=é", f"t={'9' * 5000},{mac_}"]
    for one in wrong:
        with pytest.raises(BadSignature):
            gateway().read_webhook({"Stripe-Signature": one}, RAW)
    with pytest.raises(BadSignature):
        gateway().read_webhook({}, RAW)
    with pytest.raises(BadSignature):
        gateway().read_webhook(*signed(RAW, "whsec_two"))


def test_a_key_that_rolls() -> None:
    at = clock.milliseconds(NOW) // 1000
    # Stripe signs with both; ours may know the new one, the old one, or both.
    both = signed(RAW, more=f"v1={mac(RAW, 'whsec_new', at)},")
    for known in ("whsec_new", "whsec_one", "whsec_new whsec_one"):
        assert gateway(secrets=known).read_webhook(*both)
    with pytest.raises(BadSignature):
        gateway(secrets="whsec_other").read_webhook(*both)


def test_replayed_late() -> None:
    assert gateway().read_webhook(*signed(RAW, age=300))
    for age in (301, 365 * 86400):
        with pytest.raises(BadSignature):
            gateway().read_webhook(*signed(RAW, age=age))


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"\xff", b'{"type": 1}', b'{"type": "charge.refunded"}', b"1" * 5000]
)
def test_signed_nonsense_is_named(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        gateway().read_webhook(*signed(raw))


@pytest.mark.parametrize(
    "changes",
    [{"amount_total": 1.0}, {"amount_total": "1"}, {"currency": "isk", "amount_total": 550}, {"currency": "?"}],
)
def test_amounts_are_exact(changes: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        gateway().read_webhook(*hook("checkout.session.completed", session(**changes)))


def test_a_return_says_nothing() -> None:
    assert not gateway().verify_return({"session_id": SESSION})
