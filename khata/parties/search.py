"""How a party is found by name or number, in any script."""

from __future__ import annotations

import re

from khata.core.names import query_keys, search_keys
from khata.core.phone import national_digits

SOUND = "~"  # marks the sound of a word: no word starts with it
MAX_WORD = 40


def words_of(name: str, phone: str | None) -> set[str]:
    """Everything a party is stored under: its words, their sounds, its number whole, without country and its end."""
    words, sounds = search_keys(name)
    found = {word[:MAX_WORD] for word in words} | {SOUND + sound[:MAX_WORD] for sound in sounds}
    if phone:
        digits = phone.lstrip("+")
        found |= {digits, national_digits(phone), digits[-4:]}
    return found


def prefixes_of(text: str) -> list[tuple[str, str | None]]:
    """For each word typed: its prefix, and the prefix of its sound (None where the sound says too little)."""
    prefixes = []
    for word, sound in query_keys(_one_number(text))[:4]:
        prefixes.append((word[:MAX_WORD], SOUND + sound[:MAX_WORD] if len(sound) > 1 else None))
    return prefixes


_NUMBER = re.compile(r"[+()\d\s./-]{6,}")


def _one_number(text: str) -> str:
    """A phone number as one word, however it is cut and with its trunk zero or without; other text as it is."""
    return "".join(char for char in text if char.isdecimal()).lstrip("0") if _NUMBER.fullmatch(text) else text


def end_of(prefix: str) -> str:
    """A text after every one that starts with `prefix`, by code point."""
    return prefix + "\U0010ffff"
