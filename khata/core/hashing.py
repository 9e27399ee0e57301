"""Hashes of what people type: sign-in codes and PINs. Slow on purpose: about 20 ms and 19 MB each (OWASP, argon2id)."""

from __future__ import annotations

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def hashed(text: str) -> str:
    """What is kept of `text`, with its salt and parameters."""
    return hasher.hash(text)


def matches(kept: str, text: str) -> bool:
    """True where `kept` was made from `text`, told in constant time."""
    try:
        return hasher.verify(kept, text)
    except VerifyMismatchError:
        return False
