"""Web Push (RFC 8030, 8188, 8291, 8292) to browsers that a member allowed to: `web-push:mailto:you@example.org`.

The key pair that proves us to push services is made at the first need and kept in the data folder; a browser's
subscription holds for one key, so losing it means asking everybody anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
import re
import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from khata.core import clock
from khata.messages.channels.http_call import Caller, raise_refusal
from khata.messages.channels.interface import ChannelError, Outgoing, Sent
from khata.messages.channels.url import Url, WrongUrl, is_loopback

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

KEY_FILE = "vapid_key"
# Whose addresses browsers give out. Only these are called: a subscription comes from outside, and could name anybody.
SERVICES = (
    "fcm.googleapis.com",
    "jmt17.google.com",
    "updates.push.services.mozilla.com",
    "push.services.mozilla.com",
    "notify.windows.com",
    "push.apple.com",
)
TTL_SECONDS = 24 * 3600
TOKEN_HOLDS = timedelta(hours=12)  # RFC 8292: at most 24 hours
# RFC 8291, 4: a message of 4096 bytes holds 3993 of ours.
MOST_BYTES = 3993
MOST_SUBJECT = 200
POINT_BYTES, AUTH_BYTES = 65, 16
GONE = (404, 410)


class Subscription(NamedTuple):
    """Where a browser listens, and the keys that only it can read with."""

    endpoint: str
    p256dh: str
    auth: str


class WebPushChannel:
    """Push services of the browsers. A repeat replaces what waits (Topic) and what is shown (tag)."""

    takes_idempotency_key = True

    def __init__(
        self, data_dir: Path, contact: str, *, services: tuple[str, ...] = SERVICES, caller: Caller | None = None
    ) -> None:
        self.key_path = data_dir / KEY_FILE
        self.contact, self.services = contact, services
        self.caller = caller or Caller()
        self._key: EllipticCurvePrivateKey | None = None

    @property
    def public_key(self) -> str:
        """`applicationServerKey` for the page that subscribes: the public point, base64url."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return base64.urlsafe_b64encode(point).rstrip(b"=").decode()

    @property
    def key(self) -> EllipticCurvePrivateKey:
        """The private key, made and kept where there is none."""
        if self._key is None:
            self._key = kept_key(self.key_path)
        return self._key

    def send(self, message: Outgoing) -> Sent:
        """One push to the subscription in `message.to`; raises ChannelError or OutcomeUnknown."""
        subscription = read_subscription(message.to, self.services)
        headers = {
            "Authorization": self._token(subscription.endpoint),
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
            "TTL": str(TTL_SECONDS),
            "Urgency": "normal",
            "Topic": topic(message.id),
        }
        sealed = _sealed(payload(message), subscription)
        answer = self.caller.ask("POST", subscription.endpoint, content=sealed, headers=headers)
        if answer.status in GONE:
            raise ChannelError("the subscription is gone", is_permanent=True, is_gone=True)
        raise_refusal(answer)
        return Sent(answer.headers.get("location"))

    def _token(self, endpoint: str) -> str:
        """The Authorization header (RFC 8292) for the endpoint's origin."""
        from py_vapid import Vapid02

        parts = urlsplit(endpoint)
        expires_at = clock.now() + TOKEN_HOLDS
        claims = {
            "aud": f"{parts.scheme}://{parts.netloc}",
            "sub": self.contact,
            "exp": int(clock.milliseconds(expires_at) // 1000),
        }
        signed: dict[str, str] = Vapid02(self.key).sign(claims)
        return signed["Authorization"]


def read_subscription(text: str, services: tuple[str, ...] = SERVICES) -> Subscription:
    """A subscription as the browser's `toJSON` gave it; raises a permanent ChannelError where it can't be one.

    A view that takes subscriptions asks this before it keeps one.
    """
    try:
        found: dict[str, Any] = json.loads(text)
        subscription = Subscription(found["endpoint"], found["keys"]["p256dh"], found["keys"]["auth"])
        sizes = [len(_decoded(part)) for part in subscription[1:]]
        parts = urlsplit(subscription.endpoint)
        fits = sizes == [POINT_BYTES, AUTH_BYTES] and _may_be_called(parts.scheme, parts.netloc, services)
    except (ValueError, LookupError, TypeError, AttributeError):
        fits = False
    if not fits:
        raise ChannelError("this is not a browser's subscription", is_permanent=True)
    return subscription


def _may_be_called(scheme: str, netloc: str, services: tuple[str, ...]) -> bool:
    """Whether the origin is one of the push services, over https, at the ordinary port and without a login."""
    known = any(netloc == service or netloc.endswith("." + service) for service in services)
    return known and (scheme == "https" or (scheme == "http" and is_loopback(f"http://{netloc}")))


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return b""


def topic(message_id: str) -> str:
    """The message's id as a Topic: at most 32 letters of base64url."""
    plain = message_id.replace("-", "")
    if re.fullmatch("[0-9A-Za-z_]{1,32}", plain):
        return plain
    return hashlib.sha256(message_id.encode()).hexdigest()[:32]


def payload(message: Outgoing) -> bytes:
    """What the service worker shows, as JSON; a body that is too long is cut and closed with an ellipsis."""
    fields = {"title": message.subject[:MOST_SUBJECT], "body": message.body, "link": message.link, "lang": message.lang}
    fields["tag"] = message.id
    size = _size(fields)
    while size > MOST_BYTES and message.body:
        kept = fields["body"].removesuffix("…")
        fields["body"] = kept[: max(0, len(kept) - (size - MOST_BYTES + 7) // 4)] + "…"
        size = _size(fields)
        if fields["body"] == "…":
            break
    if size > MOST_BYTES:
        raise ChannelError("the push is too large", is_permanent=True)
    return json.dumps(fields, ensure_ascii=False).encode()


def _size(fields: dict[str, str]) -> int:
    return len(json.dumps(fields, ensure_ascii=False).encode())


def _sealed(plain: bytes, subscription: Subscription) -> bytes:
    from pywebpush import WebPusher

    keys = {"p256dh": subscription.p256dh, "auth": subscription.auth}
    try:
        body: bytes = WebPusher({"endpoint": subscription.endpoint, "keys": keys}).encode(plain)["body"]
    except ValueError:  # 65 bytes that are no point of the curve
        raise ChannelError("this is not a browser's subscription", is_permanent=True) from None
    return body


def kept_key(path: Path) -> EllipticCurvePrivateKey:
    """The P-256 key kept at `path`, made where there is none, for its owner alone. Two makers get the same one."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        load_pem_private_key,
    )

    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)  # the whole file under its name, or nothing
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{path} holds another kind of key")
    return key


def build(url: Url, data_dir: Path) -> WebPushChannel:
    """The channel of `web-push:CONTACT`, whom push services may write to (mailto: or https:); raises WrongUrl."""
    url.only("service")
    if url.user or url.place or not re.fullmatch(r"mailto:[^@]+@[^@]+|https://.+", url.path):
        raise WrongUrl("must be like web-push:mailto:you@example.org")
    services = (url.query["service"],) if "service" in url.query else SERVICES
    return WebPushChannel(data_dir, url.path, services=services)
