"""Signatures of webhooks: HMAC-SHA-256 over the bytes as they came, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from khata.core import clock
from khata.payments.gateways.contract import BadSignature
from khata.payments.gateways.reading import seconds

TOLERANCE = timedelta(minutes=5)  # Stripe's own: https://docs.stripe.com/webhooks/signature
MOST_SIGNATURES = 8


def header(headers: Mapping[str, str], name: str) -> str:
    """The header called `name`, however it is spelt; empty where there is none."""
    return next((value for key, value in headers.items() if key.lower() == name.lower()), "")


def digest(secret: str, message: bytes) -> str:
    """HMAC-SHA-256 in small hexadecimal digits."""
    return hmac.new(secret.encode(), message, "sha256").hexdigest()


def is_signed(secrets: Sequence[str], message: bytes, signatures: Sequence[str]) -> bool:
    """True where one of `signatures` was made with one of `secrets`; the time it takes tells nothing of them."""
    expected = [digest(secret, message).encode() for secret in secrets if secret]
    given = [signature.encode("utf-8", "replace") for signature in signatures[:MOST_SIGNATURES]]
    # Each is compared with each, so that where the right one stands shows in no time.
    return sum(hmac.compare_digest(one, other) for one in expected for other in given) > 0


def sign_with_time(secret: str, raw_body: bytes, at: datetime) -> str:
    """The value of a header that `check_with_time` takes: `t=1700000000,v1=…`."""
    return f"t={seconds(at)},v1={digest(secret, _with_time(seconds(at), raw_body))}"


def check_with_time(secrets: Sequence[str], value: str, raw_body: bytes) -> None:
    """Raise BadSignature unless `value` signs `raw_body` and says that it did so in the last minutes.

    While secrets change there is one `v1` for each; other schemes than `v1` count for nothing.
    """
    fields = [field.strip().partition("=") for field in value.split(",")]
    times = [found for name, _equals, found in fields if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit() and len(times[0]) < 12):
        raise BadSignature("the signature names no time")
    signed = _with_time(int(times[0]), raw_body)
    if not is_signed(secrets, signed, [found for name, _equals, found in fields if name == "v1"]):
        raise BadSignature("the signature does not fit")
    if int(times[0]) < seconds(clock.now() - TOLERANCE):
        raise BadSignature("the signature is too old")


def _with_time(at: int, raw_body: bytes) -> bytes:
    return f"{at}.".encode() + raw_body
