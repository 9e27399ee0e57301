"""Keys that prove an id came from here, made from the installation's secret and kept nowhere."""

from __future__ import annotations

import hmac
from uuid import UUID

KEY_LENGTH = 32  # hexadecimal digits: 128 bits


def key_of(secret: str, purpose: str, id_: UUID) -> str:
    """What only this installation can say of `id_` for `purpose` (HMAC-SHA-256, its first 128 bits)."""
    return hmac.new(secret.encode(), f"{purpose}:".encode() + id_.bytes, "sha256").hexdigest()[:KEY_LENGTH]


def proves(secret: str, purpose: str, id_: UUID, key: str) -> bool:
    """True where `key` is the one of `id_`, told in constant time."""
    return hmac.compare_digest(key_of(secret, purpose, id_).encode(), key.encode())
