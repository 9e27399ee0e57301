"""The test gateway: nothing is kept, everything is signed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from khata.payments.gateways import from_url
from khata.payments.gateways.contract import BadSignature, GatewayError, LinkState, Unreadable
from khata.payments.gateways.signatures import sign_with_time
from tests.payments.conftest import NOW


@pytest.fixture(autouse=True)
def _now() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def gateway() -> Any:
    return from_url("test://Secret", public_url="http://127.0.0.1:8000")


def token_of(url: str) -> str:
    assert url.startswith("http://127.0.0.1:8000/pay/test/")
    return url.rpartition("/")[2]


def test_works(gateway: Any, link_request: Any) -> None:
    request = link_request(expires_at=NOW + timedelta(hours=1))
    made = gateway.create(request)
    link = gateway.read_token(token_of(made.url))
    assert (link.id, link.reference, link.amount_minor, link.currency) == (made.id, "ref-0001", 45000, "INR")
    assert (link.expires_at, link.return_url) == (request.expires_at, request.return_url)
    assert (link.description, link.accepts_partial, link.is_over) == ("Asha Store", True, False)
    (event,) = gateway.read_webhook(*gateway.webhook(link, "paid"))
    assert (event.kind, event.link_id, event.reference, event.link_state) == ("paid", made.id, "ref-0001", "paid")
    assert (event.payment.amount_minor, event.payment.currency, event.payment.state) == (45000, "INR", "paid")
    with time_machine.travel(NOW + timedelta(hours=1), tick=False):
        assert link.is_over


def test_asked_again_it_is_the_same(gateway: Any, link_request: Any) -> None:
    assert gateway.create(link_request()) == gateway.create(link_request())
    assert gateway.create(link_request()).id != gateway.create(link_request(idempotency_key="key-0002-abcdef")).id
    assert gateway.refund("tpay_1", 5, "refund-0001") == gateway.refund("tpay_1", 5, "refund-0001")
    assert gateway.refund("tpay_1", 5, "refund-0001") != gateway.refund("tpay_1", 5, "refund-0002")


def test_outcomes(gateway: Any, link_request: Any) -> None:
    link = gateway.read_token(token_of(gateway.create(link_request()).url))
    read = {
        word: gateway.read_webhook(*gateway.webhook(link, word, 500, 2))[0] for word in ("partly", "failed", "refunded")
    }
    found = [(e.link_state, e.payment.state, e.payment.refunded_minor, e.payment.error) for e in read.values()]
    assert found == [("partly", "paid", 0, None), (None, "failed", 0, "declined"), (None, "refunded", 500, None)]
    assert len({event.payment.id for event in read.values()}) == 1
    assert len({event.id for event in read.values()}) == 3
    other = gateway.read_webhook(*gateway.webhook(link, "partly", 500, 3))[0]
    assert other.payment.id != read["partly"].payment.id


def test_nothing_is_kept(gateway: Any) -> None:
    gateway.cancel("tlink_1")
    assert gateway.fetch("tlink_1") == LinkState("open", 0, ())
    assert list(gateway.list_payments(NOW, NOW)) == []
    assert not gateway.verify_return({"paid": "yes"})


def test_what_was_not_signed_here_is_refused(gateway: Any, link_request: Any) -> None:
    token = token_of(gateway.create(link_request()).url)
    other = from_url("test://secret", public_url="http://127.0.0.1:8000")
    headers, raw = gateway.webhook(gateway.read_token(token), "paid")
    for wrong in ("", "x", token[:-1], "A" + token, token_of(other.create(link_request()).url)):
        with pytest.raises(BadSignature):
            gateway.read_token(wrong)
    for sent, body in ((headers, raw + b" "), ({}, raw), other.webhook(gateway.read_token(token), "paid")):
        with pytest.raises(BadSignature):
            gateway.read_webhook(sent, body)
    with time_machine.travel(NOW + timedelta(minutes=6), tick=False), pytest.raises(BadSignature):
        gateway.read_webhook(headers, raw)


def test_signed_nonsense(gateway: Any) -> None:
    def send(raw: bytes) -> Any:
        return gateway.read_webhook({"khata-test-signature": sign_with_time("Secret", raw, NOW)}, raw)

    assert send(b'{"kind": "other"}') == []
    for raw in (b"", b"[]", b'{"kind": 1}', b'{"kind": "paid"}'):
        with pytest.raises(Unreadable):
            send(raw)


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 0}, {"amount_minor": 1.5}, {"expires_at": NOW - timedelta(days=1)}]
)
def test_what_can_not_be(gateway: Any, link_request: Any, changes: dict[str, Any]) -> None:
    with pytest.raises(GatewayError):
        gateway.create(link_request(**changes))
    with pytest.raises(GatewayError):
        gateway.refund("tpay_1", 0, "refund-0001")
