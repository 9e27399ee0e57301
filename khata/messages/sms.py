"""How long a text is as SMS: its alphabet and in how many parts it goes (3GPP TS 23.038 and 23.040)."""

from __future__ import annotations

from typing import NamedTuple

GSM_7, UCS_2 = "GSM-7", "UCS-2"
ALONE = {GSM_7: 160, UCS_2: 70}
IN_PARTS = {GSM_7: 153, UCS_2: 67}  # each part of several carries a header of its own

# 3GPP TS 23.038, 6.2.1: the basic table by its rows of sixteen, less the escape, which is no letter.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
# 6.2.1.1: the extension table; each of these takes an escape before it.
EXTENSION = frozenset("\f^{}\\[~]|€")


class SmsLength(NamedTuple):
    """`characters` are counted as they are sent: an extension letter of GSM-7 is two, an emoji of UCS-2 as well."""

    encoding: str
    characters: int
    parts: int


def parts(text: str) -> SmsLength:
    """The length of `text` as it would go out; an empty text is one part."""
    if all(char in BASIC or char in EXTENSION for char in text):
        return _length(GSM_7, [2 if char in EXTENSION else 1 for char in text])
    return _length(UCS_2, [2 if ord(char) > 0xFFFF else 1 for char in text])


def _length(encoding: str, sizes: list[int]) -> SmsLength:
    """What takes two places stays whole: where one is left, it goes into the next part."""
    characters = sum(sizes)
    if characters <= ALONE[encoding]:
        return SmsLength(encoding, characters, 1)
    count, left = 1, IN_PARTS[encoding]
    for size in sizes:
        if size > left:
            count, left = count + 1, IN_PARTS[encoding]
        left -= size
    return SmsLength(encoding, characters, count)
