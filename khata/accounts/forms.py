"""Parse and check what sign-in and shop forms carry."""

from __future__ import annotations

import re
from functools import lru_cache

from babel.numbers import get_currency_name, list_currencies
from flask_babel import lazy_gettext as _

from khata.accounts import permissions, pins
from khata.accounts.actions import NewShop, WaysToPay
from khata.accounts.catalogue import CATEGORY_CODES
from khata.core import payment_qr
from khata.core.forms import Form
from khata.core.names import clean_name
from khata.core.phone import country_defaults, parse_phone, region_of


def read_phone(form: Form, region: str) -> str:
    """The E.164 number of a sign-in form; raises RefusedForm."""
    phone = form.read("phone", lambda text: parse_phone(text, region))
    form.require_valid()
    return str(phone)


def read_code(form: Form) -> str:
    """The six digits of a sign-in code, typed in any script; raises RefusedForm."""
    digits = "".join(str(int(char)) for char in form.value("code") if char.isdecimal())
    if not re.fullmatch(r"[0-9]{6}", digits):
        form.errors["code"] = _("The code has 6 digits.")
    form.require_valid()
    return digits


LONGEST_LABEL = 40  # of a device
CHOOSE_YOURSELF = _("Tap your name first.")
CHOOSE_ANOTHER_PIN = _("Choose another PIN than the one you were given.")


def read_pin(form: Form, phone: str | None = None, field: str = "pin") -> str:
    """A new PIN of 4 to 6 digits, typed in any script, that is not the first one everybody tries."""
    pin = typed_pin(form, field)
    if pin and pins.is_weak(pin, phone):
        form.errors[field] = _("This PIN is easy to guess. Choose another.")
    return pin


def typed_pin(form: Form, field: str = "pin") -> str:
    """The digits of a PIN; empty where it can be none."""
    text = form.value(field).strip()
    if not (text.isdecimal() and 4 <= len(text) <= 6):
        form.errors[field] = _("A PIN has 4 to 6 digits.")
        return ""
    return "".join(str(int(char)) for char in text)


def read_staff(form: Form, languages: frozenset[str], lang: str) -> pins.NewStaff:
    """Somebody who works by PIN; raises RefusedForm."""
    new = pins.NewStaff(
        name=form.name(),
        role=form.choice("role", permissions.ROLES.keys() - {"owner"}, "cashier"),
        lang=form.choice("lang", languages, lang),
        pin=read_pin(form),
    )
    form.require_valid()
    return new


def read_new_shop(form: Form, phone: str, currencies: frozenset[str], time_zones: frozenset[str]) -> NewShop:
    """A new shop; currency and time zone come from the owner's number where none is chosen; raises RefusedForm."""
    country = region_of(phone)
    currency, time_zone = country_defaults(country)
    new = NewShop(
        name=form.name(),
        category=read_category(form),
        currency=form.choice("currency", currencies, currency),
        time_zone=form.choice("time_zone", time_zones, time_zone),
        country=country,
    )
    form.require_valid()
    return new


def read_own_name(form: Form) -> str:
    """What who opens a shop is called, where they say it; raises RefusedForm."""
    name = form.optional("own_name", lambda text: clean_name(text, 80))
    form.require_valid()
    return name or ""


LINK_DAYS = ("", "30", "90", "365")


def read_ways_to_pay(form: Form) -> WaysToPay:
    """Where the shop is paid, and for how long a customer's link holds; what is wrong stands in `form.errors`."""
    days = form.choice("link_days", LINK_DAYS)
    return WaysToPay(
        upi_address=form.optional("upi_address", payment_qr.parse_upi_address) or "",
        pix_key=form.optional("pix_key", payment_qr.parse_pix_key) or "",
        iban=form.optional("iban", payment_qr.parse_iban) or "",
        city=form.note("city", 40),
        link_days=int(days) if form.is_valid and days else None,
    )


def read_category(form: Form) -> str:
    """A known category's code, or the person's own words; "other" where nothing was said."""
    chosen = form.value("category") or "other"
    if chosen == "other" and form.value("category_other").strip():
        chosen = form.value("category_other")
    if chosen in CATEGORY_CODES:
        return chosen
    field = "category_other" if form.value("category_other") else "category"
    return form.read(field, lambda text: clean_name(text, 40)) or "other"


def read_person(form: Form, languages: frozenset[str]) -> tuple[str, str]:
    """(name, language) of the person's own page; raises RefusedForm."""
    name, lang = form.name(), form.choice("lang", languages)
    form.require_valid()
    return name, lang


@lru_cache(maxsize=16)
def currency_choices(locale: str, first: str) -> list[tuple[str, str]]:
    """(code, name) of the currencies a shop can keep, the likeliest first."""
    codes = [first, *sorted(code for code in IN_USE if code != first)]
    return [(code, currency_name(code, locale)) for code in codes]


def currency_name(code: str, locale: str) -> str:
    """A currency as people know it: "INR · Indian Rupee"."""
    return f"{code} · {get_currency_name(code, locale=locale)}"


IN_USE = frozenset(list_currencies()) & frozenset(
    "INR NPR BDT PKR LKR USD EUR GBP AED SAR QAR KWD OMR BHD MYR SGD IDR PHP THB VND KRW JPY CNY KES NGN GHS TZS "
    "UGX ZAR EGP BRL MXN CAD AUD NZD CHF MMK KHR ETB RWF ZMW".split()
)
