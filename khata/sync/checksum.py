"""One number over all balances, which phone and server work out alike: where they differ, the phone's list is wrong.

Each party gives the first 6 bytes of SHA-256 over the 16 bytes of its id and its balance in minor units (8 bytes,
signed, the highest first), read as a number, the highest byte first. The checksum is their sum modulo 2^48.

No number leaves the 53 bits that are exact in JavaScript. There, with a DataView over 24 bytes, the balance is
`setInt32(16, Math.floor(minor / 2 ** 32))` and `setUint32(20, minor)`; the 6 bytes of the digest are
`getUint16(0) * 2 ** 32 + getUint32(2)`; the sum is taken modulo 2 ** 48 after every party. Both sides are held against
`tests/sync/checksum.json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from uuid import UUID

MODULUS = 2**48


def mix(party_id: UUID, balance_minor: int) -> int:
    """What one party gives."""
    content = party_id.bytes + balance_minor.to_bytes(8, "big", signed=True)
    return int.from_bytes(hashlib.sha256(content).digest()[:6], "big")


def checksum(balances: Iterable[tuple[UUID, int]]) -> int:
    """The checksum of (party, balance in minor units), in whatever order."""
    return sum(mix(party_id, balance_minor) for party_id, balance_minor in balances) % MODULUS
