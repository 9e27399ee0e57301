"""Amounts as they are typed, shown and exported."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from khata.core.money import MAX_AMOUNT_MINOR, ZEROS, MoneyError, exponent, format_amount, parse_amount, to_plain


def test_exponent_is_the_currencys() -> None:
    assert [exponent(c) for c in ("INR", "KRW", "KWD", "USD")] == [2, 0, 3, 2]


@pytest.mark.parametrize(
    ("typed", "currency", "amount_minor"),
    [
        ("120", "INR", 12000),
        ("120.5", "INR", 12050),
        ("120.50", "INR", 12050),
        ("5.", "INR", 500),
        (".5", "INR", 50),
        (" 120 ", "INR", 12000),
        ("120+80*2", "INR", 28000),
        ("(5+3)*20", "INR", 16000),
        ("12x50", "INR", 60000),
        ("12×50−100÷4", "INR", 57500),
        ("１２０＋８０", "INR", 20000),
        ("-5+10", "INR", 500),
        ("100-(20-5)", "INR", 8500),
        ("10/3", "INR", 333),
        ("20/3", "INR", 667),
        ("0.005*1", "INR", 1),
        ("2.345*2", "INR", 469),
        ("1/8", "INR", 13),
        ("100/3", "KRW", 33),
        ("1.234", "KWD", 1234),
        ("1,234", "INR", 123400),
        ("12,34,567.50", "INR", 123456750),
        ("1,234,567.50", "INR", 123456750),
        ("1,00,000+1,000", "INR", 10100000),
        ("₹1,200", "INR", 120000),
        ("₹ 120+₹80", "INR", 20000),
        ("Rs 1200/-", "INR", 120000),
        ("Rs.1200", "INR", 120000),
        ("rs. 500/- + rs. 200/-", "INR", 70000),
        ("500/-+200/-", "INR", 70000),
        ("(500/-)*2", "INR", 100000),
        ("INR 12", "INR", 1200),
        ("1200 INR", "INR", 120000),
        ("रु. १२०", "INR", 12000),
        ("Rs 5", "PKR", 500),
        ("$12.50", "USD", 1250),
        ("US$ 12", "USD", 1200),
        ("৳১২০", "BDT", 12000),
        ("₩12,000", "KRW", 12000),
        ("٣٤٥", "INR", 34500),
        ("۳۴۵", "PKR", 34500),
        ("١٬٢٣٤٫٥٠", "AED", 123450),
        ("\u200f٣٤٥\u200f", "INR", 34500),
        ("१२०+८०*२", "INR", 28000),
        ("100000000000", "INR", MAX_AMOUNT_MINOR),
    ],
)
def test_a_typed_amount_is_read(typed: str, currency: str, amount_minor: int) -> None:
    assert parse_amount(typed, currency) == amount_minor


@pytest.mark.parametrize("system", ZEROS)
def test_digits_of_every_script_are_read(system: str) -> None:
    typed = "".join(chr(ZEROS[system] + int(digit)) for digit in "1234567890")
    assert parse_amount(typed, "INR") == 123456789000


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (None, "empty"),
        ("", "empty"),
        (" \u200f ", "empty"),
        *((typed, "not_a_number") for typed in ("1e5", "NaN", "inf", "--", "--5", "9**9**9", "abc", "5*-2", "80++20")),
        *((typed, "not_a_number") for typed in ("(5", "5)", "()", "(5)(3)", "5 3", "1.2.3", "+", "5+", ".", ",", "x")),
        *(
            (typed, "not_a_number")
            for typed in ("$5", "EUR 5", "½", "²", "五", "0x10f", "1_000", "5%", "500/-2", "₹", "/-")
        ),
        ("᠑᠒", "not_a_number"),
        ("0", "zero"),
        ("0.00", "zero"),
        ("5-5", "zero"),
        ("1/1000", "zero"),
        ("0x10", "zero"),
        ("-5", "negative"),
        ("5-10", "negative"),
        ("10.005", "too_many_decimals"),
        ("(10.005)", "too_many_decimals"),
        ("5.000", "too_many_decimals"),
        ("12,50", "comma"),
        ("1,2345", "comma"),
        ("1,,000", "comma"),
        ("1.234,56", "not_a_number"),
        ("12,50+10", "comma"),
        ("1000000000000000", "too_large"),
        ("100000000000.01", "too_large"),
        ("999999999*999999999*999999999", "too_large"),
        ("5/0", "division_by_zero"),
        ("5/(3-3)", "division_by_zero"),
        ("1" * 61, "too_long"),
        ("(" * 60, "not_a_number"),
        ("1२", "mixed_digits"),
        ("120+८०", "mixed_digits"),
        ("٤۴", "mixed_digits"),
    ],
)
def test_anything_else_gets_one_sentence(typed: str | None, code: str) -> None:
    with pytest.raises(MoneyError) as refused:
        parse_amount(typed, "INR")
    assert refused.value.code == code
    assert refused.value.status == 422
    assert str(refused.value.message).endswith(".")


def test_the_sentence_on_decimals_knows_the_currency() -> None:
    for currency, typed, sentence in (
        ("INR", "1.234", "Write at most 2 digits after the point."),
        ("KRW", "1.5", "This currency has no decimals. Write a whole amount."),
    ):
        with pytest.raises(MoneyError) as refused:
            parse_amount(typed, currency)
        assert str(refused.value.message) == sentence


@pytest.mark.parametrize(
    "locale", ["en", "hi", "mr", "gu", "pa", "bn", "as", "or", "ta", "te", "kn", "ml", "ur", "ar", "ko"]
)
def test_rupees_are_grouped_three_then_two_in_every_language(locale: str) -> None:
    assert format_amount(123456750, "INR", locale) == "₹12,34,567.50"
    assert format_amount(-123456750, "INR", locale) == "−₹12,34,567.50"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "shown"),
    [
        (0, "INR", "en", "₹0"),
        (120000, "INR", "en", "₹1,200"),
        (5, "INR", "en", "₹0.05"),
        (99999900, "INR", "en", "₹9,99,999"),
        (100000000, "INR", "en", "₹10,00,000"),
        (MAX_AMOUNT_MINOR, "INR", "en", "₹1,00,00,00,00,000"),
        (123456789, "USD", "en", "$1,234,567.89"),
        (-123456789, "USD", "gu", "−$1,234,567.89"),
        (1234567, "KRW", "ko", "₩1,234,567"),
        (1234500, "KWD", "en", "KWD\u00a01,234.500"),
        (12345600, "PKR", "en", "Rs\u00a01,23,456"),
        (12345600, "PKR", "ur", "Rs\u00a01,23,456"),
        (12345600, "BDT", "bn", "৳1,23,456"),
        (1250, "GBP", "en", "£12.50"),
        (1250, "BRL", "en", "R$12.50"),
    ],
)
def test_other_amounts(amount_minor: int, currency: str, locale: str, shown: str) -> None:
    assert format_amount(amount_minor, currency, locale) == shown


def test_full_keeps_the_decimals_and_digits_are_a_choice() -> None:
    assert format_amount(120000, "INR", "en", full=True) == "₹1,200.00"
    assert format_amount(1200, "KRW", "ko", full=True) == "₩1,200"
    assert format_amount(12345650, "INR", "hi", "deva") == "₹१,२३,४५६.५०"
    assert format_amount(12345650, "INR", "ur", "arabext") == "₹۱٬۲۳٬۴۵۶٫۵۰"


amounts = st.integers(1, MAX_AMOUNT_MINOR)
currencies = st.sampled_from(["INR", "USD", "KRW", "KWD", "PKR", "BDT", "AED", "NPR", "LKR"])


@given(amounts, currencies)
def test_plain_text_is_read_back(amount_minor: int, currency: str) -> None:
    assert parse_amount(to_plain(amount_minor, currency), currency) == amount_minor


@given(amounts, currencies, st.sampled_from(list(ZEROS)), st.booleans())
def test_what_is_shown_is_read_back(amount_minor: int, currency: str, digits: str, full: bool) -> None:
    assert parse_amount(format_amount(amount_minor, currency, "en", digits, full), currency) == amount_minor


def test_plain_text_of_a_debt_has_its_sign() -> None:
    assert to_plain(-1250, "INR") == "-12.50"
    assert to_plain(0, "INR") == "0.00"
    assert to_plain(-5, "KRW") == "-5"


@given(st.text("0123456789+-*/().,x ₹०१٣eE", max_size=70) | st.text(max_size=70))
@example("9**9**9")
@example("((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((")
def test_no_text_breaks_the_reader(typed: str) -> None:
    with contextlib.suppress(MoneyError):
        assert 0 < parse_amount(typed, "INR") <= MAX_AMOUNT_MINOR


@given(st.integers(1, 10**6), st.integers(1, 10**4), st.integers(1, 10**3))
def test_sums_agree_with_whole_number_arithmetic(a: int, b: int, c: int) -> None:
    assert parse_amount(f"{a}+{b}*{c}", "INR") == (a + b * c) * 100
    assert parse_amount(f"({a}+{b})*{c}", "INR") == (a + b) * c * 100
    assert parse_amount(f"{a}/{b}+1", "INR") == (a * 200 + b) // (2 * b) + 100
