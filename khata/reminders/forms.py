"""Parse and check what reminder forms carry."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from flask_babel import lazy_gettext as _

from khata.core import clock
from khata.core.forms import Form, parse_coming_day
from khata.core.money import parse_amount
from khata.errors import Invalid
from khata.messages.texts import check_text
from khata.reminders import automatic
from khata.reminders.models import DUE, MONTHLY, RULES
from khata.reminders.queries import RECEIPT, REMINDER, WHO
from khata.reminders.rules import NewRule

MOST_DAYS = 365
CHOSEN = "chosen"
KINDS = (REMINDER, RECEIPT)


class Batch(NamedTuple):
    """Who is to be reminded by what, and when: all of WHO, or those that were ticked."""

    who: str
    channel: str
    due_at: datetime


def read_batch(form: Form, channels: list[str], today: date, time_zone: str) -> Batch:
    """A reminder to many; what is wrong stands in `form.errors`."""
    day = form.optional("on", lambda text: _not_before(parse_coming_day(text, today), today))
    due_at = clock.now() if day is None or day == today else clock.moment(day, automatic.QUIET_TO, time_zone)
    return Batch(form.choice("who", (*WHO, CHOSEN)), form.choice("channel", channels), due_at)


def _not_before(day: date, today: date) -> date:
    if day < today:
        raise Invalid(_("This day is over."), "day_over")
    return day


def read_rule(form: Form, channels: list[str], currency: str, party_id: UUID | None) -> NewRule:
    """A rule; what is wrong stands in `form.errors`."""
    kind = form.choice("kind", RULES)
    days = _days(form, kind)
    least = form.optional("least", lambda text: parse_amount(text, currency)) if kind == MONTHLY else None
    return NewRule(kind, form.choice("channel", channels), days, least or 0, party_id)


def _days(form: Form, kind: str) -> int:
    if kind == DUE:
        days = form.read("days", _whole)
        return int(days or 0) * (-1 if form.choice("side", ("before", "after"), "after") == "before" else 1)
    if kind == MONTHLY:
        day = form.read("day", _whole)
        if day is not None and not 1 <= day <= 31:
            form.errors["day"] = _("A month has days from 1 to 31.")
        return int(day or 1)
    return 0


def _whole(text: str) -> int:
    typed = text.strip() or "0"
    if not (typed.isdecimal() and len(typed) <= 3 and int(typed) <= MOST_DAYS):
        raise Invalid(_("Write a number of days, at most 365."), "not_days")
    return int(typed)


def read_text(form: Form, languages: frozenset[str], lang: str) -> tuple[str, str, str]:
    """(kind, language, the shop's own text of it); what is wrong stands in `form.errors`."""
    kind, code = form.choice("kind", KINDS, REMINDER), form.choice("lang", languages, lang)
    body = form.note("body", 2000)
    form.read("body", lambda _text: check_text(body))
    return kind, code, body
