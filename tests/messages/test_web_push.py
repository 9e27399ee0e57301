"""Web Push: read with the browser's own private key by another library, the token checked by hand."""

from __future__ import annotations

import base64
import json
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from khata.core import clock
from khata.messages.channels import ChannelError, OutcomeUnknown, Outgoing
from khata.messages.channels.http_call import Caller
from khata.messages.channels.url import read_url
from khata.messages.channels.web_push import (
    MOST_BYTES,
    WebPushChannel,
    build,
    kept_key,
    payload,
    read_subscription,
    topic,
)
from tests.messages.provider import BODY, HANG, Provider


def packed(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def unpacked(text: str) -> bytes:
    """The bytes of it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Browser:
    """Has a subscription, and the keys to read."""

    def __init__(self, endpoint: str) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.secret = b"sixteen bytes!!!"
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.subscription: dict[str, Any] = {
            "endpoint": endpoint,
            "expirationTime": None,
            "keys": {"p256dh": packed(point), "auth": packed(self.secret)},
        }

    def read(self, body: bytes) -> dict[str, str]:
        """What a push says."""
        plain = http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm")
        said: dict[str, str] = json.loads(plain)
        return said


@pytest.fixture
def browser(provider: Provider) -> Browser:
    """A browser whose push service is here."""
    return Browser(f"{provider.base}/wpush/v2/token")


@pytest.fixture
def channel(provider: Provider, tmp_path: Path) -> WebPushChannel:
    """The channel, to that service."""
    services = (provider.base.removeprefix("http://"),)
    return WebPushChannel(tmp_path, "mailto:you@example.org", services=services, caller=Caller(0.3))


@pytest.fixture
def push(message: Outgoing, browser: Browser) -> Outgoing:
    """A message to that browser."""
    return message._replace(channel="push", to=json.dumps(browser.subscription), link="/parties/1")


def test_the_browser_reads_it(channel: WebPushChannel, provider: Provider, browser: Browser, push: Outgoing) -> None:
    provider.answer(201, "", Location="https://push.example/m/1")
    assert channel.send(push).provider_id == "https://push.example/m/1"
    asked = provider.one
    assert (asked.method, asked.path) == ("POST", "/wpush/v2/token")
    assert asked.headers["content-encoding"] == "aes128gcm"
    assert asked.headers["ttl"] == "86400"
    assert asked.headers["urgency"] == "normal"
    assert asked.headers["topic"] == push.id.replace("-", "")
    assert BODY.encode()[:10] not in asked.body
    assert browser.read(asked.body) == {
        "title": "Due",
        "body": BODY,
        "link": "/parties/1",
        "lang": "hi",
        "tag": push.id,
    }


def test_the_token_is_ours(channel: WebPushChannel, provider: Provider, push: Outgoing) -> None:
    channel.send(push)
    kind, _space, rest = provider.one.headers["authorization"].partition(" ")
    assert kind == "vapid"
    parts = dict(part.split("=", 1) for part in rest.split(","))
    assert parts["k"] == channel.public_key
    signed, _dot, signature = parts["t"].rpartition(".")
    header, claims = (json.loads(unpacked(part)) for part in signed.split("."))
    assert (header["alg"], header["typ"]) == ("ES256", "JWT")
    assert (claims["aud"], claims["sub"]) == (provider.base, "mailto:you@example.org")
    left = claims["exp"] - clock.milliseconds(clock.now()) // 1000
    assert 3600 < left <= 24 * 3600
    raw = unpacked(signature)
    assert len(raw) == 64
    numbers = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    point = unpacked(parts["k"])
    assert (len(point), point[0]) == (65, 4)
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(numbers, signed.encode(), ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_is_gone(channel: WebPushChannel, provider: Provider, push: Outgoing, status: int) -> None:
    provider.answer(status)
    with pytest.raises(ChannelError) as caught:
        channel.send(push)
    assert caught.value.is_gone
    assert caught.value.is_permanent


@pytest.mark.parametrize(
    ("status", "is_permanent", "seconds"),
    [(400, True, None), (401, True, None), (403, True, None), (413, True, None), (429, False, 30)],
)
def test_a_no(
    channel: WebPushChannel, provider: Provider, push: Outgoing, status: int, is_permanent: bool, seconds: int | None
) -> None:
    provider.answer(status, "", Retry_After="30")
    with pytest.raises(ChannelError) as caught:
        channel.send(push)
    assert (caught.value.is_permanent, caught.value.retry_after, caught.value.is_gone) == (is_permanent, seconds, False)


def test_a_repeat_replaces(channel: WebPushChannel, provider: Provider, push: Outgoing) -> None:
    assert channel.takes_idempotency_key
    provider.answers = [HANG, (201, "", {})]
    with pytest.raises(OutcomeUnknown):
        channel.send(push)
    channel.send(push)
    assert provider.asked[0].headers["topic"] == provider.asked[1].headers["topic"]


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://evil.example/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com.example/",
        "https://xfcm.googleapis.com/",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8080/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://169.254.169.254/latest",
        "file:///etc/passwd",
        "https://fcm.googleapis.com\\@evil.example/x",
        "",
    ],
)
def test_only_push_services_are_called(endpoint: str) -> None:
    with pytest.raises(ChannelError) as caught:
        read_subscription(json.dumps(Browser(endpoint).subscription))
    assert caught.value.is_permanent


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/x:y",
        "https://updates.push.services.mozilla.com/wpush/v2/x",
        "https://db5p.notify.windows.com/w/?token=x",
        "https://web.push.apple.com/x",
    ],
)
def test_the_browsers_own_are(endpoint: str) -> None:
    assert read_subscription(json.dumps(Browser(endpoint).subscription)).endpoint == endpoint


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"endpoint": 1}', '{"endpoint": "https://fcm.googleapis.com/x"}',
     '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": "QUJD", "auth": "QUJD"}}',
     '{"endpoint": "https://fcm.googleapis.com/x", "keys": {"p256dh": 1, "auth": null}}'],
)  # fmt: skip
def test_what_is_no_subscription(text: str) -> None:
    with pytest.raises(ChannelError):
        read_subscription(text)


def test_a_point_that_is_on_no_curve(
    channel: WebPushChannel, provider: Provider, push: Outgoing, browser: Browser
) -> None:
    browser.subscription["keys"]["p256dh"] = packed(b"\x04" + b"\x01" * 64)
    with pytest.raises(ChannelError) as caught:
        channel.send(push._replace(to=json.dumps(browser.subscription)))
    assert caught.value.is_permanent
    assert provider.asked == []


@given(st.text('aक🙏"\n', max_size=6000), st.text(max_size=400))
def test_a_payload_fits(body: str, subject: str) -> None:
    message = Outgoing("1", "push", "", body, subject=subject)
    raw = payload(message)
    assert len(raw) <= MOST_BYTES
    said = json.loads(raw)
    assert said["body"] == body or body.startswith(said["body"].removesuffix("…"))
    if len(json.dumps({**said, "body": body}, ensure_ascii=False).encode()) <= MOST_BYTES:
        assert said["body"] == body
    else:
        assert len(raw) > MOST_BYTES - 60


@given(st.text(max_size=60))
def test_a_topic_is_one(text: str) -> None:
    made = topic(text)
    assert 1 <= len(made) <= 32
    assert made.isascii()


def test_the_key_is_made_once_and_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "vapid_key"
    with ThreadPoolExecutor(8) as makers:
        keys = list(makers.map(kept_key, [path] * 16))
    assert len({key.private_numbers().private_value for key in keys}) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["vapid_key"]


def test_the_url_says_who_and_makes_nothing(tmp_path: Path) -> None:
    channel = build(read_url("web-push:mailto:you@example.org"), tmp_path)
    assert channel.contact == "mailto:you@example.org"
    assert list(tmp_path.iterdir()) == []
