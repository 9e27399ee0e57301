"""What providers report: proven to be theirs, read whatever its order, and never a fault of ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khata.messages.channels import BadSignature, Reply, StatusUpdate, msg91, twilio, whatsapp_cloud
from khata.messages.channels.msg91 import Msg91Channel
from khata.messages.channels.twilio import TwilioChannel
from khata.messages.channels.whatsapp_cloud import WhatsAppChannel, challenge

KEY = "app SECRET"
URL = "https://shop.example/webhooks/twilio?x=1"

NAMES = (
    "entry changes value statuses messages id status timestamp errors code from text body button interactive "
    "button_reply title data report requestId number"
).split()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


# WhatsApp


def hub(body: bytes, key: str = KEY) -> dict[str, str]:
    """Meta's header, made by another way than ours."""
    return {"x-hub-signature-256": "sha256=" + hmac.digest(key.encode(), body, hashlib.sha256).hex()}


def change(**value: Any) -> bytes:
    """A webhook's body as Meta writes it."""
    whole = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1055"}, **value}
    entry = {"id": "1", "changes": [{"field": "messages", "value": whole}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def test_whatsapps_statuses() -> None:
    errors = [{"code": 131026, "title": "Message undeliverable", "error_data": {"details": "919876543210"}}]
    body = change(
        statuses=[
            {"id": "wamid.2", "status": "read", "timestamp": "1790000100", "recipient_id": "919876543210"},
            {"id": "wamid.2", "status": "delivered", "timestamp": "1790000000", "recipient_id": "919876543210"},
            {"id": "wamid.3", "status": "failed", "timestamp": "1790000000", "errors": errors},
            {"id": "wamid.4", "status": "failed", "timestamp": "x", "errors": [{"code": 130429}]},
            {"id": "wamid.5", "status": "failed"},
            {"id": "wamid.6", "status": "warning", "timestamp": "1790000000"},
            {"status": "sent"},
        ]
    )
    at = datetime.fromtimestamp(1790000000, UTC)
    assert whatsapp_cloud.parse_statuses(hub(body), body, KEY) == [
        StatusUpdate("wamid.2", "read", datetime.fromtimestamp(1790000100, UTC)),
        StatusUpdate("wamid.2", "delivered", at),
        StatusUpdate("wamid.3", "failed", at, "code 131026", is_permanent=True),
        StatusUpdate("wamid.4", "failed", None, "code 130429", is_permanent=False),
        StatusUpdate("wamid.5", "failed", None, "code none", is_permanent=True),
    ]
    assert WhatsAppChannel("t", "1", app_secret=KEY).statuses(hub(body), body)[0].provider_id == "wamid.2"


def test_whatsapps_replies() -> None:
    body = change(
        messages=[
            {"from": "919876543210", "id": "wamid.7", "type": "text", "text": {"body": "STOP"}},
            {"from": "919876543210", "type": "button", "button": {"text": "Stop these", "payload": "stop"}},
            {
                "from": "919876543210",
                "type": "interactive",
                "interactive": {"button_reply": {"id": "1", "title": "Ok"}},
            },
            {"from": "919876543210", "type": "image", "image": {"id": "1"}},
        ]
    )
    number = "+919876543210"
    said = [Reply(number, "STOP"), Reply(number, "Stop these"), Reply(number, "Ok")]
    assert whatsapp_cloud.parse_replies(hub(body), body, KEY) == said
    assert WhatsAppChannel("t", "1", app_secret=KEY).replies(hub(body), body) == said
    assert whatsapp_cloud.parse_statuses(hub(body), body, KEY) == []


@pytest.mark.parametrize(
    "headers",
    [{}, {"X-Hub-Signature-256": ""}, hub(b"other"), hub(b"{}", "other key"), {"X-Hub-Signature-256": "sha256=ü"},
     {"X-Hub-Signature": hub(b"{}")["x-hub-signature-256"]}],
)  # fmt: skip
def test_what_meta_did_not_sign_is_refused(headers: dict[str, str]) -> None:
    for parse in (whatsapp_cloud.parse_statuses, whatsapp_cloud.parse_replies):
        with pytest.raises(BadSignature) as refused:
            parse(headers, b"{}", KEY)
        assert refused.value.status == 403


def test_without_a_secret_nothing_is_proven() -> None:
    with pytest.raises(BadSignature):
        whatsapp_cloud.parse_statuses(hub(b"{}", ""), b"{}", "")
    with pytest.raises(BadSignature):
        twilio.parse_statuses({"X-Twilio-Signature": twilio.signature(URL, [], "")}, b"", "", URL)
    with pytest.raises(BadSignature):
        msg91.parse_statuses({"X-Webhook-Secret": ""}, b"{}", "")
    with pytest.raises(BadSignature):
        challenge({"hub.mode": "subscribe", "hub.verify_token": ""}, "")


def test_the_challenge() -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "word"}
    assert challenge(asked, "word") == "1158201444"
    for wrong in (asked | {"hub.verify_token": "other"}, asked | {"hub.mode": "x"}, {}):
        with pytest.raises(BadSignature):
            challenge(wrong, "word")


@given(JSON)
def test_no_signed_body_is_a_fault(whole: Any) -> None:
    body = json.dumps(whole).encode()
    whatsapp_cloud.parse_statuses(hub(body), body, KEY)
    whatsapp_cloud.parse_replies(hub(body), body, KEY)
    msg91.parse_statuses({"x-webhook-secret": KEY}, body, KEY)
    msg91.parse_replies({"x-webhook-secret": KEY}, body, KEY)


@given(st.binary(max_size=60))
def test_no_bytes_are_a_fault(body: bytes) -> None:
    assert whatsapp_cloud.parse_statuses(hub(body), body, KEY) == []
    assert msg91.parse_statuses({"x-webhook-secret": KEY}, body, KEY) == []
    assert twilio.parse_replies(signed(body), body, KEY, URL) == []


# Twilio


def signed(body: bytes, url: str = URL, key: str = KEY) -> dict[str, str]:
    """Twilio's header for a form, made by another way than ours."""
    text = url
    fields: dict[str, set[str]] = {}
    for name, value in twilio.form_of(body):
        fields.setdefault(name, set()).add(value)
    for name in sorted(fields):
        for value in sorted(fields[name]):
            text += name + value
    digest = hmac.digest(key.encode(), text.encode(), hashlib.sha1)
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


def form(**fields: str) -> bytes:
    """A form's body."""
    return urlencode(fields).encode()


def test_a_signature_that_twilio_documents() -> None:
    """The example of Twilio's page on security: another signature than this would be nobody's."""
    fields = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675310"),
        ("Digits", "1234"),
        ("From", "+14158675310"),
        ("To", "+18005551212"),
    ]
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert twilio.signature(url, fields, "12345") == "GvWf1cFY/Q7PnoempGyD5oXAezc="


@pytest.mark.parametrize(
    ("status", "code", "update"),
    [
        ("sent", "", StatusUpdate("SM1", "sent")),
        ("delivered", "", StatusUpdate("SM1", "delivered")),
        ("read", "", StatusUpdate("SM1", "read")),
        ("undelivered", "30005", StatusUpdate("SM1", "failed", None, "code 30005", is_permanent=True)),
        ("failed", "30003", StatusUpdate("SM1", "failed", None, "code 30003", is_permanent=False)),
        ("failed", "", StatusUpdate("SM1", "failed", None, "undelivered", is_permanent=True)),
        ("queued", "", None),
        ("accepted", "", None),
        ("of tomorrow", "", None),
    ],
)
def test_twilios_statuses(status: str, code: str, update: StatusUpdate | None) -> None:
    more = {"ErrorCode": code} if code else {}
    body = form(MessageSid="SM1", MessageStatus=status, To="+919876543210", AccountSid="AC1", **more)
    expected = [update] if update else []
    assert twilio.parse_statuses(signed(body), body, KEY, URL) == expected
    assert TwilioChannel("AC1", KEY, "+1").statuses(signed(body), body, URL) == expected
    assert twilio.parse_replies(signed(body), body, KEY, URL) == []


def test_twilios_replies() -> None:
    body = form(MessageSid="SM2", From="+919876543210", To="+15550100200", Body="Stop & thanks+ok", OptOutType="STOP")
    assert twilio.parse_replies(signed(body), body, KEY, URL) == [Reply("+919876543210", "Stop & thanks+ok")]
    assert TwilioChannel("AC1", KEY, "+1").replies(signed(body), body, URL)[0].text == "Stop & thanks+ok"
    body = form(From="whatsapp:+919876543210", Body="STOP")
    assert twilio.parse_replies(signed(body), body, KEY, URL) == [Reply("+919876543210", "STOP")]


def test_what_twilio_did_not_sign_is_refused() -> None:
    body = form(MessageSid="SM1", MessageStatus="sent")
    for headers, url in (
        ({}, URL),
        (signed(body, key="other"), URL),
        (signed(body), URL + "0"),
        (signed(body, "https://other.example"), URL),
        (signed(body + b"&a=b"), URL),
    ):
        with pytest.raises(BadSignature):
            twilio.parse_statuses(headers, body, KEY, url)


# MSG91

REPORT = {"date": "2024-05-22 10:06:20", "number": "919876543210", "status": "1", "desc": "DELIVERED"}
AT = datetime(2024, 5, 22, 4, 36, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "body",
    [
        urlencode({"data": json.dumps([{"senderId": "KHATAS", "requestId": "346", "report": [REPORT]}])}).encode(),
        json.dumps({"data": json.dumps([{"requestId": "346", "report": [REPORT]}])}).encode(),
        json.dumps({**REPORT, "requestId": "346"}).encode(),
        json.dumps({"requestId": "346", "status": "Delivered", "deliveryTime": "2024-05-22 10:06:20"}).encode(),
    ],
)
def test_msg91s_reports(body: bytes) -> None:
    by_header = msg91.parse_statuses({"x-webhook-secret": KEY}, body, KEY)
    assert by_header == [StatusUpdate("346", "delivered", AT)]
    url = "https://shop.example/webhooks/msg91?" + urlencode({"secret": KEY})
    assert msg91.parse_statuses({}, body, KEY, url) == by_header
    assert Msg91Channel("k", "s", secret=KEY).statuses({}, body, url) == by_header
    with pytest.raises(BadSignature):
        msg91.parse_statuses({}, body, KEY, url + "0")


@pytest.mark.parametrize(
    ("status", "is_permanent"),
    [("2", False), ("9", True), ("16", True), ("17", True), ("25", True), ("Rejected", True)],
)
def test_msg91s_failures(status: str, is_permanent: bool) -> None:
    body = json.dumps({**REPORT, "requestId": "346", "status": status}).encode()
    (update,) = msg91.parse_statuses({"X-Webhook-Secret": KEY}, body, KEY)
    assert (update.state, update.is_permanent, update.error) == ("failed", is_permanent, f"status {status.lower()}")


def test_msg91s_replies() -> None:
    body = json.dumps({"mobile": "919876543210", "content": "STOP"}).encode()
    assert msg91.parse_replies({"X-Webhook-Secret": KEY}, body, KEY) == [Reply("+919876543210", "STOP")]
    assert Msg91Channel("k", "s", secret=KEY).replies({"X-Webhook-Secret": KEY}, body, "")[0].text == "STOP"
