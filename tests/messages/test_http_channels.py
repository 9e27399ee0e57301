"""What every channel by HTTP does alike: how each failure is understood, and that it tells nothing."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from khata.core import clock
from khata.messages.channels import Channel, ChannelError, OutcomeUnknown, Outgoing, Template, build
from khata.messages.channels.http_call import Answer, Caller, retry_after
from tests.messages.provider import (
    BODY,
    CUT,
    CUT_IN_ANSWER,
    DRIP,
    GARBAGE,
    HANG,
    NUMBER,
    Provider,
    own_certificate,
    provider_here,
)

Make = Callable[[str], Channel]


def made(channel: str, url: str) -> Channel:
    """A channel that has little patience."""
    one = build(channel, url, Path("/nowhere"))
    one.caller = Caller(answer_seconds=0.3)  # type: ignore[attr-defined]
    return one


MAKE: dict[str, Make] = {
    "http_sms": lambda base: made("sms", f"http+sms://user:SECRET@{base.partition('//')[2]}/send?header.X-Key=SECRET"),
    "twilio": lambda base: made("sms", f"twilio://AC1:SECRET@+15550100200?base={base}"),
    "msg91": lambda base: made("sms", f"msg91://SECRET@KHATAS?template=t1&base={base}"),
    "whatsapp": lambda base: made("whatsapp", f"whatsapp://SECRET@1055?base={base}"),
}


@pytest.fixture(params=sorted(MAKE))
def make(request: pytest.FixtureRequest) -> Make:
    """Makes the channel at a base."""
    return MAKE[request.param]


def refused(channel: Channel, message: Outgoing) -> ChannelError:
    """The error of a message that was not sent, and that tells nothing private."""
    with pytest.raises(ChannelError) as caught:
        channel.send(message)
    assert_silent(caught.value)
    return caught.value


def unknown(channel: Channel, message: Outgoing) -> OutcomeUnknown:
    """The same of one that may have gone out."""
    with pytest.raises(OutcomeUnknown) as caught:
        channel.send(message)
    assert_silent(caught.value)
    return caught.value


def assert_silent(error: BaseException) -> None:
    """Neither the text nor what would be shown with it holds number, body or secret."""
    assert error.__suppress_context__ or error.__context__ is None, repr(error.__context__)
    for private in (NUMBER, NUMBER[1:], BODY[:10], "SECRET", "http:"):
        assert private not in str(error)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 302, 307])
def test_a_no_is_permanent_and_no_redirect_is_followed(
    make: Make, provider: Provider, message: Outgoing, status: int
) -> None:
    provider.answer(status, {"message": f"{NUMBER} is wrong", "type": "error"}, Location=f"{provider.base}/other")
    error = refused(make(provider.base), message)
    assert (error.is_permanent, error.retry_after) == (True, None)
    assert str(status) in str(error)
    assert len(provider.asked) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_full_provider_is_asked_later(make: Make, provider: Provider, message: Outgoing, status: int) -> None:
    provider.answer(status, {}, Retry_After="120")
    error = refused(make(provider.base), message)
    assert (error.is_permanent, error.retry_after) == (False, 120)


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_fault_of_theirs_tells_nothing(make: Make, provider: Provider, message: Outgoing, status: int) -> None:
    provider.answer(status, "<html>")
    assert str(status) in str(unknown(make(provider.base), message))


@pytest.mark.parametrize("answer", [HANG, CUT, CUT_IN_ANSWER, GARBAGE])
def test_no_answer_is_an_unknown_outcome(make: Make, provider: Provider, message: Outgoing, answer: str) -> None:
    provider.answers = [answer]
    unknown(make(provider.base), message)
    assert len(provider.asked) == 1


def test_an_answer_that_drips_is_not_waited_for(
    provider: Provider, message: Outgoing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("khata.messages.channels.http_call.CONNECT_SECONDS", 0.3)
    provider.answers = [DRIP]
    began = time.monotonic()
    unknown(MAKE["http_sms"](provider.base), message)
    assert time.monotonic() - began < 10


def test_nobody_there_is_not_sent(make: Make, message: Outgoing) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refused(make(f"http://127.0.0.1:{port}"), message)
    assert not error.is_permanent


def test_an_unknown_certificate_gets_nothing(message: Outgoing, tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with provider_here(context) as provider:
        error = refused(MAKE["twilio"](provider.base), message)
        assert not error.is_permanent
        assert provider.asked == []


def test_a_vouched_one_does(message: Outgoing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, key = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    with provider_here(context) as provider:
        provider.answer(201, {"sid": "SM1"})
        assert MAKE["twilio"](provider.base).send(message).provider_id == "SM1"


def test_connections_are_kept(provider: Provider, message: Outgoing) -> None:
    channel = MAKE["twilio"](provider.base)
    for _each in range(3):
        channel.send(message)
    assert len(provider.asked) == 3


def test_an_endless_answer_is_cut_off(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, "x" * 1_000_000)
    assert MAKE["http_sms"](provider.base).send(message).provider_id is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7", 7), ("0", 0), ("999999999999", 86400), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None)],
)
def test_retry_after_as_a_number(text: str, seconds: int | None) -> None:
    assert retry_after(Answer(429, {"retry-after": text}, b"")) == seconds


def test_retry_after_as_a_date() -> None:
    later = format_datetime(clock.now().replace(microsecond=0) + timedelta(minutes=5), usegmt=True)
    assert retry_after(Answer(503, {"retry-after": later}, b"")) in range(298, 302)
    assert retry_after(Answer(503, {"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, b"")) == 0
    assert retry_after(Answer(503, {}, b"")) is None


# a generic gateway


def gateway(provider: Provider, rest: str, message: Outgoing) -> str | None:
    """Send by a gateway of that description."""
    return made("sms", f"http+sms://{provider.base.partition('//')[2]}{rest}").send(message).provider_id


def test_a_form(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"messages": [{"id": 42}]})
    rest = "/v1/send?to=phone&text=message&id=messages.0.id&field.sender=ASHA%20S&query.key=a%2Bb&header.X-Route=4"
    assert gateway(provider, rest, message) == "42"
    asked = provider.one
    assert (asked.method, asked.path, asked.query) == ("POST", "/v1/send", [("key", "a+b")])
    assert asked.form == [("sender", "ASHA S"), ("phone", NUMBER), ("message", BODY)]
    assert asked.headers["x-route"] == "4"
    assert "authorization" not in asked.headers


def test_json_with_a_login(provider: Provider, message: Outgoing) -> None:
    base = provider.base.partition("//")[2]
    channel = made("sms", f"http+sms://us%40er:p%3Ass@{base}/?format=json&plus=no&method=PUT")
    assert channel.send(message).provider_id is None
    assert provider.one.method == "PUT"
    assert provider.one.json == {"to": NUMBER[1:], "text": BODY}
    assert provider.one.login == ("us@er", "p:ss")


def test_all_in_the_address(provider: Provider, message: Outgoing) -> None:
    gateway(provider, "/api?method=get&format=query&field.pe=1701", message)
    assert provider.one.method == "GET"
    assert provider.one.query == [("pe", "1701"), ("to", NUMBER), ("text", BODY)]
    assert provider.one.body == b""


def test_a_no_with_a_200(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, "ERR: no credit")
    with pytest.raises(ChannelError) as caught:
        gateway(provider, "/?accepted=OK", message)
    assert caught.value.is_permanent
    provider.answer(200, "OK: 1")
    assert gateway(provider, "/?accepted=OK", message) is None


@pytest.mark.parametrize("said", ["", "[]", "{}", '{"a": 1}', '{"a": {"b": [1]}}', "null", '{"a": {"b": null}}', "<x>"])
def test_an_id_that_is_not_there_is_none(provider: Provider, message: Outgoing, said: str) -> None:
    provider.answer(200, said)
    assert gateway(provider, "/?id=a.b.c", message) is None


def test_our_id_goes_along_where_it_is_taken(provider: Provider, message: Outgoing) -> None:
    base = provider.base.partition("//")[2]
    channel = made("sms", f"http+sms://{base}/?idempotency=Idempotency-Key")
    assert channel.takes_idempotency_key
    channel.send(message)
    assert provider.one.headers["idempotency-key"] == message.id
    assert not made("sms", f"http+sms://{base}/").takes_idempotency_key


# Twilio


def test_twilio(provider: Provider, message: Outgoing) -> None:
    provider.answer(201, {"sid": "SM900", "status": "queued"})
    url = f"twilio://AC1:to%2Fken@+15550100200?base={provider.base}&status=https%3A%2F%2Fshop.example%2Fhooks"
    assert made("sms", url).send(message).provider_id == "SM900"
    asked = provider.one
    assert (asked.method, asked.path) == ("POST", "/2010-04-01/Accounts/AC1/Messages.json")
    assert asked.login == ("AC1", "to/ken")
    assert asked.form == [
        ("To", NUMBER),
        ("From", "+15550100200"),
        ("Body", BODY),
        ("StatusCallback", "https://shop.example/hooks"),
    ]


def test_twilio_by_a_service(provider: Provider, message: Outgoing) -> None:
    made("sms", f"twilio://AC1:SECRET@MG77?base={provider.base}").send(message)
    assert provider.one.form == [("To", NUMBER), ("MessagingServiceSid", "MG77"), ("Body", BODY)]


@pytest.mark.parametrize(
    ("status", "code", "is_permanent"),
    [(400, 21211, True), (400, 21610, True), (401, 20003, True), (429, 20429, False)],
)
def test_twilios_own_codes(provider: Provider, message: Outgoing, status: int, code: int, is_permanent: bool) -> None:
    provider.answer(status, {"code": code, "message": f"The 'To' number {NUMBER} is not valid", "status": status})
    error = refused(MAKE["twilio"](provider.base), message)
    assert error.is_permanent is is_permanent
    assert str(code) in str(error)


# MSG91


def test_msg91(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"type": "success", "message": "5762846b4f8d285d378b4567"})
    approved = Template("64f0", (("name", "Asha"), ("amount", "₹1,250")), header="ASHAST", dlt_id="1707161")
    url = f"msg91://AUTHKEY@KHATAS?template=t1&entity=1701&base={provider.base}"
    assert made("sms", url).send(message._replace(template=approved)).provider_id == "5762846b4f8d285d378b4567"
    asked = provider.one
    assert (asked.method, asked.path, asked.headers["authkey"]) == ("POST", "/api/v5/flow", "AUTHKEY")
    assert asked.json == {
        "template_id": "64f0",
        "sender": "ASHAST",
        "short_url": "0",
        "recipients": [{"name": "Asha", "amount": "₹1,250", "mobiles": "919876543210"}],
        "DLT_TE_ID": "1707161",
        "PE_ID": "1701",
    }


def test_msg91_with_the_channels_own_template(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"type": "success", "message": "1"})
    made("sms", f"msg91://AUTHKEY@KHATAS?template=t1&variable=VAR1&dlt=1707&base={provider.base}").send(message)
    asked = provider.one.json
    assert (asked["sender"], asked["DLT_TE_ID"]) == ("KHATAS", "1707")
    assert asked["recipients"] == [{"VAR1": BODY, "mobiles": "919876543210"}]


def test_a_variable_can_change_no_recipient(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"type": "success", "message": "1"})
    template = Template("t", (("mobiles", "911111111111"), ("x", "1")))
    MAKE["msg91"](provider.base).send(message._replace(template=template))
    assert provider.one.json["recipients"] == [{"x": "1", "mobiles": "919876543210"}]


def test_msg91_without_a_template_is_not_asked(provider: Provider, message: Outgoing) -> None:
    assert refused(made("sms", f"msg91://SECRET@KHATAS?base={provider.base}"), message).is_permanent
    assert provider.asked == []


def test_msg91_says_no_with_a_200(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"type": "error", "message": f"template missing for {NUMBER}", "code": 201})
    error = refused(MAKE["msg91"](provider.base), message)
    assert error.is_permanent
    assert "201" in str(error)


# WhatsApp


def test_whatsapp_by_template(provider: Provider, message: Outgoing) -> None:
    provider.answer(200, {"messages": [{"id": "wamid.HBgM", "message_status": "accepted"}]})
    template = Template("payment_due", (("name", "Asha"), ("amount", "₹1,250")), button="p/x1")
    channel = made("whatsapp", f"whatsapp://EAAB%2F1@1055?base={provider.base}/v23.0&app_secret=s&verify=v")
    assert channel.send(message._replace(template=template, lang="en-US")).provider_id == "wamid.HBgM"
    asked = provider.one
    assert (asked.method, asked.path) == ("POST", "/v23.0/1055/messages")
    assert asked.headers["authorization"] == "Bearer EAAB/1"
    assert asked.json == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "919876543210",
        "type": "template",
        "template": {
            "name": "payment_due",
            "language": {"code": "en_US"},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": "Asha"}, {"type": "text", "text": "₹1,250"}],
                },
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "p/x1"}],
                },
            ],
        },
    }


def test_whatsapp_with_free_text(provider: Provider, message: Outgoing) -> None:
    MAKE["whatsapp"](provider.base).send(message)
    assert provider.one.json["type"] == "text"
    assert provider.one.json["text"] == {"body": BODY, "preview_url": False}
    assert "template" not in provider.one.json


@pytest.mark.parametrize(
    ("status", "code", "is_permanent"),
    [
        (400, 131026, True),  # cannot be delivered to
        (400, 131047, True),  # the 24 hours are over
        (404, 132001, True),  # no such template
        (401, 190, True),  # the token is old
        (400, 130429, False),  # too many a second
        (400, 131056, False),  # too many to this one
        (400, 80007, False),
        (500, 131000, False),  # it says itself that it was not sent
        (503, 2, False),
    ],
)
def test_whatsapps_own_codes(provider: Provider, message: Outgoing, status: int, code: int, is_permanent: bool) -> None:
    provider.answer(status, {"error": {"message": f"to {NUMBER}", "code": code, "fbtrace_id": "x"}}, Retry_After="9")
    error = refused(MAKE["whatsapp"](provider.base), message)
    assert error.is_permanent is is_permanent
    assert str(code) in str(error)
    assert error.retry_after == (None if is_permanent else 9)
