"""Parse and check what the forms of instalments and of payments to come carry."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from fractions import Fraction
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core.forms import Form, latin_digits, parse_coming_day, parse_promised_day
from khata.core.ids import parse_id
from khata.core.money import parse_amount
from khata.errors import Invalid
from khata.reminders.due_models import PART_STEPS, PAYMENT_STEPS, RATE_UNITS
from khata.reminders.dues import Payment
from khata.reminders.instalments import Terms
from khata.reminders.splitting import FEWEST, MOST

NONE, FLAT, RATE = "", "flat", "rate"
NOTE_LENGTH = 300
_PERCENT = re.compile(r"\d{1,3}(?:\.\d{1,4})?")


def read_terms(form: Form, currency: str, today: date) -> Terms:
    """How a debt is to be split; what is wrong stands in `form.errors`."""
    parts = form.read("parts", parse_count)
    every = form.choice("every", PART_STEPS, "month")
    first_on = form.read("first_on", lambda text: parse_promised_day(text, today))
    terms = Terms(parts or FEWEST, every, first_on or today)
    interest = form.choice("interest", (NONE, FLAT, RATE), NONE)
    if interest == FLAT:
        return terms._replace(flat_minor=form.read("flat", lambda text: parse_amount(text, currency)))
    if interest == RATE:
        rate, unit = form.read("rate", parse_percent), form.choice("unit", RATE_UNITS, "month")
        return terms._replace(rate_millionths=rate, rate_unit=unit, compounds=form.flag("compounds"))
    return terms


def parse_count(text: str) -> int:
    """How many parts; raises Invalid."""
    digits = latin_digits(text.strip())
    count = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 4 else 0
    if not FEWEST <= count <= MOST:
        raise Invalid(_("Write a number from 2 to 60."), "parts")
    return count


def parse_percent(text: str) -> int:
    """A rate such as "1.5" or "2 %" in millionths; raises Invalid."""
    digits = latin_digits(text.strip().removesuffix("%").strip())
    found = _PERCENT.fullmatch(digits) if digits.isascii() else None
    rate = Fraction(digits) if found else Fraction(0)
    if not 0 < rate <= 100:
        raise Invalid(_("Write the rate in percent, as in 1.5. It is at most 100."), "rate")
    return int(rate * 10_000)


def read_id(form: Form, name: str) -> UUID | None:
    """The id in the hidden field `name`, if any; raises Invalid: nobody types it."""
    return parse_id(form.value(name)) if form.value(name) else None


def read_minor(form: Form, name: str) -> int:
    """The amount in the hidden field `name`, in minor units; -1, which no debt is, where there is none."""
    text = form.value(name)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def read_payment(form: Form, currency: str, today: date) -> Payment | None:
    """What is to be paid to whom, from which day on; None where something is wrong, which stands in `form.errors`."""
    party_id = form.read("party", _parse_party)
    amount = form.read("amount", lambda text: parse_amount(text, currency))
    every = form.choice("every", PAYMENT_STEPS, "once")
    first_on = form.read("on", _coming_from(today))
    note = form.note("note", NOTE_LENGTH)
    return Payment(party_id, amount, every, first_on, note) if form.is_valid else None


def _coming_from(today: date) -> Callable[[str], Any]:
    """A day as far back as a year: a bill may be overdue when it is written down."""

    def parse(text: str) -> date:
        day = parse_coming_day(text, today)
        if (today - day).days > 366:
            raise Invalid(_("This date is too long ago."), "date_too_early")
        return day

    return parse


def _parse_party(text: str) -> UUID:
    if not text:
        raise Invalid(_("Choose the supplier."), "supplier")
    return parse_id(text)
