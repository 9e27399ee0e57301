"""Addresses that name a payment gateway together with its keys, as settings and shops keep them.

`razorpay://KEY_ID:KEY_SECRET@?webhook_secret=…`, `stripe://SECRET_KEY@?webhook_secret=…`, `test://SECRET`. What an
address says stands percent-encoded in it. It is a secret as a whole: no error quotes it.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

LEAST_TEST_SECRET = 16  # characters, where strangers can reach the test gateway


class GatewayUrl(NamedTuple):
    """What an address says. `webhook_secrets` are all that are good now: two, while one takes over from the other."""

    name: str
    key: str
    secret: str
    webhook_secrets: tuple[str, ...]
    api: str

    def __repr__(self) -> str:
        return f"<gateway {self.name}>"


def parse_gateway_url(url: str) -> GatewayUrl:
    """The parts of `url`; raises ValueError that says what is missing and quotes nothing."""
    try:
        parts = urlsplit(url.strip())
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in _NEEDED:
        raise ValueError(f"must start with {', '.join(f'{name}://' for name in _NEEDED)}")
    if parts.path.strip("/") or parts.fragment:
        raise ValueError(f"{parts.scheme}://…: a key with / or # in it must be percent-encoded")
    if unknown := options.keys() - {"webhook_secret", "api"}:
        raise ValueError(f"{parts.scheme}://…: {len(unknown)} option that is not known")
    # Not .username and .hostname: those take a secret with no "@" behind it for a host, and write it small.
    keys = parts.netloc.removesuffix("@")
    if "@" in keys:
        raise ValueError(f"{parts.scheme}://…: nothing stands behind the @ but ?webhook_secret=…")
    key, _colon, secret = keys.partition(":")
    api = options.get("api", [""])[-1].rstrip("/")
    found = GatewayUrl(parts.scheme, unquote(key), unquote(secret), tuple(options.get("webhook_secret", ())), api)
    _check(found)
    return found


_NEEDED = {
    "razorpay": {"key": "key id", "secret": "key secret", "webhook_secrets": "webhook_secret"},
    "stripe": {"key": "secret key", "webhook_secrets": "webhook_secret"},
    "test": {"key": "secret"},
}
_LOCAL = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")


def _check(found: GatewayUrl) -> None:
    missing = [word for field, word in _NEEDED[found.name].items() if not getattr(found, field)]
    if missing or not all(found.webhook_secrets):
        raise ValueError(f"{found.name}://…: {' and '.join(missing or ['webhook_secret'])} missing")
    # Keys travel with each request: over TLS, or to this machine in a test.
    if found.api and not (found.api.startswith("https://") or _LOCAL.fullmatch(found.api)):
        raise ValueError(f"{found.name}://…: api must be an https:// address")


def refuse_test_gateway(found: GatewayUrl, public_url: str, is_allowed: bool) -> None:
    """Raise ValueError where the test gateway, which takes no money, would stand on a public installation."""
    if found.name != "test" or not public_url.startswith("https://"):
        return
    if not is_allowed:
        raise ValueError("test://…: takes no money, so an https installation needs KHATA_ALLOW_TEST_GATEWAY=1")
    if len(found.key) < LEAST_TEST_SECRET:
        raise ValueError(f"test://…: the secret must have at least {LEAST_TEST_SECRET} characters")
