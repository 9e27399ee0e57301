"""Parse and check what the forms of parties carry."""

from __future__ import annotations

from datetime import date

from flask_babel import lazy_gettext as _
from stdnum.exceptions import ValidationError
from stdnum.in_ import gstin as gstin_check

from khata.core.forms import Form, parse_coming_day
from khata.core.money import parse_amount
from khata.core.phone import parse_phone
from khata.errors import Invalid
from khata.parties.actions import Details
from khata.parties.models import KINDS


def read_details(form: Form, currency: str, region: str, today: date, languages: frozenset[str]) -> Details:
    """The details of a party as typed; what is wrong stands in `form.errors`."""
    return Details(
        name=form.name(),
        phone=form.optional("phone", lambda text: parse_phone(text, region)),
        address=form.note("address", 200),
        gstin=form.optional("gstin", parse_gstin) or "",
        note=form.note("note", 500),
        credit_limit_minor=form.optional("credit_limit", lambda text: parse_amount(text, currency)),
        due_on=form.optional("due_on", lambda text: parse_coming_day(text, today)),
        lang=form.choice("lang", languages | {""}),
    )


def read_kind(form: Form) -> str:
    """What a new party is as chosen: a customer where nothing was."""
    return form.choice("kind", KINDS, "customer")


def parse_gstin(text: str) -> str:
    """A GSTIN with its check digit right; raises Invalid."""
    try:
        return str(gstin_check.validate(text))
    except ValidationError:
        raise Invalid(
            _("This is not a GSTIN. It has 15 letters and digits, such as 27AAPFU0939F1ZV."), "gstin"
        ) from None
