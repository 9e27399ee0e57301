"""Texts with places to fill: `{name}`, `{amount}`, `{shop}`, `{due}`, `{link}`. Nothing is sent with a hole in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from flask_babel import lazy_gettext as _

from khata.errors import Invalid

PLACES = ("name", "amount", "shop", "due", "link")
LONGEST = 1000  # characters, of a shop's own text and of one that is sent
_PLACE = re.compile(r"\{([a-z]+)\}")
FIRST_STRONG_ISOLATE, POP = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"


def check_text(text: str) -> str:
    """A shop's own text as it is kept; raises Invalid for a place that nobody fills, and for a lone brace."""
    if len(text) > LONGEST:
        raise Invalid(_("This text is too long. Use at most %(most)d characters.", most=LONGEST), "text_too_long")
    for place in _PLACE.findall(text):
        if place not in PLACES:
            raise Invalid(_("Nobody knows what to put for {%(place)s}.", place=place), "unknown_place")
    if re.search(r"[{}]", _PLACE.sub("", text)):
        raise Invalid(_("A { needs its }, with one of the names between them."), "lone_brace")
    return text


def fill(text: str, values: Mapping[str, str]) -> str | None:
    """`text` with its places filled; None where one of them has no value."""
    if any(not values.get(place) for place in _PLACE.findall(text)):
        return None
    return _PLACE.sub(lambda place: values[place[1]], text)


def isolated(text: str, is_right_to_left: bool) -> str:
    """`text` as it stands in a sentence of the other direction of writing without disturbing it; else as it is."""
    return f"{FIRST_STRONG_ISOLATE}{text}{POP}" if _runs_other_way(text, is_right_to_left) else text


def _runs_other_way(text: str, is_right_to_left: bool) -> bool:
    directions = {unicodedata.bidirectional(char) for char in text}
    return bool(directions & ({"L"} if is_right_to_left else {"R", "AL"}))
