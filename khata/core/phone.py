"""Phone numbers in E.164, and what one tells of its country. `phonenumbers` is imported where it is needed."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from babel.numbers import get_territory_currencies
from flask_babel import lazy_gettext as _

from khata.errors import Invalid

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber

MAX_LENGTH = 40
BLOCK_LENGTH = 7  # "+" and six digits

# Examples that read as people say them; other countries take theirs from phonenumbers.
EXAMPLES = {"IN": "98765 43210", "US": "212 555 0123"}

# Where the first line of zone.tab is not where most people live.
MAIN_ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "FM": "Pacific/Pohnpei",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UZ": "Asia/Tashkent",
}


class PhoneError(Invalid, ValueError):
    """A typed number that can't be taken: `code` is "empty" or "not_a_phone"; the message names an example."""

    def __init__(self, code: str, region: str) -> None:
        example = example_of(region)
        if code == "empty":
            super().__init__(_("Write the phone number, as in %(example)s.", example=example), code)
        else:
            message = _("This is not a complete phone number. Write it as in %(example)s.", example=example)
            super().__init__(message, code)


def parse_phone(text: str | None, region: str) -> str:
    """E.164 ("+919876543210") of a number as typed in `region` or with country code; PhoneError unless valid."""
    import phonenumbers

    typed = _digits_and_signs(text or "")
    if not typed:
        raise PhoneError("empty", region)
    try:
        if len(typed) > MAX_LENGTH or any(char.isalpha() for char in typed):
            raise PhoneError("not_a_phone", region)
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        raise PhoneError("not_a_phone", region) from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise PhoneError("not_a_phone", region)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _digits_and_signs(text: str) -> str:
    """What was typed with Western digits, without invisible characters (a pasted number often carries some)."""
    kept = (char for char in text if unicodedata.category(char) not in ("Cf", "Cc"))
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in kept).strip()


@lru_cache(maxsize=256)
def example_of(region: str) -> str:
    """A number as people of the region write it, for hints."""
    import phonenumbers

    if region in EXAMPLES:
        return EXAMPLES[region]
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    if number is None:
        return "+91 " + EXAMPLES["IN"]
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _parsed(e164: str) -> PhoneNumber | None:
    import phonenumbers

    try:
        return phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return None


@lru_cache(maxsize=4096)
def format_phone(e164: str) -> str:
    """ "+91 98765 43210": as it is written for readers anywhere; what is no number comes back as it is."""
    import phonenumbers

    number = _parsed(e164)
    if number is None:
        return e164
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def region_of(e164: str) -> str:
    """The number's country as ISO 3166 ("IN"), "" for numbers of no country."""
    import phonenumbers

    number = _parsed(e164)
    region = phonenumbers.region_code_for_number(number) if number else None
    return region if region and region.isalpha() else ""


def national_digits(e164: str) -> str:
    """ "9876543210" of "+919876543210": as it is dialled in its own country, without a trunk zero."""
    number = _parsed(e164)
    return str(number.national_number) if number else e164.lstrip("+")


def calling_code(region: str) -> str:
    """ "+91" for "IN", "" for an unknown region."""
    import phonenumbers

    code = phonenumbers.country_code_for_region(region)
    return f"+{code}" if code else ""


def prefix_of(e164: str) -> str:
    """Country code and first digits (six in all): the block of numbers that limits on sent codes count together."""
    return e164[:BLOCK_LENGTH]


def country_defaults(region: str, e164: str | None = None) -> tuple[str, str]:
    """Currency and time zone to propose for a country; the zone of the number itself where its area has only one."""
    currencies = get_territory_currencies(region) if region else []
    return (currencies[0] if currencies else "USD"), _zone_of_number(e164, region) or _zone_of_region(region)


def _zone_of_number(e164: str | None, region: str) -> str:
    """The zone of a number whose area lies in one zone of its country, "" otherwise."""
    known = _zones().get(region, ())
    number = _parsed(e164) if e164 and len(known) > 1 else None
    if number is None:
        return ""
    from phonenumbers.timezone import time_zones_for_number

    zones = [zone for zone in time_zones_for_number(number) if zone in known]
    return zones[0] if len(zones) == 1 else ""


def _zone_of_region(region: str) -> str:
    return MAIN_ZONES.get(region) or next(iter(_zones().get(region, ())), "UTC")


@lru_cache(maxsize=1)
def _zones() -> dict[str, tuple[str, ...]]:
    """Time zones by country, from tzdata's zone.tab."""
    zones: dict[str, tuple[str, ...]] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            region, _place, zone, *_note = line.split("\t")
            zones[region] = (*zones.get(region, ()), zone)
    return zones
