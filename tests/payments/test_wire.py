"""What goes wrong on the way, the same for both clients: what may have happened is never taken for what has not."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest

from khata.payments.gateways.contract import GatewayError, OutcomeUnknown
from tests.payments import test_razorpay, test_stripe
from tests.payments.provider import Answer, Provider, cut, cut_within, hang, redirect

BOTH = [test_razorpay.gateway, test_stripe.gateway]
SECRETS = ["sec/ret", "sk_test_Abc", "9876543210", "रमेश", "ref-0001", "Basic", "Bearer"]
SAID = "contact +919876543210 of रमेश is wrong, key sk_test_Abc"
ERRORS: list[tuple[int, str | None, bool]] = [
    (400, "bad_request_error", True),
    (401, "api_key_invalid", True),
    (402, "card_error", True),
    (403, "forbidden", True),
    (404, "resource_missing", True),
    (409, "lock_timeout", False),
    (429, "rate_limit", False),
]


@pytest.fixture(params=BOTH, ids=["razorpay", "stripe"])
def make(request: pytest.FixtureRequest) -> Callable[..., Any]:
    return request.param


def test_errors_that_are_documented(make: Any, provider: Provider, link_request: Any) -> None:
    for status, code, is_permanent in ERRORS:
        provider.will_answer((status, {"error": {"code": code, "message": SAID, "description": SAID}}))
        with pytest.raises(GatewayError) as caught:
            make(provider.url).create(link_request())
        assert not isinstance(caught.value, OutcomeUnknown)
        assert (caught.value.is_permanent, caught.value.code) == (is_permanent, code)
    assert len(provider.asked) == len(ERRORS)  # nothing is asked twice by itself


def test_a_code_that_is_a_sentence_is_not_passed_on(make: Any, provider: Provider, link_request: Any) -> None:
    for body in ({"error": {"code": SAID}}, {"error": SAID}, {"error": [1]}, {}, b"<html>", b"[]"):
        provider.will_answer((400, body))
        with pytest.raises(GatewayError) as caught:
            make(provider.url).create(link_request())
        assert caught.value.code == "400"


DOUBTFUL: list[Answer] = [
    (500, {"error": {"code": "SERVER_ERROR", "description": SAID}}),
    (502, b"<html>Bad gateway</html>"),
    (503, b""),
    (504, {}),
    (200, b"<html>"),
    (200, b"[]"),
    (200, {"object": "something else"}),
    (200, {"id": 5, "url": "https://x", "short_url": "https://x"}),
    hang,
    cut,
    cut_within,
]


@pytest.mark.parametrize("answer", DOUBTFUL, ids=[str(number) for number in range(len(DOUBTFUL))])
def test_a_write_may_have_happened(make: Any, provider: Provider, link_request: Any, answer: Answer) -> None:
    provider.will_answer(answer)
    with pytest.raises(OutcomeUnknown) as caught:
        make(provider.url).create(link_request())
    assert not caught.value.is_permanent
    assert len(provider.asked) == 1


@pytest.mark.parametrize("answer", [(500, {}), hang, cut, cut_within], ids=["500", "hang", "cut", "within"])
def test_a_read_may_be_asked_again(make: Any, provider: Provider, answer: Answer) -> None:
    provider.will_answer(answer)
    with pytest.raises(GatewayError) as caught:
        make(provider.url).fetch("id_1")
    assert not isinstance(caught.value, OutcomeUnknown)
    assert not caught.value.is_permanent


def test_a_refund_in_doubt(provider: Provider) -> None:
    for answer in ((500, {}), hang, cut, (200, {})):
        provider.will_answer(answer)
        with pytest.raises(OutcomeUnknown):
            test_razorpay.gateway(provider.url).refund("pay_1", 5, "refund-0001")
        provider.will_answer((200, test_stripe.intent()), answer)
        with pytest.raises(OutcomeUnknown):
            test_stripe.gateway(provider.url).refund("pi_1", 5, "refund-0001")


def test_what_never_left_did_not_happen(make: Any, link_request: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        make("http://127.0.0.1:1").create(link_request())
    assert not isinstance(caught.value, OutcomeUnknown)
    assert not caught.value.is_permanent


def test_no_redirect_is_followed(make: Any, provider: Provider, link_request: Any) -> None:
    provider.will_answer(redirect, (200, test_razorpay.link()))
    with pytest.raises(GatewayError) as caught:
        make(provider.url).create(link_request())
    assert caught.value.is_permanent
    assert [asked.path for asked in provider.asked] != ["/elsewhere"]
    assert len(provider.asked) == 1


def test_authorities_are_asked_and_time_is_limited(
    make: Any, monkeypatch: pytest.MonkeyPatch, link_request: Any
) -> None:
    seen = []

    def send(_session: Any, _request: Any, **options: Any) -> Any:
        seen.append(options)
        raise ConnectionAbortedError

    monkeypatch.setattr("requests.Session.send", send)
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(ConnectionAbortedError):
        make(timeout=None).create(link_request())
    assert [(one["verify"], one["timeout"], one["allow_redirects"]) for one in seen] == [(True, (5, 20), False)]


def test_no_password_of_netrc(
    provider: Provider, link_request: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    provider.will_answer((200, test_stripe.session()))
    test_stripe.gateway(provider.url).create(link_request())
    assert provider.asked[0].headers["authorization"] == "Bearer sk_test_Abc"


def test_nothing_private_is_told(
    make: Any,
    provider: Provider,
    link_request: Any,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    bodies: list[Answer] = [(status, {"error": {"code": SAID, "description": SAID}}) for status in (400, 401, 429, 500)]
    for answer in [*bodies, hang, cut, (200, {"id": SAID}), (200, {"id": SAID, "url": 5, "short_url": 5})]:
        provider.will_answer(answer)
        with pytest.raises(GatewayError) as caught:
            make(provider.url).create(link_request())
        chain, error = [], caught.value
        while error is not None:
            assert isinstance(error, GatewayError)  # those of the clients quote addresses
            chain.append(f"{error} {error!r}")
            error = (
                None if error.__suppress_context__ and error.__cause__ is None else error.__cause__ or error.__context__
            )
        assert not [word for word in SECRETS if word in " ".join(chain)]
    told = caplog.text + "".join(capfd.readouterr()) + repr(make(provider.url))
    assert not [word for word in SECRETS if word in told]
