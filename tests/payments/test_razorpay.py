"""Razorpay's payment links, against a server that checks what https://razorpay.com/docs/api/ says."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from khata.core import clock
from khata.payments.gateways import from_url
from khata.payments.gateways.contract import BadSignature, Event, GatewayError, LinkState, Payment, Unreadable
from khata.payments.gateways.signatures import digest, is_signed
from tests.payments.provider import Provider

LINK = "plink_FOGqq3O6E5bkml"
AT = datetime(2020, 8, 8, 12, 38, 9, tzinfo=UTC)


def gateway(api: str = "", secrets: str = "whs-one", timeout: tuple[int, int] = (1, 1)) -> Any:
    options = "&".join(f"webhook_secret={secret}" for secret in secrets.split())
    return from_url(f"razorpay://rzp_key:sec%2Fret@?{options}" + (f"&api={api}" if api else ""), timeout=timeout)


def link(**changes: Any) -> dict[str, Any]:
    return {
        "id": LINK,
        "amount": 45000,
        "amount_paid": 0,
        "currency": "INR",
        "expire_by": 0,
        "reference_id": "ref-0001",
        "short_url": "https://rzp.io/i/nxrHnLJ",
        "status": "created",
        "payments": None,
    } | changes


def payment(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pay_FOGsH8uHkF2FbR",
        "entity": "payment",
        "amount": 45000,
        "amount_refunded": 0,
        "currency": "INR",
        "status": "captured",
        "description": "#FOGqq3O6E5bkml",
        "contact": "+919876543210",
        "email": "ramesh@example.com",
        "notes": [],
        "error_code": None,
        "error_reason": None,
        "created_at": clock.milliseconds(AT) // 1000,
    } | changes


PAID = Payment("pay_FOGsH8uHkF2FbR", LINK, "ref-0001", 45000, "INR", "paid", 0, AT, None)


def refusal(description: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": "BAD_REQUEST_ERROR", "description": description, "field": None, **more}}


def test_works(provider: Provider, link_request: Any) -> None:
    end = clock.now().replace(microsecond=0) + timedelta(days=3)
    provider.will_answer((200, link(expire_by=clock.milliseconds(end) // 1000)))
    made = gateway(provider.url).create(link_request(expires_at=end))
    assert made == (LINK, "https://rzp.io/i/nxrHnLJ", end)
    (asked,) = provider.asked
    assert (asked.method, asked.target) == ("POST", "/v1/payment_links")
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(b"rzp_key:sec/ret").decode()
    assert asked.json == {
        "amount": 45000,
        "currency": "INR",
        "accept_partial": True,
        "reference_id": "ref-0001",
        "description": "Asha Store",
        "customer": {"name": "रमेश कुमार", "contact": "+919876543210"},
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "notes": {"reference": "ref-0001"},
        "callback_url": "https://khata.example/pay/abc",
        "callback_method": "get",
        "expire_by": clock.milliseconds(end) // 1000,
    }


def test_a_customer_without_number_has_none(provider: Provider, link_request: Any) -> None:
    provider.will_answer((200, link()))
    assert gateway(provider.url).create(link_request(customer_phone=None)).expires_at is None
    assert provider.asked[0].json["customer"] == {"name": "रमेश कुमार"}
    assert "expire_by" not in provider.asked[0].json


@pytest.mark.parametrize("listing", ["payment_links", "items"])
def test_a_link_made_before_is_found_again(provider: Provider, link_request: Any, listing: str) -> None:
    said = (
        "payment link with given reference_id: ref-0001 already exists. Please create a payment link with a different"
    )
    provider.will_answer(
        (400, refusal(said)), (200, {listing: [link(id="plink_other", reference_id="ref-00012"), link()]})
    )
    assert gateway(provider.url).create(link_request()).id == LINK
    assert provider.asked[1].method == "GET"
    assert (provider.asked[1].path, provider.asked[1].query) == ("/v1/payment_links", {"reference_id": ["ref-0001"]})


def test_a_link_made_before_is_found_where_the_filter_finds_nothing(provider: Provider, link_request: Any) -> None:
    exists = (400, refusal("reference_id already exists"))
    provider.will_answer(exists, (200, {"payment_links": []}), (200, {"payment_links": [link()]}))
    assert gateway(provider.url).create(link_request()).id == LINK
    assert provider.asked[2].query == {"count": ["100"]}


@pytest.mark.parametrize("other", [{"amount": 45001}, {"currency": "USD"}])
def test_a_reference_of_another_link_is_refused(provider: Provider, link_request: Any, other: dict[str, Any]) -> None:
    exists = (400, refusal("reference_id already exists"))
    provider.will_answer(exists, (200, {"payment_links": [link(**other)]}))
    with pytest.raises(GatewayError) as caught:
        gateway(provider.url).create(link_request())
    assert (caught.value.is_permanent, caught.value.code) == (True, "reference")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": datetime(2026, 1, 1, tzinfo=UTC)}, "expires_at"),
        ({"reference": "ref 1"}, "reference"),
        ({"reference": "r" * 41}, "reference"),
        ({"idempotency_key": "short"}, "idempotency_key"),
        ({"amount_minor": 0}, "amount"),
        ({"amount_minor": 45000.0}, "amount"),
        ({"amount_minor": 10**14}, "amount"),
        ({"amount_minor": 1001, "currency": "KWD"}, "amount"),
        ({"currency": "LAK"}, "currency"),
        ({"currency": "inr"}, "currency"),
    ],
)
def test_what_can_not_be_asked_is_not_asked(
    provider: Provider, link_request: Any, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(GatewayError) as caught:
        gateway(provider.url).create(link_request(**changes))
    assert (caught.value.is_permanent, caught.value.code) == (True, code)
    assert not provider.asked


def test_cancel(provider: Provider) -> None:
    provider.will_answer((200, link(status="cancelled")))
    gateway(provider.url).cancel(LINK)
    assert (provider.asked[0].method, provider.asked[0].path) == ("POST", f"/v1/payment_links/{LINK}/cancel")


def test_cancel_of_a_link_that_has_ended_is_fine_and_of_a_paid_one_is_not(provider: Provider) -> None:
    late = (400, refusal("Payment Link cannot be cancelled"))
    provider.will_answer(late, (200, link(status="expired")), late, (200, link(status="paid", amount_paid=45000)))
    gateway(provider.url).cancel(LINK)
    with pytest.raises(GatewayError) as caught:
        gateway(provider.url).cancel(LINK)
    assert caught.value.is_permanent


def test_fetch(provider: Provider) -> None:
    parts = [{"payment_id": f"pay_{n}", "amount": 20000, "status": "captured", "plink_id": LINK} for n in range(3)]
    provider.will_answer(
        (200, link(status="partially_paid", amount_paid=40000, payments=parts)),
        (200, payment(id="pay_0", amount=20000, amount_refunded=500)),
        (200, payment(id="pay_1", amount=20000, status="refunded", amount_refunded=20000)),
        (200, payment(id="pay_2", amount=20000, status="failed", error_reason="payment_failed")),
    )
    state = gateway(provider.url).fetch(LINK)
    expected = [
        ("pay_0", "paid", 500, None),
        ("pay_1", "refunded", 20000, None),
        ("pay_2", "failed", 0, "payment_failed"),
    ]
    assert (state.state, state.paid_minor) == ("partly", 40000)
    assert [(one.id, one.state, one.refunded_minor, one.error) for one in state.payments] == expected
    assert {(one.link_id, one.reference) for one in state.payments} == {(LINK, "ref-0001")}
    assert [asked.path for asked in provider.asked[1:]] == [f"/v1/payments/pay_{n}" for n in range(3)]
    provider.will_answer((200, link(payments=parts[:1])), (200, payment(status="authorized")))
    assert gateway(provider.url).fetch(LINK) == LinkState("open", 0, ())


def test_list_payments(provider: Provider) -> None:
    others = [payment(id=f"pay_x{n}", description="Test Transaction") for n in range(99)]
    provider.will_answer(
        (200, {"items": [payment(), *others]}),
        (200, {"items": [payment(id="pay_n", description="Bill", notes={"reference": "ref-0002"})]}),
        (200, {"items": [{"id": "rfnd_1", "payment_id": "pay_old"}, {"id": "rfnd_2", "payment_id": "pay_other"}]}),
        (200, payment(id="pay_old", amount_refunded=100)),
        (200, payment(id="pay_other", description="Test Transaction")),
    )
    found = list(gateway(provider.url).list_payments(AT, AT + timedelta(days=1)))
    assert [(one.id, one.link_id, one.reference, one.refunded_minor) for one in found] == [
        ("pay_FOGsH8uHkF2FbR", LINK, None, 0),
        ("pay_n", None, "ref-0002", 0),
        ("pay_old", LINK, None, 100),
    ]
    window = {"from": ["1596890289"], "to": ["1596976689"], "count": ["100"]}
    assert [(asked.path, asked.query) for asked in provider.asked[:3]] == [
        ("/v1/payments", window | {"skip": ["0"]}),
        ("/v1/payments", window | {"skip": ["100"]}),
        ("/v1/refunds", window | {"skip": ["0"]}),
    ]


def test_refund(provider: Provider) -> None:
    provider.will_answer((200, {"id": "rfnd_1", "amount": 100}), (200, {"id": "rfnd_2", "amount": 200}))
    one = gateway(provider.url)
    assert one.refund("pay_1", 100, "refund-0001") == "rfnd_1"
    assert one.refund("pay_2", 200, "refund-0002") == "rfnd_2"
    assert (provider.asked[0].method, provider.asked[0].path) == ("POST", "/v1/payments/pay_1/refund")
    assert [asked.json for asked in provider.asked] == [{"amount": 100}, {"amount": 200}]
    assert [asked.headers["x-refund-idempotency"] for asked in provider.asked] == ["refund-0001", "refund-0002"]
    for wrong in (("../payments", 100, "refund-0001"), ("pay_1", -1, "refund-0001"), ("pay_1", 1, "refund 00001")):
        with pytest.raises(GatewayError):
            one.refund(*wrong)
    assert len(provider.asked) == 2


def hook(kind: str, secret: str = "whs-one", event_id: str = "ev_1", **payload: Any) -> tuple[dict[str, str], bytes]:
    entities = {name: {"entity": entity} for name, entity in payload.items()}
    body = {"entity": "event", "event": kind, "payload": entities, "created_at": 1596890300}
    return signed(json.dumps(body).encode(), secret, event_id)


def signed(raw: bytes, secret: str = "whs-one", event_id: str = "ev_1") -> tuple[dict[str, str], bytes]:
    signature = hmac.new(secret.encode(), raw, "sha256").hexdigest()
    return {"X-Razorpay-Signature": signature, "x-razorpay-event-id": event_id}, raw


TOLD = datetime(2020, 8, 8, 12, 38, 20, tzinfo=UTC)


def test_webhooks_of_links() -> None:
    read = gateway().read_webhook
    paid = read(*hook("payment_link.paid", payment_link=link(status="paid"), payment=payment()))
    assert paid == [Event("ev_1", "payment_link.paid", PAID, LINK, "ref-0001", "paid", TOLD)]
    # Late and out of order: the link says "paid" by now, the event is of the part.
    (part,) = read(*hook("payment_link.partially_paid", payment_link=link(status="paid"), payment=payment(amount=100)))
    assert (part.link_state, part.payment.amount_minor, part.payment.state) == ("partly", 100, "paid")
    for word in ("expired", "cancelled"):
        (event,) = read(*hook(f"payment_link.{word}", payment_link=link(status=word)))
        assert (event.link_state, event.payment, event.link_id) == (word, None, LINK)


def test_webhooks_of_payments_and_refunds() -> None:
    read = gateway().read_webhook
    (failed,) = read(*hook("payment.failed", payment=payment(status="failed", error_reason="payment_cancelled")))
    assert (failed.payment.state, failed.payment.error, failed.link_id) == ("failed", "payment_cancelled", LINK)
    whole = payment(status="refunded", amount_refunded=45000)
    (refunded,) = read(*hook("refund.processed", refund={"id": "rfnd_1"}, payment=whole))
    assert (refunded.payment.state, refunded.payment.refunded_minor) == ("refunded", 45000)
    (partly,) = read(*hook("refund.created", refund={"id": "rfnd_1"}, payment=payment(amount_refunded=1)))
    assert (partly.payment.state, partly.payment.refunded_minor) == ("paid", 1)
    # The same account is used elsewhere too.
    assert read(*hook("payment.captured", payment=payment(description="Order 5"))) == []
    assert read(*hook("payment.captured", payment=payment(status="authorized"))) == []


def test_what_is_not_known_is_nothing() -> None:
    assert gateway().read_webhook(*hook("subscription.charged", subscription={"id": "sub_1"})) == []


def test_an_event_without_id_has_one_of_its_bytes() -> None:
    headers, raw = hook("payment_link.expired", payment_link=link())
    del headers["x-razorpay-event-id"]
    first, again = (gateway().read_webhook(headers, raw)[0].id for _ in range(2))
    assert first == again
    assert len(first) == 64


def test_signatures() -> None:
    headers, raw = hook("payment_link.paid", payment_link=link(), payment=payment())
    for place in (0, len(raw) // 2, len(raw) - 1):
        with pytest.raises(BadSignature):
            gateway().read_webhook(headers, raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
    for wrong in ({}, {"X-Razorpay-Signature": ""}, {"X-Razorpay-Signature": "é" * 64}):
        with pytest.raises(BadSignature):
            gateway().read_webhook(wrong, raw)
    with pytest.raises(BadSignature):
        gateway(secrets="whs-two").read_webhook(headers, raw)
    with pytest.raises(BadSignature):
        gateway().read_webhook(*hook("payment_link.paid", secret="", payment_link=link()))
    # While the secret changes both hold; header names are spelt as the server in front likes.
    assert gateway(secrets="whs-two whs-one").read_webhook({k.lower(): v for k, v in headers.items()}, raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"event": 5}',
        b'{"event": "payment_link.paid"}',
        b'{"event": "payment_link.paid", "payload": {"payment_link": {"entity": []}}}',
        b'{"event": "payment_link.expired", "created_at": "x", "payload": {"payment_link": {"entity": {"id": "a"}}}}',
        b" " * 1_000_001,
    ],
)
def test_signed_nonsense_is_named(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        gateway().read_webhook(*signed(raw))


@pytest.mark.parametrize("amount", [450.0, "45000", -1, None, True, 1e400])
def test_an_amount_is_a_whole_number(amount: Any) -> None:
    with pytest.raises(Unreadable):
        gateway().read_webhook(*hook("payment_link.paid", payment_link=link(), payment=payment(amount=amount)))


def returned(**changes: str) -> dict[str, str]:
    query = {
        "razorpay_payment_id": "pay_1",
        "razorpay_payment_link_id": LINK,
        "razorpay_payment_link_reference_id": "ref-0001",
        "razorpay_payment_link_status": "paid",
    } | changes
    names = ("link_id", "link_reference_id", "link_status", "id")
    said = "|".join(query[f"razorpay_payment_{name}"] for name in names)
    return query | {"razorpay_signature": hmac.new(b"sec/ret", said.encode(), "sha256").hexdigest()}


def test_returns() -> None:
    verify = gateway().verify_return
    assert verify(returned())
    assert verify(returned(razorpay_payment_link_reference_id=""))
    for name in returned():
        assert not verify(returned() | {name: "other"})
        assert not verify({key: value for key, value in returned().items() if key != name})
    assert not verify({})
    # Well signed, and of no payment.
    for name in ("id", "link_id", "link_status"):
        assert not verify(returned(**{f"razorpay_payment_{name}": ""}))


def test_an_empty_secret_signs_nothing() -> None:
    assert is_signed(["", "two"], b"body", [digest("two", b"body")])
    assert not is_signed(["", "two"], b"body", [digest("", b"body")])
    assert not is_signed([], b"body", ["", digest("", b"body")])
