"""Which wrong PINs were slips of the right one, told later by digests: the PINs themselves are kept nowhere.

Only from six digits on is a slip taken back. Who stands by learns from it that the PIN is close, and then has guesses
without end. So a guess is worth all PINs that it is a slip of, 60 with its own: four guesses are 1 in 4,162 of six
digits, but 1 in 61 of four; even who only counts up the last digit would have 10 of 9,752.
"""

from __future__ import annotations

from uuid import UUID

from khata.accounts.models import Member
from khata.core.tokens import key_of, proves

DIGITS = "0123456789"
SHORTEST = 6  # digits of a PIN whose slips are taken back
WRONG_PIN = "wrong pin"


def slips_of(pin: str) -> set[str]:
    """What a finger makes of a PIN: one digit another one, two neighbours swapped, one missing, one too many."""
    places = range(len(pin))
    changed = {pin[:at] + digit + pin[at + 1 :] for at in places for digit in DIGITS}
    swapped = {pin[: at - 1] + pin[at] + pin[at - 1] + pin[at + 1 :] for at in places[1:]}
    missing = {pin[:at] + pin[at + 1 :] for at in places}
    extra = {pin[:at] + digit + pin[at:] for at in range(len(pin) + 1) for digit in DIGITS}
    return (changed | swapped | missing | extra) - {pin}


def keep(secret: str, device_id: UUID, member: Member, wrong: str) -> None:
    """Keep of a wrong PIN what lets a right one on the same phone know it again."""
    kept = [*(member.wrong_pin_digests or "").split(), key_of(secret, _purpose(device_id, wrong), member.id)]
    member.wrong_pin_digests = " ".join(kept)


def take(secret: str, device_id: UUID, member: Member, right: str) -> int:
    """How many of the wrong PINs kept were slips of the right one on this phone; none is kept any longer."""
    kept, member.wrong_pin_digests = (member.wrong_pin_digests or "").split(), None
    if len(right) < SHORTEST:
        return 0
    purposes = [_purpose(device_id, slip) for slip in slips_of(right)]
    return sum(proves(secret, purpose, member.id, digest) for digest in kept for purpose in purposes)


def _purpose(device_id: UUID, pin: str) -> str:
    return f"{WRONG_PIN} {device_id.hex} {pin}"
