"""Keys that prove an id came from here, made from the installation's secret and kept nowhere."""

from __future__ import annotations

import base64
import hashlib
import hmac
from uuid import UUID

KEY_LENGTH = 32  # hexadecimal digits: 128 bits
TOKEN_LENGTH = 22  # the same 128 bits, in letters, digits, - and _: for links that go by SMS


def key_of(secret: str, purpose: str, id_: UUID) -> str:
    """What only this installation can say of `id_` for `purpose` (HMAC-SHA-256, its first 128 bits)."""
    return hmac.new(secret.encode(), f"{purpose}:".encode() + id_.bytes, "sha256").hexdigest()[:KEY_LENGTH]


def proves(secret: str, purpose: str, id_: UUID, key: str) -> bool:
    """True where `key` is the one of `id_`, told in constant time."""
    return hmac.compare_digest(key_of(secret, purpose, id_).encode(), key.encode())


def token_of(secret: str, purpose: str, id_: UUID) -> str:
    """`key_of` in TOKEN_LENGTH characters of base64url."""
    return base64.urlsafe_b64encode(bytes.fromhex(key_of(secret, purpose, id_))).decode().rstrip("=")


def token_hash(token: str) -> bytes:
    """What is kept of a token, so that who reads the database has no link that works."""
    return hashlib.sha256(token.encode()).digest()
