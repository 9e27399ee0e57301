"""Money: integer minor units, parsed from what a shopkeeper types and formatted the way the shop reads it."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from babel import Locale
from babel.numbers import get_currency_precision, get_currency_symbol
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext

from khata.errors import Invalid

MAX_AMOUNT_MINOR = 10**13
MAX_LENGTH = 60

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"

# Numbering systems (CLDR names) whose digits may be typed, with the code point of their zero.
ZEROS = {
    "latn": 0x30,
    "arab": 0x660,
    "arabext": 0x6F0,
    "deva": 0x966,
    "beng": 0x9E6,
    "guru": 0xA66,
    "gujr": 0xAE6,
    "orya": 0xB66,
    "tamldec": 0xBE6,
    "telu": 0xC66,
    "knda": 0xCE6,
    "mlym": 0xD66,
    "fullwide": 0xFF10,
}

# Money of South Asia is read in thousands, lakhs and crores, whatever the language of the page.
LAKH_CURRENCIES = frozenset({"INR", "NPR", "PKR", "BDT", "LKR"})

# CLDR's narrow symbols (root and en, alt="narrow"): Babel carries only the wide ones.
NARROW_SYMBOLS = {
    "BDT": "৳",
    "EGP": "E£",
    "IDR": "Rp",
    "KZT": "₸",
    "LKR": "Rs",
    "MMK": "K",
    "MYR": "RM",
    "NGN": "₦",
    "NPR": "Rs",
    "PKR": "Rs",
    "RUB": "₽",
    "THB": "฿",
    "TRY": "₺",
    "UAH": "₴",
    "ZAR": "R",
}

RUPEE_MARKS = ("₨", "rs.", "rs", "re.", "re", "रु.", "रु", "रू.", "रू", "روپے", "রু", "ரூ.", "ரூ", "రూ.", "రూ", "ರೂ.", "ರೂ")
TYPED_MARKS = {
    "INR": ("₹", *RUPEE_MARKS, "રૂ.", "રૂ", "ਰੁ", "ଟ", "রুপি"),
    "PKR": RUPEE_MARKS,
    "NPR": RUPEE_MARKS,
    "LKR": (*RUPEE_MARKS, "රු.", "රු"),
    "BDT": ("tk.", "tk", "টাকা"),
    "USD": ("us$",),
    "AED": ("dhs", "dh"),
    "KRW": ("원", "\N{FULLWIDTH WON SIGN}"),
    "JPY": ("円",),
}

MESSAGES: dict[str, Any] = {
    "empty": _("Write the amount."),
    "not_a_number": _("This is not an amount. Write digits, as in 120 or 120+80*2."),
    "comma": _("The comma is in the wrong place. Write a point for decimals, as in 12.50, or leave the comma out."),
    "mixed_digits": _("This amount mixes digits of two scripts. Write it in one of them."),
    "zero": _("The amount is zero. Write an amount above zero."),
    "negative": _("The amount is below zero. Write an amount above zero."),
    "too_many_decimals": _("This amount has too many digits after the point."),
    "too_large": _("This amount is too large to record."),
    "too_long": _("This sum is too long. Write it in 60 characters or fewer."),
    "division_by_zero": _("This sum divides by zero."),
}


class MoneyError(Invalid, ValueError):
    """A typed amount that can't be taken; `code` is a key of MESSAGES."""

    def __init__(self, code: str, message: Any = None) -> None:
        super().__init__(message or MESSAGES[code], code)


@lru_cache(maxsize=256)
def exponent(currency: str) -> int:
    """Decimals of a currency by CLDR: INR 2, KRW 0, KWD 3."""
    return get_currency_precision(currency)


def parse_amount(text: str | None, currency: str) -> int:
    """Minor units (1 to MAX_AMOUNT_MINOR) of a typed amount or sum such as `120+80*2`; MoneyError otherwise."""
    typed = (text or "").translate(_INVISIBLE).strip()
    if not typed:
        raise MoneyError("empty")
    if len(typed) > MAX_LENGTH:
        raise MoneyError("too_long")
    value, is_sum = _Sum(_tokens(_one_script(typed).lower(), currency), exponent(currency)).value()
    return _to_minor(value, exponent(currency), is_sum)


def _to_minor(value: Fraction, decimals: int, is_sum: bool) -> int:
    """Exact where a plain amount was typed; the result of a sum is rounded half up to the minor unit."""
    if value < 0:
        raise MoneyError("negative")
    scaled = value * 10**decimals
    if not is_sum and scaled.denominator != 1:
        raise _too_many_decimals(decimals)
    amount_minor = int(scaled + Fraction(1, 2))
    if amount_minor == 0:
        raise MoneyError("zero")
    if amount_minor > MAX_AMOUNT_MINOR:
        raise MoneyError("too_large")
    return amount_minor


def _too_many_decimals(decimals: int) -> MoneyError:
    if decimals == 0:
        return MoneyError("too_many_decimals", _("This currency has no decimals. Write a whole amount."))
    message = lazy_ngettext(
        "Write at most %(num)d digit after the point.", "Write at most %(num)d digits after the point.", decimals
    )
    return MoneyError("too_many_decimals", message)


# What comes along when text is pasted or typed right to left, and carries no meaning in a number.
_INVISIBLE = dict.fromkeys([0x61C, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0xFEFF])

_SIGNS = str.maketrans(
    {
        "×": "*",
        "✕": "*",
        "✖": "*",
        "∗": "*",
        "÷": "/",
        "∕": "/",
        "−": "-",
        "–": "-",
        "\N{ARABIC DECIMAL SEPARATOR}": ".",
        "\N{ARABIC THOUSANDS SEPARATOR}": ",",
        "\N{ARABIC COMMA}": ",",
        **{chr(0xFF01 + i): chr(0x21 + i) for i in range(0x5E) if not chr(0x21 + i).isdigit()},
    }
)


def _one_script(typed: str) -> str:
    """The same text with Western digits and signs; digits of two scripts in one amount are refused."""
    zeros = {ord(c) - unicodedata.decimal(c) for c in typed if c.isdecimal()}
    if len(zeros) > 1:
        raise MoneyError("mixed_digits")
    zero = next(iter(zeros), 0x30)
    if zero not in ZEROS.values():
        raise MoneyError("not_a_number")
    return typed.translate({zero + digit: str(digit) for digit in range(10)}).translate(_SIGNS)


@lru_cache(maxsize=64)
def _token_pattern(currency: str) -> re.Pattern[str]:
    mark = _marks(currency)
    # "/-" after an amount is how rupees are closed on paper: only where no number follows it.
    return re.compile(
        rf"(?:{mark}\s*)?(?P<number>\d[\d,]*\.?\d*|\.\d+)(?:\s*/[-=](?=\s*(?:$|[-+*/)x])))?(?:\s*{mark})?"
        r"|(?P<sign>[-+*/()x])",
    )


def _marks(currency: str) -> str:
    """A pattern of what may stand beside a typed number, in small letters; the same to a phone's script."""
    symbol = get_currency_symbol(currency, "en")
    marks = {currency, symbol, _narrow(currency, symbol), NARROW_SYMBOLS.get(currency, currency)}
    small = {mark.lower() for mark in marks.union(TYPED_MARKS.get(currency, ()))}
    return f"(?:{'|'.join(re.escape(mark) for mark in sorted(small, key=lambda mark: (-len(mark), mark)))})"


_GROUPED = re.compile(r"\d{1,3}(,\d{3})+|\d{1,2}(,\d{2})*,\d{3}")


def _tokens(typed: str, currency: str) -> list[str]:
    """Numbers and signs, in order."""
    pattern, tokens, at = _token_pattern(currency), [], 0
    while at < len(typed):
        if typed[at].isspace():
            at += 1
        elif found := pattern.match(typed, at):
            tokens.append(_plain_number(found["number"]) if found["number"] else found["sign"].replace("x", "*"))
            at = found.end()
        else:
            raise MoneyError("not_a_number")
    return tokens


def _plain_number(typed: str) -> str:
    """The number without its group commas, which must stand where Western or Indian grouping has them."""
    whole, _point, _decimals = typed.partition(".")
    if "," in whole and not _GROUPED.fullmatch(whole):
        raise MoneyError("comma")
    return typed.replace(",", "")


class _Sum:
    """A recursive-descent reader of + - * / and brackets, exact in fractions; its input is at most 60 characters."""

    def __init__(self, tokens: list[str], decimals: int) -> None:
        self.tokens = tokens
        self.decimals = decimals
        self.at = 0

    def value(self) -> tuple[Fraction, bool]:
        """The value, and whether it is a sum rather than one plain amount."""
        value = self._terms()
        if self.at < len(self.tokens):
            raise MoneyError("not_a_number")
        numbers = [token for token in self.tokens if token[0] not in "+-*/()"]
        if len(numbers) == 1 and len(numbers[0].partition(".")[2]) > self.decimals:
            raise _too_many_decimals(self.decimals)
        return value, len(numbers) > 1

    def _take(self, signs: str) -> str:
        if self.at < len(self.tokens) and self.tokens[self.at] in signs:
            self.at += 1
            return self.tokens[self.at - 1]
        return ""

    def _terms(self) -> Fraction:
        # A sign of its own is read only where an expression starts: "--", "5*-2" and "80++20" are slips.
        negative = self._take("+-") == "-"
        total = -self._product() if negative else self._product()
        while sign := self._take("+-"):
            total = total + self._product() if sign == "+" else total - self._product()
        return total

    def _product(self) -> Fraction:
        product = self._number()
        while sign := self._take("*/"):
            factor = self._number()
            if sign == "/" and factor == 0:
                raise MoneyError("division_by_zero")
            product = product * factor if sign == "*" else product / factor
        return product

    def _number(self) -> Fraction:
        if self._take("("):
            inner = self._terms()
            if not self._take(")"):
                raise MoneyError("not_a_number")
            return inner
        if self.at >= len(self.tokens) or self.tokens[self.at] in "+-*/()":
            raise MoneyError("not_a_number")
        self.at += 1
        return Fraction(self.tokens[self.at - 1].removesuffix("."))


class _Pattern(NamedTuple):
    """How a currency is written in a language: what stands before the number, and how the number is cut."""

    prefix: str
    negative_prefix: str
    unit: int
    decimals: int
    lakhs: bool


def format_amount(
    amount_minor: int, currency: str, locale: str | Locale, digits: str | None = None, full: bool = False
) -> str:
    """ "−₹1,23,456.50": sign, symbol, number; a whole amount drops its decimals unless `full`.

    `digits` is a numbering system of ZEROS ("deva"); grouping follows the currency, not the language.
    """
    prefix, negative_prefix, unit, decimals, lakhs = _pattern(currency, locale)
    if amount_minor < 0:
        amount_minor = -amount_minor
        prefix = negative_prefix
    whole, rest = divmod(amount_minor, unit)
    if whole < 1000:
        number = str(whole)
    elif not lakhs or whole < 100_000:
        number = f"{whole:,}"
    else:
        number = _in_lakhs(whole)
    if rest or (full and decimals):
        number = f"{number}.{rest:0{decimals}d}"
    if digits:
        number = number.translate(_digit_table(digits))
    return prefix + number


def notation(currency: str, locale: str | Locale) -> dict[str, Any]:
    """What static/js/parts/money.js needs to read and write amounts as this module does, ready for JSON.

    `prefix` stands before the number, `exponent` is the count of decimals, `lakhs` says how the number is grouped, and
    `marks` is a pattern of what people write beside it.
    """
    prefix, _negative, _unit, decimals, lakhs = _pattern(currency, locale)
    return {"prefix": prefix, "exponent": decimals, "lakhs": lakhs, "marks": _marks(currency)}


def _in_lakhs(whole: int) -> str:
    """ "12,34,567": the last three digits, then pairs."""
    text = str(whole)
    head, groups = text[:-3], [text[-3:]]
    while head:
        groups.append(head[-2:])
        head = head[:-2]
    return ",".join(reversed(groups))


@lru_cache(maxsize=512)
def _pattern(currency: str, locale: str | Locale) -> _Pattern:
    symbol = _narrow(currency, get_currency_symbol(currency, locale))
    if symbol.rstrip("\u200e\u200f.")[-1:].isalpha():
        symbol += NBSP
    decimals = exponent(currency)
    return _Pattern(symbol, MINUS + symbol, 10**decimals, decimals, currency in LAKH_CURRENCIES)


def _narrow(currency: str, symbol: str) -> str:
    """The short symbol: a shop has one currency, so "US$" needs no "US" and a bare code gives way to a symbol."""
    if symbol == currency:
        return NARROW_SYMBOLS.get(currency, currency)
    short = symbol.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    return short if len(symbol) - len(short) >= 2 and short else symbol


@lru_cache(maxsize=len(ZEROS))
def _digit_table(digits: str) -> dict[int, str]:
    table = {0x30 + digit: chr(ZEROS[digits] + digit) for digit in range(10)}
    if digits in ("arab", "arabext"):
        table |= {ord("."): "\N{ARABIC DECIMAL SEPARATOR}", ord(","): "\N{ARABIC THOUSANDS SEPARATOR}"}
    return table


def to_plain(amount_minor: int, currency: str) -> str:
    """ "1234.50" for form fields and CSV, without groups; parse_amount reads it back."""
    decimals = exponent(currency)
    sign = "-" if amount_minor < 0 else ""
    whole, rest = divmod(abs(amount_minor), 10**decimals)
    return f"{sign}{whole}.{rest:0{decimals}d}" if decimals else f"{sign}{whole}"
