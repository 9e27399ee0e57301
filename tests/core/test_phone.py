"""Numbers as they are typed, and what they tell of their country."""

from __future__ import annotations

import subprocess
import sys
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from khata.core.phone import (
    MAIN_ZONES,
    PhoneError,
    calling_code,
    country_defaults,
    format_phone,
    parse_phone,
    prefix_of,
    region_of,
)


@pytest.mark.parametrize(
    ("typed", "region", "e164"),
    [
        ("9876543210", "IN", "+919876543210"),
        ("98765 43210", "IN", "+919876543210"),
        ("098765-43210", "IN", "+919876543210"),
        ("+91 98765 43210", "IN", "+919876543210"),
        ("919876543210", "IN", "+919876543210"),
        ("0091 98765 43210", "IN", "+919876543210"),
        ("९८७६५४३२१०", "IN", "+919876543210"),
        ("৯৮৭৬৫৪৩২১০", "IN", "+919876543210"),
        ("٩٨٧٦٥٤٣٢١٠", "IN", "+919876543210"),
        ("௯௮௭௬௫௪௩௨௧௦", "IN", "+919876543210"),
        ("９８７６５４３２１０", "IN", "+919876543210"),
        ("\u202a+91 98765 43210\u202c", "IN", "+919876543210"),
        ("98765\u00a043210", "IN", "+919876543210"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("+1 212 555 0123", "IN", "+12125550123"),
        ("010-1234-5678", "KR", "+821012345678"),
        ("0300 1234567", "PK", "+923001234567"),
        ("022 2345 6789", "IN", "+912223456789"),
    ],
)
def test_a_typed_number_is_read(typed: str, region: str, e164: str) -> None:
    assert parse_phone(typed, region) == e164


@pytest.mark.parametrize(
    "typed", ["12345", "98765 4321", "abc", "1-800-FLOWERS", "98765 43210 ext 5", "+", "9" * 300, "+999123456789"]
)
def test_anything_else_is_refused_with_an_example(typed: str) -> None:
    with pytest.raises(PhoneError) as refused:
        parse_phone(typed, "IN")
    assert (refused.value.code, refused.value.status) == ("not_a_phone", 422)
    assert "98765 43210" in str(refused.value.message)


@pytest.mark.parametrize("typed", [None, "", "  ", "\u200f"])
def test_nothing_typed_is_said_so(typed: str | None) -> None:
    with pytest.raises(PhoneError) as refused:
        parse_phone(typed, "KR")
    assert refused.value.code == "empty"
    assert "010-" in str(refused.value.message)


@given(st.text(max_size=60) | st.text("0123456789+- ()९", max_size=30))
def test_no_text_breaks_the_reader(typed: str) -> None:
    try:
        e164 = parse_phone(typed, "IN")
    except PhoneError:
        return
    assert e164[1:].isdigit()
    assert parse_phone(format_phone(e164), "IN") == e164


def test_shown_with_spaces() -> None:
    assert format_phone("+919876543210") == "+91 98765 43210"
    assert format_phone("not a number") == "not a number"


def test_the_country_of_a_number() -> None:
    assert [region_of(n) for n in ("+919876543210", "+12125550123", "+14165550123", "+80012345678", "x")] == [
        "IN",
        "US",
        "CA",
        "",
        "",
    ]
    assert [calling_code(r) for r in ("IN", "US", "KR", "XX")] == ["+91", "+1", "+82", ""]


@pytest.mark.parametrize(
    ("region", "e164", "currency", "zone"),
    [
        ("IN", "+919876543210", "INR", "Asia/Kolkata"),
        ("IN", None, "INR", "Asia/Kolkata"),
        ("US", None, "USD", "America/New_York"),
        ("US", "+14155550123", "USD", "America/Los_Angeles"),
        ("US", "+18005550123", "USD", "America/New_York"),
        ("CA", "+16045550123", "CAD", "America/Vancouver"),
        ("AU", "+61412345678", "AUD", "Australia/Sydney"),
        ("RU", "+79161234567", "RUB", "Europe/Moscow"),
        ("KR", None, "KRW", "Asia/Seoul"),
        ("KW", None, "KWD", "Asia/Kuwait"),
        ("PK", None, "PKR", "Asia/Karachi"),
        ("BD", None, "BDT", "Asia/Dhaka"),
        ("NP", None, "NPR", "Asia/Kathmandu"),
        ("AE", None, "AED", "Asia/Dubai"),
        ("DE", None, "EUR", "Europe/Berlin"),
        ("", None, "USD", "UTC"),
    ],
)
def test_what_a_country_proposes(region: str, e164: str | None, currency: str, zone: str) -> None:
    assert country_defaults(region, e164) == (currency, zone)


def test_main_zones_exist() -> None:
    assert all(ZoneInfo(zone) for zone in MAIN_ZONES.values())


def test_numbers_of_one_block_count_together() -> None:
    assert prefix_of("+919876543210") == prefix_of("+919876599999") == "+919876"
    assert prefix_of("+919876543210") != prefix_of("+919877543210")


def test_the_number_library_is_not_loaded_at_start() -> None:
    script = "import sys, khata.core.phone; sys.exit('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
